use jwt_auth::routing::get;
use jwt_auth::{Config, GuardedRouter};

fn handler() {}

fn main() {
    let auth = Config::hs256([7; 32]).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(auth);
}
