use jwt_auth::{AccessToken, Checked, check, public};

#[check]
async fn owner(_: AccessToken) -> bool {
    true
}

#[public]
async fn handler(_: Checked<owner>) {}

fn main() {}
