use jwt_auth::jwt_required;

#[jwt_required]
fn handler() {}

fn main() {}
