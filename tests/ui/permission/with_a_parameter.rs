use jwt_auth::Permission;

#[derive(Permission)]
enum Notes<'a> {
    Write(&'a str),
}

fn main() {}
