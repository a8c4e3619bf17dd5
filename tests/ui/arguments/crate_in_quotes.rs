use jwt_auth::jwt_required;

#[jwt_required(crate = "jwt_auth")]
async fn handler() {}

fn main() {}
