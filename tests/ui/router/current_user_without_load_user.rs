use jwt_auth::{CurrentUser, JwtAuth, jwt_required};

struct User;

#[jwt_required]
#[axum::debug_handler(state = JwtAuth)]
async fn me(_user: CurrentUser<User>) {}

fn main() {}
