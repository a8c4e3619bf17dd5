use jwt_auth::jwt_required;

#[jwt_required(danger)]
async fn me() {}

fn main() {}
