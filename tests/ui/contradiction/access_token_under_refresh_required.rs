use jwt_auth::{AccessToken, refresh_required};

#[refresh_required]
async fn handler(token: AccessToken) {
    drop(token);
}

fn main() {}
