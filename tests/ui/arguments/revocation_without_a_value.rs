use jwt_auth::jwt_required;

#[jwt_required(revocation)]
async fn handler() {}

fn main() {}
