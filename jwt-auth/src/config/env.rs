//! The configuration from `JWT_AUTH_*` variables: each one an option's name, and no unknown ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::claims::TokenKind;
use crate::config::dev_key::{self, Origin};
use crate::config::{Compat, Config, ConfigProblem, SameSite, TokenLocation, duration};
use crate::keys::{Algorithm, Key, KeyRing};

const PREFIX: &str = "JWT_AUTH_";

/// The variables that choose the key; the others are in [`OPTIONS`].
const KEYS: [&str; 5] = ["SECRET_KEY", "PRIVATE_KEY", "PUBLIC_KEY", "ALGORITHM", "KEY_ID"];

/// What the macros listen to while compiling; `cargo run` hands it on.
const OF_THE_MACROS: &str = "MACROS_DEBUG";

type Apply = fn(Config, &'static str, &str) -> Config;

const OPTIONS: &[(&str, Apply)] = &[
    ("ISSUER", |config, _, value| config.issuer(value)),
    ("ENCODE_ISSUER", |config, _, value| config.encode_issuer(value)),
    ("DECODE_ISSUER", |config, _, value| config.decode_issuer(value)),
    ("AUDIENCE", |config, _, value| config.audience(list(value))),
    ("DECODE_AUDIENCE", |config, _, value| config.decode_audience(list(value))),
    ("DECODE_LEEWAY", |config, name, value| timed(config, name, value, Config::decode_leeway)),
    ("ACCESS_TOKEN_EXPIRES", |config, name, value| {
        timed(config, name, value, Config::access_token_expires)
    }),
    ("REFRESH_TOKEN_EXPIRES", |config, name, value| {
        timed(config, name, value, Config::refresh_token_expires)
    }),
    ("REFRESH_FAMILY_EXPIRES", |config, name, value| {
        timed(config, name, value, Config::refresh_family_expires)
    }),
    ("REFRESH_GRACE", |config, name, value| timed(config, name, value, Config::refresh_grace)),
    ("TOKEN_LOCATION", |config, name, value| {
        let named = TokenLocation::ALL.map(|location| (location.name(), location));
        many(config, name, value, &named, Config::token_location)
    }),
    ("HEADER_NAME", |config, _, value| config.header_name(value)),
    ("HEADER_TYPE", |config, _, value| {
        config.header_type(Some(value).filter(|value| !value.eq_ignore_ascii_case("none")))
    }),
    ("QUERY_NAME", |config, _, value| config.query_name(value)),
    ("ACCESS_COOKIE_KEY", |config, _, value| config.access_cookie_key(value)),
    ("REFRESH_COOKIE_KEY", |config, _, value| config.refresh_cookie_key(value)),
    ("ACCESS_COOKIE_PATH", |config, _, value| config.access_cookie_path(value)),
    ("REFRESH_COOKIE_PATH", |config, _, value| config.refresh_cookie_path(value)),
    ("COOKIE_MAX_AGE", |config, name, value| timed(config, name, value, Config::cookie_max_age)),
    ("COOKIE_DOMAIN", |config, _, value| config.cookie_domain(value)),
    ("COOKIE_SECURE", |config, name, value| {
        switch(config, name, value, |mut config, on| {
            config.settings.cookies.secure = on;
            config
        })
    }),
    ("COOKIE_SAMESITE", |config, name, value| {
        one(config, name, value, &SameSite::ALL, Config::cookie_samesite)
    }),
    ("COOKIE_CSRF_PROTECT", |config, name, value| {
        switch(config, name, value, Config::cookie_csrf_protect)
    }),
    ("CSRF_IN_COOKIES", |config, name, value| switch(config, name, value, Config::csrf_in_cookies)),
    ("ACCESS_CSRF_COOKIE_KEY", |config, _, value| config.access_csrf_cookie_key(value)),
    ("REFRESH_CSRF_COOKIE_KEY", |config, _, value| config.refresh_csrf_cookie_key(value)),
    ("ACCESS_CSRF_COOKIE_PATH", |config, _, value| config.access_csrf_cookie_path(value)),
    ("REFRESH_CSRF_COOKIE_PATH", |config, _, value| config.refresh_csrf_cookie_path(value)),
    ("ACCESS_CSRF_HEADER_NAME", |config, _, value| config.access_csrf_header_name(value)),
    ("REFRESH_CSRF_HEADER_NAME", |config, _, value| config.refresh_csrf_header_name(value)),
    ("CSRF_METHODS", |config, _, value| config.csrf_methods(list(value))),
    ("CSRF_FORM_FIELD", |config, _, value| config.csrf_form_field(value)),
    ("TRUSTED_ORIGINS", |config, _, value| config.trusted_origins(list(value))),
    ("DENYLIST_TOKEN_CHECKS", |config, name, value| {
        many(config, name, value, &KINDS, Config::denylist_token_checks)
    }),
    ("VERIFIED_CACHE", |config, name, value| match value.parse() {
        Ok(tokens) => config.verified_cache(tokens),
        Err(_) => config.problem(ConfigProblem::new(
            format!("{PREFIX}{name}"),
            "the value is a number of tokens",
            format!("write {PREFIX}{name}=10000, or 0 to turn the cache off"),
        )),
    }),
    ("COMPAT", |config, name, value| {
        one(config, name, value, &[("fastapi-jwt-auth", Compat::FastApiJwtAuth)], Config::compat)
    }),
    ("ERROR_BODY_KEY", |config, _, value| config.error_body_key(value)),
];

const KINDS: [(&str, TokenKind); 2] = [
    (TokenKind::Access.claim(), TokenKind::Access),
    (TokenKind::Refresh.claim(), TokenKind::Refresh),
];

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

/// One of a few words.
fn one<T: Copy>(
    config: Config,
    name: &'static str,
    value: &str,
    words: &[(&str, T)],
    set: fn(Config, T) -> Config,
) -> Config {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value.trim()));
    if let Some((_, meaning)) = found {
        set(config, *meaning)
    } else {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        config.problem(ConfigProblem::new(
            format!("{PREFIX}{name}"),
            "the value is none of the words that exist here",
            format!("write {}", known.join(" or ")),
        ))
    }
}

/// A list of such words.
fn many<T: Copy>(
    config: Config,
    name: &'static str,
    value: &str,
    words: &[(&str, T)],
    set: fn(Config, Vec<T>) -> Config,
) -> Config {
    let mut all = Vec::new();
    for word in list(value) {
        let Some((_, meaning)) = words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word))
        else {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            return config.problem(ConfigProblem::new(
                format!("{PREFIX}{name}"),
                "one of the words does not exist here",
                format!("write some of these, separated by commas: {}", known.join(", ")),
            ));
        };
        all.push(*meaning);
    }
    set(config, all)
}

fn switch(
    config: Config,
    name: &'static str,
    value: &str,
    set: fn(Config, bool) -> Config,
) -> Config {
    one(config, name, value, &[("true", true), ("false", false)], set)
}

fn timed(
    config: Config,
    name: &'static str,
    value: &str,
    set: fn(Config, Duration) -> Config,
) -> Config {
    match duration::parse(value) {
        Ok(duration) => set(config, duration),
        Err(fix) => {
            let field = format!("{PREFIX}{name}");
            config.problem(ConfigProblem::new(field, "the value is a duration", fix))
        }
    }
}

impl Config {
    /// Reads the `JWT_AUTH_*` variables of the process: each is an option's name in capitals.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `JWT_AUTH_SECRET_KEY` | the secret, for HS256, HS384, HS512: raw, `base64:…`, `hex:…`, `file:…` |
    /// | `JWT_AUTH_PRIVATE_KEY`, `JWT_AUTH_PUBLIC_KEY` | PEM, or `file:private.pem`; the public key alone verifies, and issues nothing |
    /// | `JWT_AUTH_ALGORITHM` | `HS256` unless set |
    /// | `JWT_AUTH_KEY_ID` | the `kid` of the key |
    /// | `JWT_AUTH_ISSUER`, `…_ENCODE_ISSUER`, `…_DECODE_ISSUER` | [`issuer`](Self::issuer) and its halves |
    /// | `JWT_AUTH_AUDIENCE`, `…_DECODE_AUDIENCE` | [`audience`](Self::audience), separated by commas |
    /// | `JWT_AUTH_DECODE_LEEWAY`, `…_ACCESS_TOKEN_EXPIRES`, `…_REFRESH_TOKEN_EXPIRES`, `…_REFRESH_FAMILY_EXPIRES`, `…_REFRESH_GRACE` | durations with their unit: `90s`, `15m`, `12h`, `30d` |
    /// | `JWT_AUTH_HEADER_NAME`, `…_HEADER_TYPE` | [`header_name`](Self::header_name); `none` for a bare token |
    /// | `JWT_AUTH_TOKEN_LOCATION` | [`token_location`](Self::token_location): `header`, `cookie`, `query`, `websocket_protocol`, separated by commas |
    /// | `JWT_AUTH_QUERY_NAME` | [`query_name`](Self::query_name) |
    /// | `JWT_AUTH_ACCESS_COOKIE_KEY`, `…_REFRESH_COOKIE_KEY`, `…_ACCESS_COOKIE_PATH`, `…_REFRESH_COOKIE_PATH` | [`access_cookie_key`](Self::access_cookie_key) and the like |
    /// | `JWT_AUTH_COOKIE_MAX_AGE`, `…_COOKIE_DOMAIN`, `…_COOKIE_SAMESITE` | a duration; a domain; `strict`, `lax` or `none` |
    /// | `JWT_AUTH_COOKIE_SECURE` | `false` weakens: [`danger`](crate::danger::DangerousConfig::cookie_secure) |
    /// | `JWT_AUTH_COOKIE_CSRF_PROTECT`, `…_CSRF_IN_COOKIES` | `true` or `false` |
    /// | `JWT_AUTH_ACCESS_CSRF_COOKIE_KEY`, `…_REFRESH_CSRF_COOKIE_KEY`, `…_ACCESS_CSRF_COOKIE_PATH`, `…_REFRESH_CSRF_COOKIE_PATH`, `…_ACCESS_CSRF_HEADER_NAME`, `…_REFRESH_CSRF_HEADER_NAME` | the names of the CSRF values |
    /// | `JWT_AUTH_CSRF_METHODS`, `…_CSRF_FORM_FIELD`, `…_TRUSTED_ORIGINS` | [`csrf_methods`](Self::csrf_methods), [`csrf_form_field`](Self::csrf_form_field), [`trusted_origins`](Self::trusted_origins) |
    /// | `JWT_AUTH_DENYLIST_TOKEN_CHECKS` | `access`, `refresh` |
    /// | `JWT_AUTH_VERIFIED_CACHE` | [`verified_cache`](Self::verified_cache): a number of tokens, `0` for none |
    /// | `JWT_AUTH_COMPAT` | `fastapi-jwt-auth` |
    /// | `JWT_AUTH_ERROR_BODY_KEY` | [`error_body_key`](Self::error_body_key) |
    ///
    /// With no key at all, a debug build makes one, keeps it in `.jwt-auth/dev-key` (a folder that tells
    /// git to ignore it) and says so on stderr; a release build refuses, and prints the command that
    /// makes a key. A variable that starts with `JWT_AUTH_` and is none of these is a problem, since a
    /// typo must not turn an option off.
    ///
    /// ```no_run
    /// let auth = jwt_auth::Config::from_env().build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn from_env() -> Self {
        let mut unreadable = Vec::new();
        let mut vars = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if !name.starts_with(PREFIX) {
                continue;
            }
            match value.into_string() {
                Ok(value) => drop(vars.insert(name, value)),
                Err(_) => unreadable.push(name),
            }
        }
        let origin = Origin { debug_build: cfg!(debug_assertions), folder: Path::new(".jwt-auth") };
        unreadable.into_iter().fold(read(&vars, &origin), |config, name| {
            config.problem(ConfigProblem::new(
                name,
                "the value is not UTF-8",
                "write it as text, or as `file:…`",
            ))
        })
    }

    /// Reads the same variables from any list of pairs, and never makes a key of its own.
    ///
    /// ```
    /// use jwt_auth::Config;
    ///
    /// let vars = [("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes ..."), ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "5m")];
    /// assert!(Config::from_vars(vars).build().is_ok());
    ///
    /// let typo = [("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes ..."), ("JWT_AUTH_ACCES_TOKEN_EXPIRES", "5m")];
    /// assert!(Config::from_vars(typo).build().is_err());
    /// ```
    pub fn from_vars<N: Into<String>, V: Into<String>>(
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        read(&vars, &Origin { debug_build: false, folder: Path::new("") })
    }
}

fn read(vars: &BTreeMap<String, String>, origin: &Origin<'_>) -> Config {
    let get = |name: &str| vars.get(&format!("{PREFIX}{name}")).map(String::as_str);
    let mut config = keys(&get, origin);
    for (name, apply) in OPTIONS {
        let Some(value) = get(name) else { continue };
        config = if value.trim().is_empty() {
            config.problem(blank(name))
        } else {
            apply(config, name, value)
        };
    }
    for name in vars.keys().filter(|name| name.starts_with(PREFIX)) {
        let short = &name[PREFIX.len()..];
        if short != OF_THE_MACROS
            && !KEYS.contains(&short)
            && !OPTIONS.iter().any(|(known, _)| *known == short)
        {
            config = config.problem(ConfigProblem::new(
                name.as_str(),
                "there is no such option",
                format!(
                    "the nearest is {PREFIX}{}; the list is at `Config::from_env`",
                    nearest(short)
                ),
            ));
        }
    }
    config
}

fn blank(name: &str) -> ConfigProblem {
    ConfigProblem::new(
        format!("{PREFIX}{name}"),
        "the variable is set, and blank",
        format!("give it a value, or remove it: unset {PREFIX}{name}"),
    )
}

fn keys<'v>(get: &dyn Fn(&str) -> Option<&'v str>, origin: &Origin<'_>) -> Config {
    let mut problems: Vec<_> = KEYS
        .iter()
        .filter(|name| get(name).is_some_and(|value| value.trim().is_empty()))
        .map(|name| blank(name))
        .collect();
    let name = get("ALGORITHM").unwrap_or("HS256");
    let algorithm = name.trim().parse().unwrap_or_else(|_| {
        problems.push(ConfigProblem::new(
            format!("{PREFIX}ALGORITHM"),
            "the algorithm is none that exists here",
            format!("write one of {}", Algorithm::names()),
        ));
        Algorithm::HS256
    });
    let (secret, private, public) = (get("SECRET_KEY"), get("PRIVATE_KEY"), get("PUBLIC_KEY"));
    let (field, key) = match (secret, private, public) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            problems.push(ConfigProblem::new(
                format!("{PREFIX}SECRET_KEY"),
                "there is a secret and a key pair; a configuration has one of the two",
                format!("unset {PREFIX}SECRET_KEY, or {PREFIX}PRIVATE_KEY and {PREFIX}PUBLIC_KEY"),
            ));
            ("JWT_AUTH_SECRET_KEY", None)
        }
        (Some(secret), None, None) => ("JWT_AUTH_SECRET_KEY", Some(Key::secret(algorithm, secret))),
        (None, Some(private), Some(public)) => {
            ("JWT_AUTH_PRIVATE_KEY", Some(Key::pem_pair(algorithm, private, public)))
        }
        (None, Some(private), None) => {
            ("JWT_AUTH_PRIVATE_KEY", Some(Key::private_pem(algorithm, private)))
        }
        (None, None, Some(public)) => {
            ("JWT_AUTH_PUBLIC_KEY", Some(Key::public_pem(algorithm, public)))
        }
        (None, None, None) => match dev_key::key(algorithm, origin) {
            Ok(key) => ("JWT_AUTH_SECRET_KEY", Some(key)),
            Err(problem) => {
                problems.push(problem);
                ("JWT_AUTH_SECRET_KEY", None)
            }
        },
    };
    let key = key.map(|key| match get("KEY_ID") {
        Some(id) => key.id(id),
        None => key,
    });
    let mut config = Config::with_keys(key.map(KeyRing::new).unwrap_or_default());
    config.key_fields = [field, "JWT_AUTH_SECRET_KEY"];
    problems.into_iter().fold(config, Config::problem)
}

/// Every variable that is read, for the test that holds `.env.example` against them.
#[doc(hidden)]
pub fn variables() -> impl Iterator<Item = String> {
    KEYS.iter()
        .copied()
        .chain(OPTIONS.iter().map(|(name, _)| *name))
        .map(|name| format!("{PREFIX}{name}"))
}

/// The known variable that the fewest edits make of this one.
fn nearest(name: &str) -> &'static str {
    KEYS.iter()
        .copied()
        .chain(OPTIONS.iter().map(|(known, _)| *known))
        .min_by_key(|known| edits(name, known))
        .unwrap_or("SECRET_KEY")
}

fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(vars: &[(&str, &str)]) -> Vec<(String, String)> {
        match Config::from_vars(vars.iter().copied()).check() {
            Ok(_) => Vec::new(),
            Err(error) => error
                .problems()
                .map(|p| (p.field().to_owned(), format!("{} | {}", p.rule(), p.fix())))
                .collect(),
        }
    }

    const SECRET: (&str, &str) = ("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes ...");

    #[test]
    fn a_release_without_a_key_prints_the_command() {
        let found = problems(&[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "JWT_AUTH_SECRET_KEY");
        assert!(found[0].1.contains("export JWT_AUTH_SECRET_KEY="), "{found:?}");
    }

    #[test]
    fn every_problem_comes_at_once_and_none_quotes_the_secret() {
        let found = problems(&[
            ("JWT_AUTH_SECRET_KEY", "hunter2"),
            ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "15"),
            ("JWT_AUTH_HEADER_TYPE", "two words"),
            ("JWT_AUTH_ACCES_TOKEN_EXPIRES", "5m"),
            ("JWT_AUTH_ISSUER", " "),
        ]);
        let fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "JWT_AUTH_ISSUER",
                "JWT_AUTH_ACCESS_TOKEN_EXPIRES",
                "JWT_AUTH_ACCES_TOKEN_EXPIRES",
                "JWT_AUTH_SECRET_KEY",
                "header_type",
            ]
        );
        let text = format!("{found:?}");
        assert!(!text.contains("hunter2"));
        assert!(
            text.contains("`15s`") && text.contains("nearest is JWT_AUTH_ACCESS_TOKEN_EXPIRES")
        );
    }

    #[test]
    fn a_secret_and_a_pair_contradict() {
        let found = problems(&[SECRET, ("JWT_AUTH_PUBLIC_KEY", "file:public.pem")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn what_the_macros_listen_to_is_no_typo() {
        assert!(problems(&[SECRET, ("JWT_AUTH_MACROS_DEBUG", "1")]).is_empty());
        assert_eq!(problems(&[SECRET, ("JWT_AUTH_MACROS_DEBUGS", "1")]).len(), 1);
    }

    #[test]
    fn an_unknown_algorithm_is_one_problem() {
        let found = problems(&[SECRET, ("JWT_AUTH_ALGORITHM", "none")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1.contains("write one of HS256"));
    }

    #[test]
    fn header_type_none_means_a_bare_token() {
        let config = Config::from_vars([SECRET, ("JWT_AUTH_HEADER_TYPE", "none")]);
        assert_eq!(config.settings.header_type, None);
    }
}
