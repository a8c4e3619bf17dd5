#[jwt_auth::jwt_required(check(owner, admin))]
async fn handler() {}

fn main() {}
