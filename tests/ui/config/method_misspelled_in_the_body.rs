use jwt_auth::{Config, load_config};

#[load_config]
fn auth() -> Config {
    Config::hs256(jwt_auth::KeyMaterial::ephemeral()).isuer("me")
}

fn main() {}
