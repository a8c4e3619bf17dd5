use jwt_auth::routing::get;
use jwt_auth::{AccessToken, Config, GuardedRouter, JwtAuth};

async fn handler(auth: JwtAuth, token: AccessToken) -> String {
    drop(auth);
    token.subject().to_owned()
}

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(auth);
}
