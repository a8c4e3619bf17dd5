use jwt_auth::{RefreshToken, check, jwt_required};

#[check]
async fn owner(_: RefreshToken) -> bool {
    true
}

#[jwt_required(check = owner)]
async fn handler() {}

fn main() {}
