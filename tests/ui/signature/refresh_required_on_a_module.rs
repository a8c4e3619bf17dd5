use jwt_auth::refresh_required;

#[refresh_required]
mod handlers {}

fn main() {}
