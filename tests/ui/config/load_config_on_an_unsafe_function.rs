use jwt_auth::{Config, load_config};

#[load_config]
unsafe fn auth() -> Config {
    Config::hs256([7; 32])
}

fn main() {}
