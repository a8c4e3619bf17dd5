use jwt_auth::{AccessToken, Checked, check, jwt_required};

#[check]
async fn owner(_: AccessToken) -> bool {
    true
}

#[jwt_required(optional, check = owner)]
async fn handler(_: Checked<owner>) {}

fn main() {}
