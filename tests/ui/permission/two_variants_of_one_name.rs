use jwt_auth::Permission;

#[derive(Permission)]
#[permission(prefix = "notes:", rename_all = "lowercase")]
enum Notes {
    Write,
    #[permission("notes:write")]
    Edit,
}

fn main() {}
