use jwt_auth::jwt_required;

#[jwt_required(revocation = "skip")]
async fn handler() {}

fn main() {}
