use jwt_auth::{RefreshToken, jwt_required};

#[jwt_required]
async fn handler(token: RefreshToken) {
    drop(token);
}

fn main() {}
