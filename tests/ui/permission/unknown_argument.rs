use jwt_auth::Permission;

#[derive(Permission)]
#[permission(perfix = "notes:")]
enum Notes {
    Write,
}

fn main() {}
