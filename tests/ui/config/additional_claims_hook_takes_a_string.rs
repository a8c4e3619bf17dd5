use jwt_auth::Config;

async fn tenant(_: String) -> Result<u8, std::io::Error> {
    Ok(7)
}

fn main() {
    let _config = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).additional_claims(tenant);
}
