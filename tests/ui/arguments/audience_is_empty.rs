use jwt_auth::jwt_required;

#[jwt_required(audience = "")]
async fn handler() {}

fn main() {}
