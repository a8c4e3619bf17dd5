use jwt_auth::{AccessToken, jwt_required};

#[jwt_required]
async fn handler(token: AccessToken) {
    drop(token.);
}

fn main() {}
