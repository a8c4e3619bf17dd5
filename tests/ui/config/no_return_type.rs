use jwt_auth::load_config;

#[load_config]
fn auth() {}

fn main() {}
