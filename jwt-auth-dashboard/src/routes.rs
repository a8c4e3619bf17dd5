//! The routes, who may call them, and where a request carries its token.

use std::sync::Arc;

use axum::{Extension, Json};
use jwt_auth::config::Credential;
use jwt_auth::{JwtAuth, TokenKind};
use serde::Serialize;

use crate::access::who;
use crate::serve::Shared;

#[derive(Serialize)]
pub(crate) struct Listed {
    routes: Vec<Route>,
    access: Option<Header>,
    refresh: Option<Header>,
}

#[derive(Serialize)]
struct Route {
    method: String,
    path: String,
    guard: String,
    is_public: bool,
    who: Vec<String>,
    handler: &'static str,
}

/// The header that carries a token.
#[derive(Serialize)]
struct Header {
    name: String,
    scheme: Option<String>,
}

pub(crate) async fn list(auth: JwtAuth, Extension(shared): Extension<Arc<Shared>>) -> Json<Listed> {
    let routes = shared.manifest.entries().iter().map(|entry| Route {
        method: entry.method().to_owned(),
        path: entry.path().to_owned(),
        guard: entry.access().guard().to_owned(),
        is_public: entry.access().is_public(),
        who: who(entry.access()),
        handler: entry.handler(),
    });
    let header = |kind| {
        auth.credentials(kind).into_iter().find_map(|credential| match credential {
            Credential::Header { name, scheme } => Some(Header { name, scheme }),
            _ => None,
        })
    };
    Json(Listed {
        routes: routes.collect(),
        access: header(TokenKind::Access),
        refresh: header(TokenKind::Refresh),
    })
}
