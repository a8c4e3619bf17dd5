use jwt_auth::{AccessToken, AuthError, Checked, jwt_required};

async fn own_note(_: AccessToken) -> Result<(), AuthError> {
    Ok(())
}

#[jwt_required]
async fn handler(_: Checked<own_note>) {}

fn main() {}
