//! `token`: a token for trying routes, signed with the development key.

use crate::arguments::TokenArguments;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::print;

pub(crate) fn run(arguments: &TokenArguments) -> Result<(), Failure> {
    let environment = Environment::read()?;
    if !environment.has_key() {
        return Err(Failure::usage(
            "there is no key: run the project once in a debug build, which creates .jwt-auth/dev-key, or `cargo jwt-auth init`",
        ));
    }
    if !environment.has_development_key && !arguments.yes_production {
        return Err(Failure::usage(
            "the configured key is not the development key, so the token would be valid wherever that key is; add --yes-production if this is intended",
        ));
    }
    let auth = environment.config().build().map_err(Failure::usage)?;
    macro_rules! issue {
        ($builder:expr) => {{
            let mut token = $builder
                .scopes(arguments.scopes.iter().cloned())
                .roles(arguments.roles.iter().cloned());
            if !arguments.audience.is_empty() {
                token = token.audience(arguments.audience.iter().cloned());
            }
            if let Some(life) = arguments.expires {
                token = token.expires_in(life);
            }
            token
        }};
    }
    let token = if arguments.refresh {
        issue!(auth.refresh_token(&arguments.sub)).issue()
    } else {
        issue!(auth.access_token(&arguments.sub).fresh(arguments.fresh)).issue()
    };
    let token = token.map_err(|error| Failure::usage(error.detail()))?;
    print(&format!("{}\n", token.as_str()))
}
