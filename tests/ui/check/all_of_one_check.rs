#[jwt_auth::jwt_required(check(all(owner)))]
async fn handler() {}

fn main() {}
