use jwt_auth::jwt_required;

#[jwt_required(scopes("a"), scopes("b"))]
async fn handler() {}

fn main() {}
