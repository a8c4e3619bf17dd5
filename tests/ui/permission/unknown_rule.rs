use jwt_auth::Permission;

#[derive(Permission)]
#[permission(rename_all = "kebab_case")]
enum Notes {
    Write,
}

fn main() {}
