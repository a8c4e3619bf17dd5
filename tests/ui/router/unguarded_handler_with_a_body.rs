use axum::Json;
use jwt_auth::routing::get;
use jwt_auth::{Config, GuardedRouter};

async fn handler(_: Json<u8>) {}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(auth);
}
