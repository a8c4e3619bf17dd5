use jwt_auth::jwt_required;

#[jwt_required(optional, scopes("a"))]
async fn handler() {}

fn main() {}
