use axum::handler::Handler;
use jwt_auth::routing::get;
use jwt_auth::{Config, GuardedRouter};

async fn handler() {}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler.layer(tower::layer::util::Identity::new()))).with_state(auth);
}
