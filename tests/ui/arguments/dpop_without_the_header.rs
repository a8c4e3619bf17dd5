use jwt_auth::jwt_required;

#[jwt_required(dpop, locations(cookie))]
async fn pay() {}

fn main() {}
