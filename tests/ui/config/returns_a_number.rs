use jwt_auth::load_config;

#[load_config]
fn auth() -> u8 {
    7
}

fn main() {}
