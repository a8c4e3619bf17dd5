use jwt_auth::jwt_required;

#[jwt_required(fresh = false)]
async fn handler() {}

fn main() {}
