use jwt_auth::Config;

fn main() {
    let _config = Config::hs256([7; 32]).denylist("revoked");
}
