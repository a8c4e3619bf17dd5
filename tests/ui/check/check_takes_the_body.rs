use axum::Json;
use jwt_auth::{AccessToken, check};

#[check]
async fn complete(_: AccessToken, _: Json<String>) -> bool {
    true
}

fn main() {}
