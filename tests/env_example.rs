//! `.env.example` against the code: every variable stands there once, and every value is one.

use std::collections::BTreeMap;

use jwt_auth::{Config, ConfigError};

const SECRET: (&str, &str) = ("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes ...");
/// Those that choose the key, and contradict one another.
const PAIR: [&str; 2] = ["JWT_AUTH_PRIVATE_KEY", "JWT_AUTH_PUBLIC_KEY"];

/// The lines that name a variable, commented out as they stand, and the line above each.
fn lines() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut above = "";
    let mut found = Vec::new();
    for line in include_str!("../.env.example").lines() {
        let pair = line.strip_prefix("# ").and_then(|line| line.split_once('='));
        if let Some((name, value)) = pair.filter(|(name, _)| name.starts_with("JWT_AUTH_")) {
            assert!(above.starts_with("# "), "{name} has nothing said above it");
            found.push((name, value, above));
        }
        above = line;
    }
    found
}

fn built(vars: impl IntoIterator<Item = (&'static str, String)>) -> Result<(), ConfigError> {
    Config::from_vars(vars).build().map(drop)
}

fn owned((name, value): (&'static str, &'static str)) -> (&'static str, String) {
    (name, value.to_owned())
}

#[test]
fn every_variable_stands_there_once_and_no_other() {
    let mut named: Vec<_> = lines().iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut known: Vec<String> = jwt_auth::__private::variables().collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn nothing_is_set_by_a_copy_of_it() {
    for line in include_str!("../.env.example").lines() {
        assert!(line.is_empty() || line.starts_with("# ") || line == "#", "{line}");
        assert!(line.chars().count() <= 120, "{line}");
    }
}

#[test]
fn no_key_is_published() {
    let (_, value, _) =
        lines().into_iter().find(|(name, ..)| *name == SECRET.0).expect("the secret");
    assert_eq!(value, "");
    assert!(built([(SECRET.0, String::new())]).is_err(), "uncommented as it is, it is refused");
}

#[test]
fn each_value_is_one_beside_a_secret() {
    for (name, value, _) in lines() {
        if name != SECRET.0 && !PAIR.contains(&name) {
            built([owned(SECRET), owned((name, value))]).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn all_values_are_one_configuration() {
    let mut vars: BTreeMap<_, _> =
        lines().into_iter().map(|(name, value, _)| owned((name, value))).collect();
    vars.insert(SECRET.0, SECRET.1.to_owned());
    let refused = built(vars.clone()).expect_err("a secret and a pair contradict");
    assert_eq!(refused.problems().count(), 1, "{refused}");
    for name in PAIR {
        vars.remove(name);
    }
    built(vars).expect("the rest fits together");
}

#[test]
fn the_pair_is_one_where_its_files_are() {
    let file = |name: &str| format!("file:{}/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    for (name, value, _) in lines() {
        assert!(!PAIR.contains(&name) || value.starts_with("file:"), "{name}={value}");
    }
    let pair = [(PAIR[0], file("p256.pem")), (PAIR[1], file("p256.pub.pem"))];
    built([("JWT_AUTH_ALGORITHM", "ES256".to_owned())].into_iter().chain(pair)).expect("a pair");
}

/// Where a value is said to be the default, setting it changes nothing that a configuration shows.
#[test]
fn what_is_no_default_says_so() {
    let shown = |vars: Vec<(&'static str, String)>| format!("{:?}", Config::from_vars(vars));
    let bare = shown(vec![owned(SECRET)]);
    let text = include_str!("../.env.example");
    for (name, value, _) in lines() {
        if name == SECRET.0 || PAIR.contains(&name) {
            continue;
        }
        let at = text.find(&format!("# {name}=")).expect("the line");
        let block = text[..at].rsplit("\n\n").next().unwrap_or_default();
        let same = shown(vec![owned(SECRET), owned((name, value))]) == bare;
        assert!(same || block.contains("Default: "), "{name}={value} is not the default");
    }
}
