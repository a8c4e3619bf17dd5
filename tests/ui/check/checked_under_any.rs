use jwt_auth::{AccessToken, Checked, check, jwt_required};

#[check]
async fn owner(_: AccessToken) -> bool {
    true
}

#[check]
async fn is_admin(_: AccessToken) -> bool {
    true
}

#[jwt_required(check(any(owner, is_admin)))]
async fn handler(_: Checked<owner>) {}

fn main() {}
