use jwt_auth::jwt_required;

enum Notes {
    Write,
}

#[jwt_required(scopes(Notes::Write))]
async fn edit() {}

fn main() {}
