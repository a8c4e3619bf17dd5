use jwt_auth::{Config, load_config};

#[load_config]
fn auth() -> Option<Config> {
    None
}

fn main() {}
