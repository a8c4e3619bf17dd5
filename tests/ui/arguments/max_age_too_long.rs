use jwt_auth::jwt_required;

#[jwt_required(max_age = "99999999999999999999d")]
async fn handler() {}

fn main() {}
