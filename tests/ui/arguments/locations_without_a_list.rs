use jwt_auth::jwt_required;

#[jwt_required(locations)]
async fn handler() {}

fn main() {}
