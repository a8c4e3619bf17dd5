use jwt_auth::{AccessToken, public};

#[public]
async fn handler(token: Option<AccessToken>) {
    drop(token);
}

fn main() {}
