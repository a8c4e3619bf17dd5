use jwt_auth::jwt_required;

#[jwt_required(max_age = "10min")]
async fn handler() {}

fn main() {}
