#[jwt_auth::check]
struct Owner;

fn main() {}
