use jwt_auth::Permission;

#[derive(Permission)]
enum Notes {
    Read,
    Of(u64),
}

fn main() {}
