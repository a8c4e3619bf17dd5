use jwt_auth::jwt_required;

#[jwt_required(check)]
async fn handler() {}

fn main() {}
