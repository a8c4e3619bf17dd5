use jwt_auth::jwt_required;

#[jwt_required(scopes["a"])]
async fn handler() {}

fn main() {}
