//! One table of options, compared with the setters, their documentation, the variables and `.env.example`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jwt_auth::__private::{OptionRow, options};

/// Options that only code can set, because their value is a function, a store or a clock.
const CODE_ONLY: [&str; 17] = [
    "accept_legacy",
    "additional_claims",
    "additional_headers",
    "async_claims_check",
    "claims_check",
    "clock",
    "denylist",
    "dpop_nonces",
    "grants",
    "key_rotation",
    "on_error",
    "on_refusal",
    "on_reuse",
    "previous_cookies",
    "problem_details",
    "revocation",
    "trust",
];
/// Methods of the same files that set no option of the configuration.
const NOT_SETTERS: [&str; 29] = [
    "algorithm",
    "aliases",
    "also_unwrap",
    "also_verify",
    "claims",
    "client_ids",
    "current_claims",
    "current_roles",
    "current_scopes",
    "directory",
    "domain",
    "ignore_audience",
    "into_config",
    "kind",
    "kind_claim",
    "log_settings",
    "never_expires",
    "only_access_tokens",
    "path",
    "problem",
    "required_claim",
    "rfc9068",
    "roles",
    "scopes",
    "serve_stale",
    "session_id",
    "signed_by",
    "subject",
    "wrapped_by",
];
/// Weakenings that no variable can set.
const DANGER_IN_CODE_ONLY: [&str; 4] = [
    "allow_short_rsa_keys",
    "allow_short_secret",
    "allow_tokens_without_expiry",
    "decode_algorithms",
];

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether the function of that name takes `self`, on the same line or on the next.
fn takes_self(text: &str, name: &str) -> bool {
    let signatures = [format!("fn {name}("), format!("fn {name}<")];
    let starts = signatures.iter().filter_map(|signature| text.find(signature.as_str()));
    starts.map(|start| &text[start..]).any(|rest| {
        let parameters = rest.split_once('(').map_or("", |(_, parameters)| parameters);
        let first = parameters.trim_start();
        first.starts_with("mut self") || first.starts_with("self")
    })
}

/// Each setter of the configuration, with its documentation.
fn setters() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jwt-auth/src/config");
    let mut files = vec!["jwt-auth/src/danger.rs".to_owned()];
    for entry in fs::read_dir(folder).expect("the folder of the configuration") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        files.push(format!("jwt-auth/src/config/{name}"));
    }
    let mut found = Vec::new();
    for file in files {
        let is_danger = file.ends_with("danger.rs");
        let mut docs = String::new();
        for line in text(&file).lines() {
            let line = line.trim();
            if let Some(doc) = line.strip_prefix("///") {
                docs.push_str(doc);
                docs.push('\n');
                continue;
            }
            let function = line.strip_prefix("pub fn ").or_else(|| {
                // The methods of `DangerousConfig`, where they are declared and documented.
                line.strip_prefix("fn ").filter(|_| is_danger && !docs.is_empty())
            });
            if let Some(function) = function {
                let name: String =
                    function.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if takes_self(&text(&file), &name) && !NOT_SETTERS.contains(&name.as_str()) {
                    found.push((name, docs.clone()));
                }
            }
            if !line.starts_with("#[") {
                docs.clear();
            }
        }
    }
    found
}

fn rows() -> Vec<(String, OptionRow)> {
    options().filter_map(|row| Some((row.setter.clone()?, row))).collect()
}

#[test]
fn every_setter_is_in_the_table_and_every_row_has_a_setter() {
    let found: BTreeSet<String> = setters().into_iter().map(|(name, _)| name).collect();
    let others = CODE_ONLY.iter().chain(&DANGER_IN_CODE_ONLY).map(|name| (*name).to_owned());
    let expected: BTreeSet<String> =
        rows().into_iter().map(|(name, _)| name).chain(others).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_documentation_of_a_setter_states_its_default_as_the_table_does() {
    let setters = setters();
    for (name, row) in rows() {
        let (_, docs) = setters.iter().find(|(known, _)| *known == name).expect("a setter");
        let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
        let stated = docs.split_once("Default: ").map(|(_, rest)| rest);
        let stated = stated.unwrap_or_else(|| panic!("`{name}` states no default: {docs}"));
        assert!(
            stated.starts_with(row.default),
            "`{name}`: the table says {:?}, the documentation {stated:?}",
            row.default
        );
    }
    for name in CODE_ONLY {
        let (_, docs) = setters.iter().find(|(known, _)| known == name).expect("a setter");
        assert!(docs.contains("Default: "), "`{name}` states no default");
    }
}

#[test]
fn every_variable_is_documented_and_in_the_example_file() {
    let documentation = text("jwt-auth/src/config/environment.rs");
    let example = text(".env.example");
    for row in options() {
        let suffix = row.variable.strip_prefix("JWT_AUTH").expect("the prefix");
        let is_documented = documentation.contains(&format!("`{}`", row.variable))
            || documentation.contains(&format!("`…{suffix}`"));
        assert!(is_documented, "{} is not in the table of `Config::from_env`", row.variable);
        assert!(
            example.lines().any(|line| line.starts_with(&format!("# {}=", row.variable))),
            "{} is not in .env.example",
            row.variable
        );
    }
}
