use jwt_auth::jwt_required;

#[jwt_required(max_age)]
async fn handler() {}

fn main() {}
