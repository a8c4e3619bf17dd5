//! The attributes in a crate that imports jwt-auth under another name.

use guards::routing::get;
use guards::{
    AccessToken, Checked, Config, ConfigError, GuardedRouter, check, jwt_required, load_config,
    public,
};

mod auth {
    pub(crate) use guards::*;
}

#[load_config(crate = guards)]
fn configuration() -> Config {
    Config::hs256(*b"a secret of the tests, 32 bytes .")
}

#[jwt_required(crate = ::guards)]
async fn plain(_: AccessToken) {}

#[jwt_required(scopes("a"), max_age = "1h", check = is_plain, crate = crate::auth)]
async fn everything(_: AccessToken) {}

#[public(crate = guards)]
async fn open() {}

fn is_plain(_: &AccessToken) -> bool {
    true
}

#[check(crate = guards)]
async fn is_checked(token: AccessToken) -> bool {
    token.subject() == "alice"
}

#[jwt_required(check(all(is_checked, is_plain)), crate = guards)]
async fn checked(_: Checked<is_checked>) {}

/// An app that uses every attribute.
///
/// # Errors
///
/// Never: the configuration is valid.
pub fn app() -> Result<axum::Router, ConfigError> {
    let router = GuardedRouter::new()
        .route("/plain", get(plain))
        .route("/everything", get(everything))
        .route("/checked", get(checked))
        .route("/open", get(open));
    Ok(router.with_state(configuration()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_attributes_work_under_another_crate_name() {
        assert!(super::app().is_ok());
    }
}
