use jwt_auth::jwt_required;

#[jwt_required(scopes("notizen:schreibgeschützt"))]
async fn handler() {}

fn main() {}
