use jwt_auth::{Config, load_config};

struct App;

impl App {
    #[load_config]
    fn auth(&self) -> Config {
        Config::hs256(jwt_auth::KeyMaterial::ephemeral())
    }
}

fn main() {}
