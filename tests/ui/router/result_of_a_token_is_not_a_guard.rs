use jwt_auth::routing::get;
use jwt_auth::{AccessToken, AuthError, Config, GuardedRouter};

async fn handler(_: Result<AccessToken, AuthError>) {}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(auth);
}
