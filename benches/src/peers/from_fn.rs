//! The usual hand-written middleware: `from_fn` around `jsonwebtoken::decode`, the claims as an extension.

use std::hint::black_box;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use jwt_auth::Algorithm;

use super::by_hand::ByHand;
use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::ours::open;
use crate::tokens::Claims;

async fn check(
    State(by_hand): State<ByHand>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let claims = by_hand.check(request.headers())?;
    request.extensions_mut().insert(claims);
    Ok(next.run(request).await)
}

async fn guarded(Extension(claims): Extension<Claims>) -> &'static str {
    black_box(&claims.sub);
    "ok"
}

pub(super) fn peer(algorithm: Algorithm, token: &str) -> Contender {
    let router = Router::new()
        .route(GUARDED, get(guarded))
        .route_layer(from_fn_with_state(ByHand::new(algorithm), check))
        .route(OPEN, get(open));
    Contender::new("from_fn by hand, jsonwebtoken 11", "", App::Axum(router), token)
}
