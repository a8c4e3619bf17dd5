//! The configuration from a file: `Config` implements `Deserialize`, with the names of the options.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::{Config, environment};

/// Options from a file, by figment, config, TOML, JSON or any other format of serde (feature `serde-config`).
///
/// The name of each option is that of its [variable](Self::from_env) without `JWT_AUTH_`, in lower case. A value is a string
/// as in the variable, or a number, a boolean or a list of strings. Durations are strings with their unit: `"15m"`. An
/// unknown option and an invalid value are errors of the deserializer, which knows the line or the path of the field. The
/// keys and the rules between options are checked by [`build`](Self::build). `null` means that an option is not set; for
/// `header_type` it means a token without a scheme. No message of this crate contains a secret; a parser may quote the line
/// of a syntax error. A key is never created.
///
/// ```
/// # #[cfg(feature = "serde-config")] {
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     port: u16,
///     auth: jwt_auth::Config,
/// }
///
/// # let secret = "the secret of one hidden example";
/// let file = format!(r#"{{ "port": 3000, "auth": {{
///     "secret_key": "{secret}",
///     "access_token_expires": "5m",
///     "token_location": ["cookie", "header"],
///     "cookie_secure": true,
///     "max_sessions_per_subject": 5
/// }} }}"#);
/// let settings: Settings = serde_json::from_str(&file)?;
/// assert!(settings.auth.build().is_ok());
///
/// let typo = serde_json::from_str::<Settings>(r#"{ "port": 3000, "auth": { "secret": "" } }"#);
/// assert!(typo.is_err_and(|error| error.to_string().contains("did you mean `secret_key`?")));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Options)
    }
}

/// The options that are numbers or booleans. Another option is text: as a number, the secret `007` would become `7`.
const NOT_TEXT: [&str; 7] = [
    "JWT_AUTH_VERIFIED_CACHE",
    "JWT_AUTH_MAX_SESSIONS_PER_SUBJECT",
    "JWT_AUTH_COOKIE_SECURE",
    "JWT_AUTH_SCOPE_WILDCARDS",
    "JWT_AUTH_SESSION_COOKIES",
    "JWT_AUTH_COOKIE_CSRF_PROTECT",
    "JWT_AUTH_CSRF_IN_COOKIES",
];

/// The options that are lists.
const LISTS: [&str; 9] = [
    "JWT_AUTH_VERIFY_KEYS",
    "JWT_AUTH_AUDIENCE",
    "JWT_AUTH_DECODE_AUDIENCE",
    "JWT_AUTH_AUTHORIZATION_SERVERS",
    "JWT_AUTH_DENYLIST_TOKEN_CHECKS",
    "JWT_AUTH_TOKEN_LOCATION",
    "JWT_AUTH_HEADER_TYPES",
    "JWT_AUTH_CSRF_METHODS",
    "JWT_AUTH_TRUSTED_ORIGINS",
];

/// The options that contain keys. Their problems are reported by `build`, because a deserializer that reports a position may
/// quote the line.
const KEYS: [&str; 4] =
    ["JWT_AUTH_SECRET_KEY", "JWT_AUTH_PRIVATE_KEY", "JWT_AUTH_PUBLIC_KEY", "JWT_AUTH_VERIFY_KEYS"];

struct Options;

impl<'de> Visitor<'de> for Options {
    type Value = Config;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the options of jwt-auth by name, such as `secret_key`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
        let mut variables = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let variable = environment::variable(&name).map_err(Error::custom)?;
            let Some(text) = map.next_value_seed(OptionValue(&variable))? else { continue };
            if variables.insert(variable, text).is_some() {
                return Err(Error::custom(format_args!("the option `{name}` is set twice")));
            }
        }
        Ok(environment::from_file(&variables))
    }
}

/// Reads the value of one option as the text of its variable; `None` if the file sets it to nothing.
struct OptionValue<'v>(&'v str);

impl<'de> DeserializeSeed<'de> for OptionValue<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let Some((text, written)) = deserializer.deserialize_any(AnyText)? else {
            // For every other option `null` is "not set". This one has a setter for "no word before the token".
            return Ok((self.0 == "JWT_AUTH_HEADER_TYPE").then(|| "none".to_owned()));
        };
        let fits = match written {
            Written::Text => true,
            Written::List => LISTS.contains(&self.0),
            Written::Other => NOT_TEXT.contains(&self.0),
        };
        if fits && KEYS.contains(&self.0) {
            return Ok(Some(text));
        }
        // Here, because the deserializer adds the position of this value to the error.
        match environment::problem_in_file(self.0, &text) {
            Some(problem) if !KEYS.contains(&self.0) => Err(Error::custom(problem)),
            _ if fits => Ok(Some(text)),
            _ => Err(Error::custom("this option is text; write its value in quotes")),
        }
    }
}

/// How a value is written.
enum Written {
    Text,
    List,
    /// A number or a boolean.
    Other,
}

/// Any value as text, and how it is written.
struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Option<(String, Written)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a whole number, a boolean or a list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some((text.to_owned(), Written::Text)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some((value.to_string(), Written::Other)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some((number.to_string(), Written::Other)))
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Self::Value, E> {
        Ok(Some((number.to_string(), Written::Other)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some((number.to_string(), Written::Other)))
    }

    /// A fraction fits no option, and may be a part of a secret: it is not repeated.
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Some(("a fraction".to_owned(), Written::Other)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    /// A list. Its commas would separate more entries, so an entry has none.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element::<String>()? {
            if entry.contains(',') {
                return Err(Error::invalid_value(
                    Unexpected::Other("an entry with a comma"),
                    &"one value for each entry of the list",
                ));
            }
            entries.push(entry);
        }
        Ok(Some((entries.join(","), Written::List)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_that_are_not_text_are_those_that_refuse_words() {
        let accepts =
            |variable: &str, value: &str| environment::problem_in_file(variable, value).is_none();
        let is_not_text = |variable: &String| {
            !accepts(variable, "a") && (accepts(variable, "true") || accepts(variable, "1"))
        };
        let mut found: Vec<String> =
            environment::options().map(|row| row.variable).filter(is_not_text).collect();
        let mut expected = NOT_TEXT.map(str::to_owned);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}
