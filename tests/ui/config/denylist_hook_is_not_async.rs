use jwt_auth::{Config, TokenIdentity};

fn revoked(_: &TokenIdentity<'_>) -> bool {
    false
}

fn main() {
    let _config = Config::hs256([7; 32]).denylist(revoked);
}
