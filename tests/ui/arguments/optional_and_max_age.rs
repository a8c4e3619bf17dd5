use jwt_auth::jwt_required;

#[jwt_required(max_age = "10m", optional)]
async fn handler() {}

fn main() {}
