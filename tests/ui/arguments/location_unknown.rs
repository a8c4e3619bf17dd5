use jwt_auth::jwt_required;

#[jwt_required(locations(header, cookies))]
async fn handler() {}

fn main() {}
