//! tower-oauth2-resource-server: its layer with a local key set, the claims as an extension.

use std::hint::black_box;

use axum::routing::get;
use axum::{Extension, Router};
use jwt_auth::Algorithm;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::measure::run_ready;
use crate::ours::open;
use crate::tokens::{AUDIENCE, Claims, ISSUER, convert_algorithm, with_key_id};

async fn guarded(Extension(claims): Extension<Claims>) -> &'static str {
    black_box(&claims.sub);
    "ok"
}

pub(super) fn peer(algorithm: Algorithm, token: &str) -> Contender {
    // It requires a `kid`, so the same claims are in a token that has one.
    let (token, keys) = with_key_id(algorithm, token);
    let rules = ClaimsValidationSpec::new().iss(ISSUER).exp(true).nbf(true);
    let tenant = TenantConfiguration::static_builder(keys.to_string())
        .claims_validation(rules.aud(&vec![AUDIENCE.to_owned()]))
        // Without this it refuses HMAC.
        .allowed_algorithms(&[convert_algorithm(algorithm)])
        .build();
    let server =
        OAuth2ResourceServer::<Claims>::builder().add_tenant(tenant.expect("a valid tenant"));
    let server = run_ready(server.build()).expect("a valid server");
    let router = Router::new()
        .route(GUARDED, get(guarded))
        .route_layer(server.into_layer())
        .route(OPEN, get(open));
    Contender::new("tower-oauth2-resource-server 0.12", "", App::Axum(router), &token)
}
