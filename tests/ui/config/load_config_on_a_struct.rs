use jwt_auth::load_config;

#[load_config]
struct Settings;

fn main() {}
