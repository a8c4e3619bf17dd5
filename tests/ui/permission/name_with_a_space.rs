use jwt_auth::Permission;

#[derive(Permission)]
enum Notes {
    #[permission("notes write")]
    Write,
    #[permission("")]
    Read,
}

fn main() {}
