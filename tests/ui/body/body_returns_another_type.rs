use jwt_auth::{AccessToken, jwt_required};

#[jwt_required(scopes("a"))]
async fn handler(token: AccessToken) -> String {
    token.subject()
}

fn main() {}
