use jwt_auth::{Config, load_config};

struct App;

impl App {
    #[load_config]
    fn auth(&self) -> Config {
        Config::hs256([7; 32])
    }
}

fn main() {}
