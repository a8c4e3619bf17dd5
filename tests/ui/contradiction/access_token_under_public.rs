use jwt_auth::{AccessToken, public};

#[public]
async fn handler(token: AccessToken) {
    drop(token);
}

fn main() {}
