use jwt_auth::jwt_required;

#[jwt_required(fresh optional)]
async fn handler() {}

fn main() {}
