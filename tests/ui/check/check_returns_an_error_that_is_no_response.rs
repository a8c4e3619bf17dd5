use jwt_auth::{AccessToken, check};

#[check]
async fn owner(_: AccessToken) -> Result<(), std::fmt::Error> {
    Ok(())
}

fn main() {}
