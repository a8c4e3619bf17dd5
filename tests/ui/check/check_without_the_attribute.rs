use axum::extract::Path;
use jwt_auth::{AccessToken, AuthError, jwt_required};

async fn own_note(_: AccessToken, _: Path<u64>) -> Result<(), AuthError> {
    Ok(())
}

#[jwt_required(check = own_note)]
async fn handler() {}

fn main() {}
