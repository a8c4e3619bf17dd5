use jwt_auth::Permission;

#[derive(Permission)]
enum Notes {}

fn main() {}
