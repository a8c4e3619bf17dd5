use jwt_auth::jwt_required;

#[jwt_required(scope("a"))]
async fn handler() {}

fn main() {}
