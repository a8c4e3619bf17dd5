use jwt_auth::{AccessToken, check};

#[check]
async fn owner(_: AccessToken) -> u8 {
    1
}

fn main() {}
