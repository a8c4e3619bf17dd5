#[jwt_auth::check(optional)]
async fn owner() -> bool {
    true
}

fn main() {}
