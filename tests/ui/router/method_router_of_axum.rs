use axum::routing::get;
use jwt_auth::{Config, GuardedRouter};

async fn handler() {}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(auth);
}
