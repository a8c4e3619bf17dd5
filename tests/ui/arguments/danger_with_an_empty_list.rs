use jwt_auth::jwt_required;

#[jwt_required(danger())]
async fn handler() {}

fn main() {}
