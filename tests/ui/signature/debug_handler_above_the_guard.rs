use jwt_auth::{AccessToken, JwtAuth, jwt_required};

#[axum::debug_handler(state = JwtAuth)]
#[jwt_required]
async fn handler(token: AccessToken) {
    drop(token);
}

fn main() {}
