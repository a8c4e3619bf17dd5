use jwt_auth::refresh_required;

#[refresh_required(fresh)]
async fn handler() {}

fn main() {}
