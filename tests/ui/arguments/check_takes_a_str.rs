use jwt_auth::jwt_required;

fn may_edit(_: &str) -> bool {
    true
}

#[jwt_required(check = may_edit)]
async fn handler() {}

fn main() {}
