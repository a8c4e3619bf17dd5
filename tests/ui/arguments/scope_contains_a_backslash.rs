use jwt_auth::jwt_required;

#[jwt_required(scopes("notes\\read"))]
async fn handler() {}

fn main() {}
