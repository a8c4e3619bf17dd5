//! Other attributes above and below ours, as the table in the documentation lists them.

use axum::extract::State;
use jwt_auth::routing::get;
use jwt_auth::{AccessToken, Config, GuardedRouter, JwtAuth, jwt_required, public};

#[jwt_required]
#[axum::debug_handler(state = JwtAuth)]
async fn debug_below(_: AccessToken) -> &'static str {
    "debug_handler below"
}

#[jwt_required(scopes("a"))]
#[axum::debug_handler]
async fn debug_below_with_state(_: State<JwtAuth>, _: AccessToken) {}

#[tracing::instrument(skip_all)]
#[jwt_required]
async fn instrument_above(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(fresh)]
#[tracing::instrument]
async fn instrument_below(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[utoipa::path(get, path = "/above", responses((status = 200, body = String)))]
#[jwt_required]
async fn utoipa_above(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(scopes("a"))]
#[utoipa::path(get, path = "/below", responses((status = 200, body = String)))]
async fn utoipa_below(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[deprecated(note = "as an example")]
#[jwt_required(scopes("a"))]
async fn deprecated_above() {}

#[public]
#[deprecated(note = "as an example")]
async fn deprecated_below() {}

/// Documentation above the attribute,
#[jwt_required(scopes("a"))]
/// and below it.
#[must_use]
pub(crate) async fn documented() -> &'static str {
    "documented"
}

#[cfg(not(any()))]
#[jwt_required(scopes("a"))]
async fn switched() -> &'static str {
    "on"
}

#[jwt_required(scopes("b"))]
#[cfg(any())]
async fn switched() -> NoSuchType {
    no_such_function()
}

#[jwt_required(scopes("a"))]
#[cfg_attr(all(), allow(unused_variables))]
async fn conditional(token: AccessToken) {}

#[test]
#[allow(deprecated, reason = "deprecated handlers are routed")]
fn handlers_with_other_attributes_route() {
    let app: axum::Router = GuardedRouter::new()
        .route("/1", get(debug_below))
        .route("/2", get(debug_below_with_state))
        .route("/3", get(instrument_above))
        .route("/4", get(instrument_below))
        .route("/5", get(utoipa_above))
        .route("/6", get(utoipa_below))
        .route("/7", get(deprecated_above))
        .route("/8", get(deprecated_below))
        .route("/9", get(documented))
        .route("/10", get(switched))
        .route("/11", get(conditional))
        .with_state(
            Config::hs256(jwt_auth::KeyMaterial::ephemeral())
                .build()
                .expect("a valid configuration"),
        );
    assert!(app.has_routes());
}
