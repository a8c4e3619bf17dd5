//! The configuration of the project: the variables of the process, those of `.env`, and the development key.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use jwt_auth::Config;

use crate::failure::Failure;

const PREFIX: &str = "JWT_AUTH_";
const KEYS: [&str; 3] = ["JWT_AUTH_SECRET_KEY", "JWT_AUTH_PRIVATE_KEY", "JWT_AUTH_PUBLIC_KEY"];
/// The file that a debug build creates.
const DEVELOPMENT_KEY: &str = ".jwt-auth/dev-key";

/// What a project is configured with.
pub(crate) struct Environment {
    pub(crate) variables: BTreeMap<String, String>,
    /// Whether the key is the one that a debug build created.
    pub(crate) has_development_key: bool,
}

impl Environment {
    /// Reads it from the current folder. Variables of the process win over those of `.env`.
    pub(crate) fn read() -> Result<Self, Failure> {
        let mut variables = match fs::read_to_string(".env") {
            Ok(text) => parse(&text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(Failure::usage(format!(".env: {error}"))),
        };
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let value = value.into_string();
            let value = value.map_err(|_| Failure::usage(format!("{name} is not UTF-8")))?;
            variables.insert(name.to_owned(), value);
        }
        let has_key = KEYS.iter().any(|key| variables.contains_key(*key));
        let has_development_key = !has_key && Path::new(DEVELOPMENT_KEY).exists();
        if has_development_key {
            let key = fs::read_to_string(DEVELOPMENT_KEY);
            let key = key.map_err(|error| Failure::usage(format!("{DEVELOPMENT_KEY}: {error}")))?;
            variables.insert(KEYS[0].to_owned(), key.trim().to_owned());
        }
        Ok(Self { variables, has_development_key })
    }

    pub(crate) fn has_key(&self) -> bool {
        KEYS.iter().any(|key| self.variables.contains_key(*key))
    }

    pub(crate) fn config(&self) -> Config {
        Config::from_vars(self.variables.clone())
    }
}

/// The variables of an `.env` file that are ours: `NAME=value`, with quotes or without.
fn parse(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut variables = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if !line.starts_with(PREFIX) {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| {
            Failure::usage(format!(".env, line {}: write NAME=value", number + 1))
        })?;
        let value = value.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| {
            let (value, rest) = value.strip_prefix(*quote)?.split_once(*quote)?;
            let rest = rest.trim_start();
            (rest.is_empty() || rest.starts_with('#')).then_some(value)
        });
        let unquoted = || value.split(" #").next().unwrap_or_default().trim_end();
        variables.insert(name.trim().to_owned(), quoted.unwrap_or_else(unquoted).to_owned());
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_shells_and_other_tools_read_it() {
        let text = "# JWT_AUTH_ISSUER=no\nOTHER=1\nJWT_AUTH_ISSUER=\"me\" \nexport JWT_AUTH_AUDIENCE='a b'\nJWT_AUTH_COMPAT=x # why\nJWT_AUTH_SUBJECT='a # b' # why\n";
        let variables = parse(text).expect("valid");
        assert_eq!(variables["JWT_AUTH_ISSUER"], "me");
        assert_eq!(variables["JWT_AUTH_AUDIENCE"], "a b");
        assert_eq!(variables["JWT_AUTH_COMPAT"], "x");
        assert_eq!(variables["JWT_AUTH_SUBJECT"], "a # b");
        assert_eq!(variables.len(), 4);
        assert!(parse("JWT_AUTH_ISSUER").is_err());
    }
}
