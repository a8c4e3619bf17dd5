use jwt_auth::jwt_required;

#[jwt_required(scopes)]
async fn handler() {}

fn main() {}
