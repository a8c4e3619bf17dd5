use jwt_auth::{Permission, jwt_required};

#[derive(Permission)]
enum Notes {
    Write,
}

#[jwt_required(scopes(Notes::Wirte))]
async fn edit() {}

fn main() {}
