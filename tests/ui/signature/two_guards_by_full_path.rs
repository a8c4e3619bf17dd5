#[jwt_auth::public]
#[jwt_auth::refresh_required]
async fn handler() {}

fn main() {}
