use jwt_auth::jwt_required;

#[jwt_required(any_scope(""))]
async fn handler() {}

fn main() {}
