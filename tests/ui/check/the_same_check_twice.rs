#[jwt_auth::jwt_required(check(any(owner, all(admin, owner))))]
async fn handler() {}

fn main() {}
