use jwt_auth::jwt_required;

#[jwt_required(max_age = "600")]
async fn handler() {}

fn main() {}
