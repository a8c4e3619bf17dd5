use jwt_auth::{Config, TokenIdentity};

fn revoked(_: &TokenIdentity<'_>) -> bool {
    false
}

fn main() {
    let _config = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).denylist(revoked);
}
