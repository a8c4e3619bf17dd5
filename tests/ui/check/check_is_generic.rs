use jwt_auth::{AccessToken, check};

#[check]
async fn owner<C>(_: AccessToken<C>) -> bool {
    true
}

fn main() {}
