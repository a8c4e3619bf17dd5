use jwt_auth::{AccessToken, check, refresh_required};

#[check]
async fn owner(_: AccessToken) -> bool {
    true
}

#[refresh_required(check = owner)]
async fn handler() {}

fn main() {}
