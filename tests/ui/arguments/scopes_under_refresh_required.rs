use jwt_auth::refresh_required;

#[refresh_required(scopes("a"))]
async fn handler() {}

fn main() {}
