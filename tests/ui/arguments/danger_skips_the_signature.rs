use jwt_auth::jwt_required;

#[jwt_required(danger(signature = "skip"))]
async fn handler() {}

fn main() {}
