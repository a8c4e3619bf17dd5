use axum::response::IntoResponse;
use jwt_auth::{AccessToken, AuthError, check};

#[check]
async fn returns_a_hidden_error(_: AccessToken) -> Result<(), impl IntoResponse> {
    Ok::<(), AuthError>(())
}

#[check]
async fn takes_a_hidden_type(_: AccessToken, _: Option<impl Send>) -> bool {
    true
}

fn main() {}
