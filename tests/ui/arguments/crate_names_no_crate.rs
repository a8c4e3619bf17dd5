use jwt_auth::jwt_required;

#[jwt_required(crate = nowhere)]
async fn handler() {}

fn main() {}
