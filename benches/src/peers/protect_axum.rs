//! protect-axum, which does not verify tokens: its layer after hand-written decoding, the roles as authorities.

use std::collections::HashSet;
use std::future::{Ready, ready};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jwt_auth::Algorithm;
use protect_axum::GrantsLayer;
use protect_axum::authorities::{AuthDetails, AuthoritiesCheck as _};

use super::by_hand::ByHand;
use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::ours::open;

async fn guarded(details: AuthDetails) -> Result<&'static str, StatusCode> {
    if details.has_authority("editor") { Ok("ok") } else { Err(StatusCode::FORBIDDEN) }
}

pub(super) fn peer(algorithm: Algorithm, token: &str) -> Contender {
    let by_hand = ByHand::new(algorithm);
    let extract = move |request: &mut Request| -> Ready<Result<HashSet<String>, Response>> {
        let claims = by_hand.check(request.headers());
        let roles = claims.map(|claims| claims.roles.into_iter().collect());
        ready(roles.map_err(StatusCode::into_response))
    };
    let router = Router::new()
        .route(GUARDED, get(guarded))
        .route_layer(GrantsLayer::with_extractor(extract))
        .route(OPEN, get(open));
    Contender::new("protect-axum 0.2, jsonwebtoken 11", "", App::Axum(router), token)
}
