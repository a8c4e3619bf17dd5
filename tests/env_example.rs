//! `.env.example` against the code: it has every variable once, and every value is valid.

use std::collections::BTreeMap;

use jwt_auth::{Config, ConfigError};

const SECRET: (&str, &str) = ("JWT_AUTH_SECRET_KEY", "a secret of the tests, of 32 bytes");
/// The variables of a key pair, which exclude a secret.
const PAIR: [&str; 2] = ["JWT_AUTH_PRIVATE_KEY", "JWT_AUTH_PUBLIC_KEY"];
/// The variables whose values are files, which do not exist here.
const FILES: [&str; 3] = [PAIR[0], PAIR[1], "JWT_AUTH_VERIFY_KEYS"];

/// The name and value of each commented-out variable, and the line above it.
fn variables() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut above = "";
    let mut found = Vec::new();
    for line in include_str!("../.env.example").lines() {
        let pair = line.strip_prefix("# ").and_then(|line| line.split_once('='));
        if let Some((name, value)) = pair.filter(|(name, _)| name.starts_with("JWT_AUTH_")) {
            assert!(above.starts_with("# "), "{name} has no comment above it");
            found.push((name, value, above));
        }
        above = line;
    }
    found
}

fn build(vars: impl IntoIterator<Item = (&'static str, String)>) -> Result<(), ConfigError> {
    Config::from_vars(vars).build().map(drop)
}

fn owned((name, value): (&'static str, &'static str)) -> (&'static str, String) {
    (name, value.to_owned())
}

#[test]
fn it_has_every_variable_once_and_no_other() {
    let mut named: Vec<_> = variables().iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut known: Vec<String> =
        jwt_auth::__private::options().map(|option| option.variable).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn a_copy_of_it_sets_no_variable() {
    for line in include_str!("../.env.example").lines() {
        assert!(line.is_empty() || line.starts_with("# ") || line == "#", "{line}");
        assert!(line.chars().count() <= 120, "{line}");
    }
}

#[test]
fn it_contains_no_secret() {
    let (_, value, _) =
        variables().into_iter().find(|(name, ..)| *name == SECRET.0).expect("the secret");
    assert_eq!(value, "");
    assert!(build([(SECRET.0, String::new())]).is_err(), "the empty value is refused");
}

#[test]
fn each_value_is_valid_with_a_secret() {
    for (name, value, _) in variables() {
        if name != SECRET.0 && !FILES.contains(&name) {
            let resource = ("JWT_AUTH_RESOURCE", "https://api.example".to_owned());
            let other = Some(resource).filter(|_| name == "JWT_AUTH_AUTHORIZATION_SERVERS");
            let vars = [owned(SECRET), owned((name, value))].into_iter().chain(other);
            build(vars).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn all_values_together_are_a_valid_configuration() {
    let mut vars: BTreeMap<_, _> =
        variables().into_iter().map(|(name, value, _)| owned((name, value))).collect();
    vars.insert(SECRET.0, SECRET.1.to_owned());
    vars.remove("JWT_AUTH_VERIFY_KEYS");
    let refused = build(vars.clone()).expect_err("a secret and a key pair exclude each other");
    assert_eq!(refused.problems().count(), 1, "{refused}");
    for name in FILES {
        vars.remove(name);
    }
    build(vars).expect("a valid configuration");
}

#[test]
fn the_values_of_the_key_pair_are_files() {
    let file = |name: &str| format!("file:{}/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    for (name, value, _) in variables() {
        assert!(!FILES.contains(&name) || value.contains("file:"), "{name}={value}");
    }
    let pair = [(PAIR[0], file("p256.pem")), (PAIR[1], file("p256.pub.pem"))];
    build([("JWT_AUTH_ALGORITHM", "ES256".to_owned())].into_iter().chain(pair)).expect("a pair");
}

/// A value without `Default:` in its comment is the default: setting it changes nothing in `Debug`.
#[test]
fn a_value_that_is_not_the_default_names_the_default() {
    let show = |vars: Vec<(&'static str, String)>| format!("{:?}", Config::from_vars(vars));
    let default = show(vec![owned(SECRET)]);
    let text = include_str!("../.env.example");
    for (name, value, _) in variables() {
        if name == SECRET.0 || FILES.contains(&name) {
            continue;
        }
        let at = text.find(&format!("# {name}=")).expect("the line");
        let block = text[..at].rsplit("\n\n").next().unwrap_or_default();
        let is_default = show(vec![owned(SECRET), owned((name, value))]) == default;
        assert!(is_default || block.contains("Default: "), "{name}={value} is not the default");
    }
}
