use jwt_auth::jwt_required;

#[jwt_required(scopes("notes:read notes:write"))]
async fn handler() {}

fn main() {}
