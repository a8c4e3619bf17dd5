use jwt_auth::jwt_required;

use axum::extract::Path;
use jwt_auth::RefreshToken as Token;

#[jwt_required]
async fn handler(id: Path<u32>, token: Token) {
    drop((id, token));
}

fn main() {}
