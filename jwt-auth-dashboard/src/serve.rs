//! The routes of the page, and what their handlers share.

use std::sync::Arc;

use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use jwt_auth::router::{HoldsJwtAuth, Manifest};

use crate::recorder::Recorder;
use crate::{assets, gate, keys, mint, routes, rules, sessions, stream};

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) manifest: Manifest,
    pub(crate) recorder: Arc<Recorder>,
}

/// The routes of the page. Each passes through the gate.
pub(crate) fn page<S>(manifest: Manifest) -> Router<S>
where
    S: HoldsJwtAuth + Clone + Send + Sync + 'static,
{
    let shared = Arc::new(Shared { manifest, recorder: Arc::new(Recorder::new()) });
    // The gate is a layer of each method router. As a layer of the whole router it would also get the application's 404s.
    let route = |router: Router<S>, path: &str, methods: MethodRouter<S>| {
        router.route(path, methods.layer(Extension(Arc::clone(&shared))).layer(from_fn(gate::gate)))
    };
    [
        ("/_jwt-auth", get(assets::index)),
        ("/_jwt-auth/", get(assets::without_slash)),
        ("/_jwt-auth/style.css", get(assets::style)),
        ("/_jwt-auth/script.js", get(assets::script)),
        ("/_jwt-auth/routes", get(routes::list)),
        ("/_jwt-auth/decisions", get(stream::decisions)),
        ("/_jwt-auth/keys", get(keys::list)),
        ("/_jwt-auth/verify", post(rules::verify)),
        ("/_jwt-auth/mint", post(mint::mint)),
        ("/_jwt-auth/sessions", post(sessions::list)),
        ("/_jwt-auth/sessions/end", post(sessions::end)),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, methods)| route(router, path, methods))
}
