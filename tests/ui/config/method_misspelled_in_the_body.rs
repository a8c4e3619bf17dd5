use jwt_auth::{Config, load_config};

#[load_config]
fn auth() -> Config {
    Config::hs256([7; 32]).isuer("me")
}

fn main() {}
