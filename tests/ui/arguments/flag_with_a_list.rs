use jwt_auth::jwt_required;

#[jwt_required(optional("x"))]
async fn handler() {}

fn main() {}
