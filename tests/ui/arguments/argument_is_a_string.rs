use jwt_auth::jwt_required;

#[jwt_required("admin")]
async fn handler() {}

fn main() {}
