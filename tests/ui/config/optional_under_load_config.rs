use jwt_auth::{Config, load_config};

#[load_config(optional)]
fn auth() -> Config {
    Config::from_env()
}

fn main() {}
