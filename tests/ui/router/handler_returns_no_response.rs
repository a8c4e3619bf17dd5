use jwt_auth::routing::get;
use jwt_auth::{Config, GuardedRouter, jwt_required};

struct Nothing;

#[jwt_required]
async fn handler() -> Nothing {
    Nothing
}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(auth);
}
