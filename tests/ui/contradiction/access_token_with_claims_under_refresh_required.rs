use jwt_auth::{AccessToken, refresh_required};

#[derive(serde::Deserialize)]
struct Mine;

#[refresh_required]
async fn handler(token: AccessToken<Mine>) {
    drop(token);
}

fn main() {}
