use axum::extract::State;
use jwt_auth::{AccessToken, JwtAuth, check, jwt_required};

#[derive(Clone)]
struct Db;

#[check]
async fn own_note(_: AccessToken, _: State<Db>) -> bool {
    true
}

#[jwt_required(check = own_note)]
#[axum::debug_handler(state = JwtAuth)]
async fn handler() {}

fn main() {}
