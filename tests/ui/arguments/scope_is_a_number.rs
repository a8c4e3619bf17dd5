use jwt_auth::jwt_required;

#[jwt_required(scopes(1))]
async fn handler() {}

fn main() {}
