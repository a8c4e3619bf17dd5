use axum::http::Method;
use jwt_auth::routing::get;
use jwt_auth::{Config, GuardedRouter, jwt_required};

#[jwt_required]
async fn handler(_: String, _: Method) {}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(auth);
}
