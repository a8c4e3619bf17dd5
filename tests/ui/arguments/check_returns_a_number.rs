use jwt_auth::jwt_required;

fn may_edit(_: &jwt_auth::AccessToken) -> u8 {
    7
}

#[jwt_required(check = may_edit)]
async fn handler() {}

fn main() {}
