use jwt_auth::jwt_required;

const LIMIT: u32 = 7;

#[jwt_required(scopes(LIMIT))]
async fn handler() {}

fn main() {}
