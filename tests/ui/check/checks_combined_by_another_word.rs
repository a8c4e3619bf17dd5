#[jwt_auth::jwt_required(check(every(owner, admin)))]
async fn handler() {}

fn main() {}
