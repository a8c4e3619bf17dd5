use jwt_auth::jwt_required;

#[jwt_required(Optional)]
async fn handler() {}

fn main() {}
