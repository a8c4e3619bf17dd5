use jwt_auth::jwt_required;

#[jwt_required]
#[jwt_required(fresh)]
async fn handler() {}

fn main() {}
