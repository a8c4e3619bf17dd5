use jwt_auth::jwt_required;

#[jwt_required(locations())]
async fn me() {}

fn main() {}
