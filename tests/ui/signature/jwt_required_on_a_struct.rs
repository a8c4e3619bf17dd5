use jwt_auth::jwt_required;

#[jwt_required]
struct Handler;

fn main() {}
