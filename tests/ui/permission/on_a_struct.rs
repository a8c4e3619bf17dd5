use jwt_auth::Permission;

#[derive(Permission)]
struct Notes;

fn main() {}
