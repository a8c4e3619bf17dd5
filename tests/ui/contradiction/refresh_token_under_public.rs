use jwt_auth::{RefreshToken, public};

#[public]
async fn handler(token: RefreshToken) {
    drop(token);
}

fn main() {}
