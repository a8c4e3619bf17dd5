use jwt_auth::{Config, GuardedRouter};

fn main() {
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route_service("/", axum::Router::new()).with_state(auth);
}
