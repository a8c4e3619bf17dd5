use jwt_auth::{Config, CurrentUser, GuardedRouter, JwtAuth, jwt_required, routing::get};

struct User;

#[jwt_required]
#[axum::debug_handler(state = JwtAuth)]
async fn me(_user: CurrentUser<User>) {}

fn main() {
    let auth = Config::hs256([7; 32]).build().unwrap();
    let _app: axum::Router = GuardedRouter::new().route("/me", get(me)).with_state(auth);
}
