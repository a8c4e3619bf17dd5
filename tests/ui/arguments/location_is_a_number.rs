use jwt_auth::jwt_required;

#[jwt_required(locations(1))]
async fn handler() {}

fn main() {}
