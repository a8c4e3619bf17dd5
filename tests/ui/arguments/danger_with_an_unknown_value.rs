use jwt_auth::jwt_required;

#[jwt_required(danger(revocation = "off"))]
async fn handler() {}

fn main() {}
