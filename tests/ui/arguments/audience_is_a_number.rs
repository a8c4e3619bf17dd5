use jwt_auth::jwt_required;

#[jwt_required(audience = 7)]
async fn handler() {}

fn main() {}
