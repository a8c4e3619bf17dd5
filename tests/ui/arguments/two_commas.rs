use jwt_auth::jwt_required;

#[jwt_required(fresh,, scopes("a"))]
async fn handler() {}

fn main() {}
