use jwt_auth::{Config, load_config};

#[load_config]
unsafe fn auth() -> Config {
    Config::hs256(jwt_auth::KeyMaterial::ephemeral())
}

fn main() {}
