use jwt_auth::routing::{MethodFilter, on};
use jwt_auth::{Config, GuardedRouter};

async fn handler() {}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", on(MethodFilter::GET, handler)).with_state(auth);
}
