use jwt_auth::{AccessToken, jwt_required};

#[jwt_required(optional)]
async fn handler(token: AccessToken) {
    drop(token);
}

fn main() {}
