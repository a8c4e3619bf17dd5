use jwt_auth::Config;

fn main() {
    let _config = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).denylist("revoked");
}
