use jwt_auth::jwt_required;

#[jwt_required(danger(revocation = "skip", revocation = "skip"))]
async fn handler() {}

fn main() {}
