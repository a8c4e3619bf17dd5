use jwt_auth::jwt_required;

#[jwt_required(scope("a"), max_age = "1", fresh = 1)]
async fn handler() {}

fn main() {}
