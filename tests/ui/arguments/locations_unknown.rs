use jwt_auth::jwt_required;

#[jwt_required(locations(header, cookies))]
async fn me() {}

fn main() {}
