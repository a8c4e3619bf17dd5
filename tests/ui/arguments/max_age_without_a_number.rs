use jwt_auth::jwt_required;

#[jwt_required(max_age = "m")]
async fn handler() {}

fn main() {}
