use jwt_auth::{AccessToken, check};

#[check]
async fn owner(_: AccessToken) {}

fn main() {}
