use jwt_auth::jwt_required;

#[jwt_required(scopes = ["a", "b"])]
async fn handler() {}

fn main() {}
