use jwt_auth::jwt_required;

#[jwt_required(locations(header, cookie, header))]
async fn handler() {}

fn main() {}
