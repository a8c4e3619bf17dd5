use jwt_auth::Permission;

#[derive(Permission)]
enum Notes {
    #[permission(write)]
    Write,
    #[permission = "read"]
    Read,
}

fn main() {}
