use jwt_auth::{AccessToken, AuthError, Checked, check, jwt_required};

#[check]
async fn own_note(_: AccessToken) -> Result<(), AuthError> {
    Ok(())
}

#[jwt_required(scopes("notes:read"))]
async fn handler(_: Checked<own_note>) {}

fn main() {}
