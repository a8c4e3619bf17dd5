use jwt_auth::jwt_required;

#[jwt_required(revocation = "lax")]
async fn handler() {}

fn main() {}
