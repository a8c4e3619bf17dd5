#[jwt_auth::jwt_required(check(owner))]
async fn handler() {}

fn main() {}
