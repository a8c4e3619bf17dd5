use jwt_auth::routing::get;
use jwt_auth::{Config, GuardedRouter, public};

#[public]
async fn list() {}

async fn handler() {}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(list).fallback(handler)).with_state(auth);
}
