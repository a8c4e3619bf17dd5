use jwt_auth::routing::get;
use jwt_auth::{Config, GuardedRouter};

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(|| async { "hi" })).with_state(auth);
}
