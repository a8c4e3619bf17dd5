use jwt_auth::jwt_required;

#[jwt_required(optional, fresh)]
async fn handler() {}

fn main() {}
