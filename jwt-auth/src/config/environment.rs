//! The configuration from `JWT_AUTH_*` variables: one per option; unknown ones are errors.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::config::builder::KeyFields;
use crate::config::development_key::{self, Origin};
use crate::config::{
    Compat, Config, ConfigProblem, CookiePrefix, SameSite, TokenLocation, duration,
    service_variables,
};
use crate::error::one_of;
use crate::keys::{Algorithm, Family, Key, KeyMaterial, KeyRing, MOST_WITHOUT_ID, stray_ends};
use crate::token_kind::TokenKind;

const PREFIX: &str = "JWT_AUTH_";

/// The variables for the key; the variables for all other options are in [`OPTIONS`].
const KEY_VARIABLES: [&str; 6] =
    ["SECRET_KEY", "PRIVATE_KEY", "PUBLIC_KEY", "ALGORITHM", "KEY_ID", VERIFY_KEYS];

const VERIFY_KEYS: &str = "VERIFY_KEYS";

/// The variable that the macros read at compile time; `cargo run` passes it to the program.
const MACRO_VARIABLE: &str = "MACROS_DEBUG";

/// Sets one option from the text of its variable.
type Apply = fn(Config, &'static str, &str) -> Config;

/// One option: the suffix of its variable, which in lower case is also the name of its setter; its default as the
/// setter's documentation states it; how the variable's value is read.
struct Row {
    variable: &'static str,
    default: &'static str,
    apply: Apply,
}

const fn row(variable: &'static str, default: &'static str, apply: Apply) -> Row {
    Row { variable, default, apply }
}

/// Every option that a variable can set.
const OPTIONS: &[Row] = &[
    // Tokens.
    row("ISSUER", "none", |config, _, value| config.issuer(value)),
    row("ENCODE_ISSUER", "none", |config, _, value| config.encode_issuer(value)),
    row("DECODE_ISSUER", "none", |config, _, value| config.decode_issuer(value)),
    row("AUDIENCE", "none", |config, _, value| config.audience(list(value))),
    row("DECODE_AUDIENCE", "none", |config, _, value| config.decode_audience(list(value))),
    row("DECODE_LEEWAY", "0", |config, name, value| {
        timed(config, name, value, Config::decode_leeway)
    }),
    row("ISSUED_AT_LEEWAY", "5 seconds", |config, name, value| {
        timed(config, name, value, Config::issued_at_leeway)
    }),
    row("ACCESS_TOKEN_EXPIRES", "15 minutes", |config, name, value| {
        timed(config, name, value, Config::access_token_expires)
    }),
    row("REFRESH_TOKEN_EXPIRES", "30 days", |config, name, value| {
        timed(config, name, value, Config::refresh_token_expires)
    }),
    row("VERIFIED_CACHE", "10 000", |config, name, value| match value.trim().parse() {
        Ok(tokens) => config.verified_cache(tokens),
        Err(_) => config.problem(ConfigProblem::new(
            format!("{PREFIX}{name}"),
            "the value is not a number of tokens",
            format!("write {PREFIX}{name}=10000, or 0 to turn the cache off"),
        )),
    }),
    row("SCOPE_WILDCARDS", "false", |config, name, value| {
        switch(config, name, value, Config::scope_wildcards)
    }),
    // Protected resource.
    row("RESOURCE", "none", |config, _, value| config.resource(value)),
    row("AUTHORIZATION_SERVERS", "the [`issuer`", |config, _, value| {
        config.authorization_servers(list(value))
    }),
    // Sessions.
    row("SESSION_EXPIRES", "90 days", |config, name, value| {
        timed(config, name, value, Config::session_expires)
    }),
    row("REFRESH_GRACE", "10 seconds", |config, name, value| {
        timed(config, name, value, Config::refresh_grace)
    }),
    row("REFRESH_GRACE_UNTIL_USED", "off", |config, name, value| {
        timed(config, name, value, Config::refresh_grace_until_used)
    }),
    row("MAX_SESSIONS_PER_SUBJECT", "100", |config, name, value| match value.trim().parse() {
        Ok(sessions) => config.max_sessions_per_subject(sessions),
        Err(_) => config.problem(ConfigProblem::new(
            format!("{PREFIX}{name}"),
            "the value is not a number of sessions",
            format!("write {PREFIX}{name}=100"),
        )),
    }),
    row("STORE_DEADLINE", "250 milliseconds", |config, name, value| {
        timed(config, name, value, Config::store_deadline)
    }),
    row("DENYLIST_DEADLINE", "250 milliseconds", |config, name, value| {
        timed(config, name, value, Config::denylist_deadline)
    }),
    row("HOOK_DEADLINE", "5 seconds", |config, name, value| {
        timed(config, name, value, Config::hook_deadline)
    }),
    row("DENYLIST_TOKEN_CHECKS", "both", |config, name, value| {
        let kinds = TokenKind::ALL.map(|kind| (kind.claim(), kind));
        many(config, name, value, &kinds, Config::set_revocation_checks)
    }),
    // Locations.
    row("TOKEN_LOCATION", "the header alone", |config, name, value| {
        let locations = TokenLocation::ALL.map(|location| (location.name(), location));
        many(config, name, value, &locations, Config::token_location)
    }),
    row("HEADER_NAME", "`Authorization`", |config, _, value| config.header_name(value)),
    row("HEADER_TYPE", "`Bearer`", |config, _, value| {
        config.header_type(Some(value).filter(|value| !value.eq_ignore_ascii_case("none")))
    }),
    row("HEADER_TYPES", "`Bearer` alone", |config, _, value| config.header_types(list(value))),
    row("QUERY_NAME", "`access_token`", |config, _, value| config.query_name(value)),
    // Cookies.
    row("ACCESS_COOKIE_KEY", "`access_token_cookie`", |config, _, value| {
        config.access_cookie_key(value)
    }),
    row("REFRESH_COOKIE_KEY", "`refresh_token_cookie`", |config, _, value| {
        config.refresh_cookie_key(value)
    }),
    row("ACCESS_COOKIE_PATH", "`/`", |config, _, value| config.access_cookie_path(value)),
    row("REFRESH_COOKIE_PATH", "`/`", |config, _, value| config.refresh_cookie_path(value)),
    row("COOKIE_MAX_AGE", "as long as the token", |config, name, value| {
        timed(config, name, value, Config::cookie_max_age)
    }),
    row("COOKIE_DOMAIN", "none", |config, _, value| config.cookie_domain(value)),
    row("COOKIE_SECURE", "true", |config, name, value| {
        switch(config, name, value, Config::set_cookie_secure)
    }),
    row("COOKIE_PREFIX", "[`CookiePrefix::Host`]", |config, name, value| {
        one(config, name, value, &CookiePrefix::ALL, Config::cookie_prefix)
    }),
    row("SESSION_COOKIES", "false", |config, name, value| {
        switch(config, name, value, Config::session_cookies)
    }),
    row("COOKIE_SAMESITE", "[`SameSite::Lax`]", |config, name, value| {
        one(config, name, value, &SameSite::ALL, Config::cookie_samesite)
    }),
    // CSRF.
    row("COOKIE_CSRF_PROTECT", "true", |config, name, value| {
        switch(config, name, value, Config::set_csrf_protect)
    }),
    row("CSRF_IN_COOKIES", "true", |config, name, value| {
        switch(config, name, value, Config::csrf_in_cookies)
    }),
    row("ACCESS_CSRF_COOKIE_KEY", "`csrf_access_token`", |config, _, value| {
        config.access_csrf_cookie_key(value)
    }),
    row("REFRESH_CSRF_COOKIE_KEY", "`csrf_refresh_token`", |config, _, value| {
        config.refresh_csrf_cookie_key(value)
    }),
    row("ACCESS_CSRF_COOKIE_PATH", "`/`", |config, _, value| config.access_csrf_cookie_path(value)),
    row("REFRESH_CSRF_COOKIE_PATH", "`/`", |config, _, value| {
        config.refresh_csrf_cookie_path(value)
    }),
    row("ACCESS_CSRF_HEADER_NAME", "`X-CSRF-Token`", |config, _, value| {
        config.access_csrf_header_name(value)
    }),
    row("REFRESH_CSRF_HEADER_NAME", "`X-CSRF-Token`", |config, _, value| {
        config.refresh_csrf_header_name(value)
    }),
    row("CSRF_METHODS", "every method but", |config, _, value| config.csrf_methods(list(value))),
    row("CSRF_FORM_FIELD", "none", |config, _, value| config.csrf_form_field(value)),
    row("CSRF_QUERY_NAME", "none", |config, _, value| config.csrf_query_name(value)),
    row("TRUSTED_ORIGINS", "none", |config, _, value| config.trusted_origins(list(value))),
    // Errors.
    row("COMPAT", "none", |config, name, value| {
        one(config, name, value, &Compat::ALL, Config::compat)
    }),
    row("ERROR_BODY_KEY", "`detail`", |config, _, value| config.error_body_key(value)),
];

/// Splits a list at its commas.
fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

/// The meaning of a word, ignoring case.
fn meaning<T: Copy>(word: &str, words: &[(&str, T)]) -> Option<T> {
    let found = words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim()));
    found.map(|(_, meaning)| *meaning)
}

/// The problem of a value that is not among the known words.
fn unknown_word<T>(name: &str, words: &[(&str, T)], fix: String) -> ConfigProblem {
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let rule = format!("invalid value; expected {}", one_of(&known));
    ConfigProblem::new(format!("{PREFIX}{name}"), rule, fix)
}

/// Sets an option to one of a few words.
fn one<T: Copy>(
    config: Config,
    name: &'static str,
    value: &str,
    words: &[(&str, T)],
    set: fn(Config, T) -> Config,
) -> Config {
    if let Some(meaning) = meaning(value, words) {
        set(config, meaning)
    } else {
        let example = words.first().map_or("", |(word, _)| word);
        config.problem(unknown_word(name, words, format!("write {PREFIX}{name}={example}")))
    }
}

/// Sets an option to a list of such words.
fn many<T: Copy>(
    config: Config,
    name: &'static str,
    value: &str,
    words: &[(&str, T)],
    set: fn(Config, Vec<T>) -> Config,
) -> Config {
    let all: Option<Vec<T>> = list(value).map(|word| meaning(word, words)).collect();
    if let Some(all) = all {
        set(config, all)
    } else {
        config.problem(unknown_word(name, words, "separate several by commas".to_owned()))
    }
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
            config.problem(ConfigProblem::new(field, "the value is not a duration", fix))
        }
    }
}

/// # Environment
///
/// The same options from variables.
impl Config {
    /// Reads the `JWT_AUTH_*` variables of the process.
    ///
    /// The name of each variable is `JWT_AUTH_` and the name of the option, in capitals.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `JWT_AUTH_SECRET_KEY` | the secret for HS256, HS384 or HS512: the secret itself, `base64:…`, `hex:…` or `file:…` |
    /// | `JWT_AUTH_PRIVATE_KEY`, `JWT_AUTH_PUBLIC_KEY` | PEM, or `file:private.pem`; with only the public key the service verifies tokens and cannot issue any |
    /// | `JWT_AUTH_ALGORITHM` | `HS256` by default |
    /// | `JWT_AUTH_KEY_ID` | the `kid` of the key |
    /// | `JWT_AUTH_VERIFY_KEYS` | keys that verify and do not sign, such as the previous one: `id=source`, separated by commas. A source is a secret or a PEM, written as in the variables above, or a JWK, usually `file:old.jwk`. An entry without an id starts with its prefix. The algorithm follows from the key. The first three also verify tokens without `kid` |
    /// | `JWT_AUTH_ISSUER`, `…_ENCODE_ISSUER`, `…_DECODE_ISSUER` | [`issuer`](Self::issuer), [`encode_issuer`](Self::encode_issuer), [`decode_issuer`](Self::decode_issuer) |
    /// | `JWT_AUTH_RESOURCE`, `…_AUTHORIZATION_SERVERS` | [`resource`](Self::resource), [`authorization_servers`](Self::authorization_servers), separated by commas |
    /// | `JWT_AUTH_AUDIENCE`, `…_DECODE_AUDIENCE` | [`audience`](Self::audience), [`decode_audience`](Self::decode_audience), separated by commas |
    /// | `JWT_AUTH_DECODE_LEEWAY`, `…_ISSUED_AT_LEEWAY`, `…_ACCESS_TOKEN_EXPIRES`, `…_REFRESH_TOKEN_EXPIRES`, `…_SESSION_EXPIRES`, `…_REFRESH_GRACE`, `…_REFRESH_GRACE_UNTIL_USED`, `…_STORE_DEADLINE`, `…_DENYLIST_DEADLINE`, `…_HOOK_DEADLINE` | durations with their unit: `250ms`, `90s`, `15m`, `12h`, `30d` |
    /// | `JWT_AUTH_VERIFIED_CACHE` | [`verified_cache`](Self::verified_cache): a number of tokens, `0` for none |
    /// | `JWT_AUTH_SCOPE_WILDCARDS` | [`scope_wildcards`](Self::scope_wildcards): `true` or `false` |
    /// | `JWT_AUTH_MAX_SESSIONS_PER_SUBJECT` | [`max_sessions_per_subject`](Self::max_sessions_per_subject) |
    /// | `JWT_AUTH_DENYLIST_TOKEN_CHECKS` | `access`, `refresh`; leaving one out weakens security: [`danger`](crate::danger::DangerousConfig::denylist_token_checks) |
    /// | `JWT_AUTH_TOKEN_LOCATION` | [`token_location`](Self::token_location): `header`, `cookie`, `query`, `websocket_protocol`, separated by commas |
    /// | `JWT_AUTH_HEADER_NAME`, `…_HEADER_TYPE`, `…_HEADER_TYPES` | [`header_name`](Self::header_name), [`header_type`](Self::header_type), `none` for a bare token; [`header_types`](Self::header_types), separated by commas |
    /// | `JWT_AUTH_QUERY_NAME` | [`query_name`](Self::query_name) |
    /// | `JWT_AUTH_ACCESS_COOKIE_KEY`, `…_REFRESH_COOKIE_KEY`, `…_ACCESS_COOKIE_PATH`, `…_REFRESH_COOKIE_PATH` | [`access_cookie_key`](Self::access_cookie_key) and the others of the same names |
    /// | `JWT_AUTH_COOKIE_MAX_AGE`, `…_COOKIE_DOMAIN`, `…_COOKIE_SAMESITE` | a duration; a domain; `strict`, `lax` or `none` |
    /// | `JWT_AUTH_COOKIE_PREFIX`, `…_SESSION_COOKIES` | [`cookie_prefix`](Self::cookie_prefix): `host` or `none`; [`session_cookies`](Self::session_cookies): `true` or `false` |
    /// | `JWT_AUTH_COOKIE_SECURE` | `false` weakens security: [`danger`](crate::danger::DangerousConfig::cookie_secure) |
    /// | `JWT_AUTH_COOKIE_CSRF_PROTECT` | `false` weakens security: [`danger`](crate::danger::DangerousConfig::cookie_csrf_protect) |
    /// | `JWT_AUTH_CSRF_IN_COOKIES` | [`csrf_in_cookies`](Self::csrf_in_cookies): `true` or `false` |
    /// | `JWT_AUTH_ACCESS_CSRF_COOKIE_KEY`, `…_REFRESH_CSRF_COOKIE_KEY`, `…_ACCESS_CSRF_COOKIE_PATH`, `…_REFRESH_CSRF_COOKIE_PATH`, `…_ACCESS_CSRF_HEADER_NAME`, `…_REFRESH_CSRF_HEADER_NAME` | names and paths of the CSRF values |
    /// | `JWT_AUTH_CSRF_METHODS`, `…_CSRF_FORM_FIELD`, `…_CSRF_QUERY_NAME`, `…_TRUSTED_ORIGINS` | [`csrf_methods`](Self::csrf_methods), [`csrf_form_field`](Self::csrf_form_field), [`csrf_query_name`](Self::csrf_query_name), [`trusted_origins`](Self::trusted_origins) |
    /// | `JWT_AUTH_COMPAT` | [`compat`](Self::compat): `fastapi-jwt-auth` or `flask-jwt-extended` |
    /// | `JWT_AUTH_ERROR_BODY_KEY` | [`error_body_key`](Self::error_body_key) |
    ///
    /// Without any key, a debug build creates one, stores it in `.jwt-auth/dev-key` (a folder that Git ignores)
    /// and says so on stderr. In a release build it is an error that contains the command that creates a key. A
    /// variable that starts with `JWT_AUTH_` and is not in this list is an error, because a typo must not disable
    /// an option.
    ///
    /// ```no_run
    /// let auth = jwt_auth::Config::from_env().build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn from_env() -> Self {
        let mut not_utf8 = Vec::new();
        let mut vars = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if !name.starts_with(PREFIX) {
                continue;
            }
            match value.into_string() {
                Ok(value) => drop(vars.insert(name, value)),
                Err(_) => not_utf8.push(name),
            }
        }
        let origin = Origin { debug_build: cfg!(debug_assertions), folder: Path::new(".jwt-auth") };
        not_utf8.into_iter().fold(read(&vars, &origin), |config, name| {
            config.problem(ConfigProblem::new(
                name,
                "the value is not UTF-8",
                "write it as text, or as `file:…`",
            ))
        })
    }

    /// Reads the same variables from a list of pairs. Never creates a key.
    ///
    /// ```
    /// use jwt_auth::Config;
    ///
    /// # let secret = "the secret of one hidden example";
    /// let vars = [("JWT_AUTH_SECRET_KEY", secret), ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "5m")];
    /// assert!(Config::from_vars(vars).build().is_ok());
    ///
    /// let typo = [("JWT_AUTH_SECRET_KEY", secret), ("JWT_AUTH_ACCES_TOKEN_EXPIRES", "5m")];
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
    let mut config = with_key(&get, origin);
    for Row { variable, apply, .. } in OPTIONS {
        let Some(value) = get(variable) else { continue };
        config = match text_problem(variable, value) {
            Some(problem) => config.problem(problem),
            None => apply(config, variable, value),
        };
    }
    let has_link = |prefix: &str| {
        let name = format!("{prefix}NAME");
        get(&name).is_some_and(|value| service_variables::is_link_name(&name, value))
    };
    for (name, value) in vars {
        let Some(suffix) = name.strip_prefix(PREFIX) else { continue };
        if suffix == MACRO_VARIABLE || variables().any(|known| known == suffix) {
            continue;
        }
        if service_variables::is_of_a_service(suffix, value, has_link) {
            tracing::debug!(
                variable = name,
                "ignored a variable that Kubernetes or Docker sets for a service"
            );
        } else {
            config = config.problem(ConfigProblem::new(
                name.as_str(),
                "unknown variable",
                format!(
                    "did you mean {PREFIX}{}? The list is in the documentation of `Config::from_env`",
                    nearest(suffix)
                ),
            ));
        }
    }
    config
}

/// The variable of the option that a file names. The error suggests a name.
#[cfg(feature = "serde-config")]
pub(super) fn variable(option: &str) -> Result<String, String> {
    let suffix = option.to_ascii_uppercase();
    if variables().any(|known| known == suffix) && option.bytes().all(|b| !b.is_ascii_uppercase()) {
        return Ok(format!("{PREFIX}{suffix}"));
    }
    let nearest = nearest(&suffix).to_ascii_lowercase();
    Err(format!("unknown option `{option}`; did you mean `{nearest}`?"))
}

/// The configuration of a file, from the variables of its options.
#[cfg(feature = "serde-config")]
pub(super) fn from_file(vars: &BTreeMap<String, String>) -> Config {
    let mut config = read(vars, &Origin { debug_build: false, folder: Path::new("") });
    let option = |variable| match variable {
        "JWT_AUTH_PRIVATE_KEY" => "private_key",
        "JWT_AUTH_PUBLIC_KEY" => "public_key",
        _ => "secret_key",
    };
    config.key_fields = KeyFields { first: option(config.key_fields.first), others: "verify_keys" };
    config.map_problems(in_words_of_a_file)
}

/// What is wrong with the value of one option, as a sentence.
#[cfg(feature = "serde-config")]
pub(super) fn problem_in_file(variable: &str, value: &str) -> Option<String> {
    let vars = BTreeMap::from([(variable.to_owned(), value.to_owned())]);
    let config = read(&vars, &Origin { debug_build: false, folder: Path::new("") });
    let problem = config.problems().iter().find(|problem| problem.field().starts_with(variable))?;
    let problem = in_words_of_a_file(problem);
    Some(format!("{}: {}; {}", problem.field(), problem.rule(), problem.fix()))
}

/// The problem with the names of options instead of variables.
#[cfg(feature = "serde-config")]
fn in_words_of_a_file(problem: &ConfigProblem) -> ConfigProblem {
    let option = |text: &str| {
        let mut words = text.split(PREFIX);
        let mut told = words.next().unwrap_or_default().to_owned();
        for rest in words {
            let end = rest.bytes().position(|b| !b.is_ascii_uppercase() && b != b'_');
            let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
            if told.ends_with("export ") {
                // A command for a shell.
                told.extend([PREFIX, name, rest]);
                continue;
            }
            told.push_str(&name.to_ascii_lowercase());
            match rest.strip_prefix('=') {
                Some(rest) => {
                    let end = rest.find([' ', ',', ';']).unwrap_or(rest.len());
                    let (value, rest) = rest.split_at(end);
                    told.extend([" = \"", value, "\"", rest]);
                }
                None => told.push_str(rest),
            }
        }
        told
    };
    ConfigProblem::new(option(problem.field()), option(problem.rule()), option(problem.fix()))
}

/// What is wrong with the text of a variable: it is blank, or has quotes or white space around it, which other tools
/// remove and `docker --env-file`, for example, does not.
fn text_problem(name: &str, value: &str) -> Option<ConfigProblem> {
    let (rule, fix) = if value.trim().is_empty() {
        ("the variable is set but blank", format!("give it a value, or remove {PREFIX}{name}"))
    } else if let Some((rule, fix)) = stray_ends(value) {
        (rule, fix.to_owned())
    } else {
        return None;
    };
    Some(ConfigProblem::new(format!("{PREFIX}{name}"), rule, fix))
}

/// A configuration with the key that the variables describe.
fn with_key<'v>(get: &dyn Fn(&str) -> Option<&'v str>, origin: &Origin<'_>) -> Config {
    let mut problems: Vec<_> =
        KEY_VARIABLES.iter().filter_map(|name| text_problem(name, get(name)?)).collect();
    let name = get("ALGORITHM").unwrap_or("HS256");
    let algorithm = Algorithm::from_name(name.trim()).unwrap_or_else(|| {
        problems.push(ConfigProblem::new(
            format!("{PREFIX}ALGORITHM"),
            "unknown algorithm",
            format!("write one of {}", Algorithm::names()),
        ));
        Algorithm::HS256
    });
    let material = |name| get(name).map(KeyMaterial::prefixed);
    let (secret, private, public) =
        (material("SECRET_KEY"), material("PRIVATE_KEY"), material("PUBLIC_KEY"));
    let (field, key) = match (secret, private, public) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            problems.push(ConfigProblem::new(
                format!("{PREFIX}SECRET_KEY"),
                "both a secret and a key pair are set; a configuration has one of them",
                format!("remove {PREFIX}SECRET_KEY, or {PREFIX}PRIVATE_KEY and {PREFIX}PUBLIC_KEY"),
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
        (None, None, None) => match development_key::key(algorithm, origin) {
            Ok(key) => ("JWT_AUTH_SECRET_KEY", Some(key)),
            Err(problem) => {
                problems.push(problem);
                let is_secret = algorithm.family() == Family::Hmac;
                (if is_secret { "JWT_AUTH_SECRET_KEY" } else { "JWT_AUTH_PRIVATE_KEY" }, None)
            }
        },
    };
    let key = key.map(|key| match get("KEY_ID") {
        Some(id) => key.id(id),
        None => key,
    });
    let mut ring = key.map(KeyRing::new).unwrap_or_default();
    if let Some(entries) = get(VERIFY_KEYS)
        && text_problem(VERIFY_KEYS, entries).is_none()
    {
        for (at, entry) in list(entries).enumerate() {
            match verify_key(entry, algorithm) {
                Ok(key) => ring = ring.also_verify(serving_tokens_without_id(key, at)),
                Err((rule, fix)) => {
                    let field = format!("{PREFIX}{VERIFY_KEYS} (number {})", at + 1);
                    problems.push(ConfigProblem::new(field, rule, fix));
                }
            }
        }
    }
    let mut config = Config::with_keys(ring);
    config.key_fields = KeyFields { first: field, others: "JWT_AUTH_VERIFY_KEYS" };
    problems.into_iter().fold(config, Config::problem)
}

/// A key of `JWT_AUTH_VERIFY_KEYS`: `id=source`, or the source alone. A secret is written with a prefix if it has no id,
/// because it may contain `=`. The error is the rule, and what to write.
fn verify_key(entry: &str, algorithm: Algorithm) -> Result<Key, (&'static str, &'static str)> {
    let is_source = |text: &str| {
        ["file:", "base64:", "hex:", "-----BEGIN "].iter().any(|start| text.starts_with(start))
    };
    let key = |source: &str| Key::detect(algorithm, KeyMaterial::prefixed(source));
    if is_source(entry) {
        return Ok(key(entry));
    }
    match entry.split_once('=') {
        Some((id, source)) if !id.is_empty() && id.trim() == id && !source.trim().is_empty() => {
            match stray_ends(source).or(stray_ends(id)) {
                Some(problem) => Err(problem),
                None => Ok(key(source).id(id)),
            }
        }
        _ => Err((
            "an entry is `id=source`, or a source that starts with `file:`, `base64:` or `hex:`",
            "write JWT_AUTH_VERIFY_KEYS=2025=file:old.key; commas separate entries, so a secret with a comma is written as `base64:…`",
        )),
    }
}

/// The key, which also verifies tokens without `kid`, if it is among the first: it may have signed before it had an id.
fn serving_tokens_without_id(key: Key, at: usize) -> Key {
    // One of the four candidates is the signing key.
    if at < MOST_WITHOUT_ID - 1 { key.also_without_id() } else { key }
}

/// The suffixes of all variables.
fn variables() -> impl Iterator<Item = &'static str> {
    KEY_VARIABLES.iter().copied().chain(OPTIONS.iter().map(|row| row.variable))
}

/// One option, for tests that compare setters, variables and documentation.
#[derive(Debug)]
pub struct OptionRow {
    /// The environment variable.
    pub variable: String,
    /// The method of [`Config`]; `None` for the variables of the key.
    pub setter: Option<String>,
    /// How the setter's documentation states the default.
    pub default: &'static str,
}

/// Every option that a variable can set.
pub fn options() -> impl Iterator<Item = OptionRow> {
    let keys = KEY_VARIABLES.iter().map(|name| (*name, None, ""));
    let others = OPTIONS
        .iter()
        .map(|row| (row.variable, Some(row.variable.to_ascii_lowercase()), row.default));
    keys.chain(others).map(|(name, setter, default)| OptionRow {
        variable: format!("{PREFIX}{name}"),
        setter,
        default,
    })
}

/// The known variable with the fewest edits.
fn nearest(name: &str) -> &'static str {
    variables().min_by_key(|known| edits(name, known)).unwrap_or("SECRET_KEY")
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

    const SECRET: (&str, &str) = ("JWT_AUTH_SECRET_KEY", "the secret of the tests, 32 bytes");

    #[test]
    fn without_a_key_the_error_prints_the_command_that_creates_one() {
        let found = problems(&[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "JWT_AUTH_SECRET_KEY");
        assert!(found[0].1.contains("export JWT_AUTH_SECRET_KEY="), "{found:?}");
    }

    #[test]
    fn every_problem_is_reported_at_once_without_the_secret() {
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
            text.contains("`15s`") && text.contains("did you mean JWT_AUTH_ACCESS_TOKEN_EXPIRES?")
        );
    }

    #[test]
    fn a_secret_beside_a_key_pair_is_a_problem() {
        let found = problems(&[SECRET, ("JWT_AUTH_PUBLIC_KEY", "file:public.pem")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn the_variable_of_the_macros_is_accepted() {
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
        assert_eq!(config.web.errors.scheme, None);
    }
}
