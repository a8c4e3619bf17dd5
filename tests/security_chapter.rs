//! The chapter `guide::security` against the tests: every id that is cited exists, and every rule has a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rules of the chapter, by id, and whether each is planned only.
fn rules() -> BTreeMap<String, bool> {
    let chapter = fs::read_to_string(root().join("jwt-auth/src/guide/security.md")).expect("text");
    let mut rules = BTreeMap::new();
    for line in chapter.lines() {
        let Some(row) = line.strip_prefix("| ") else { continue };
        let id = row.split('|').next().unwrap_or_default().trim().trim_matches('*');
        if is_id(id) {
            let is_new = rules.insert(id.to_owned(), row.contains("planned")).is_none();
            assert!(is_new, "{id} has two rows");
        }
    }
    rules
}

/// A capital letter of the groups, and a number.
fn is_id(text: &str) -> bool {
    let Some((group, number)) = text.split_at_checked(1) else { return false };
    "RWCXGS".contains(group) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// The sources of the crates and the tests.
fn sources() -> Vec<String> {
    fn collect(folder: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") {
                all.push(fs::read_to_string(&path).expect("text"));
            }
        }
    }
    let mut all = Vec::new();
    for folder in ["jwt-auth/src", "jwt-auth-macros/src", "tests", "fuzz/fuzz_targets"] {
        collect(&root().join(folder), &mut all);
    }
    all
}

/// The ids in the name of a function: `r13_nbf_and_r14_iat` has two.
fn ids_in_name(name: &str) -> impl Iterator<Item = String> {
    name.split('_').map(str::to_ascii_uppercase).filter(|word| is_id(word))
}

/// The names of all functions, which include every test.
fn function_names(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        let name = line.strip_prefix("fn ")?;
        Some(&name[..name.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(name.len())])
    })
}

/// The ids in comments and documentation: `(R12)`, `R4, R8`.
fn ids_in_comments(source: &str) -> impl Iterator<Item = String> {
    let comments = source.lines().filter(|line| line.trim_start().starts_with("//"));
    comments.flat_map(|line| {
        let words = line.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        words.filter(|word| is_id(word)).collect::<Vec<_>>()
    })
}

#[test]
fn every_cited_id_is_a_rule_of_the_chapter() {
    let rules = rules();
    let mut unknown = BTreeSet::new();
    for source in sources() {
        let names = function_names(&source).flat_map(ids_in_name);
        unknown.extend(names.chain(ids_in_comments(&source)).filter(|id| !rules.contains_key(id)));
    }
    assert!(unknown.is_empty(), "not in guide/security.md: {unknown:?}");
}

#[test]
fn every_rule_has_a_test_that_carries_its_id() {
    let sources = sources();
    let tested: BTreeSet<String> =
        sources.iter().flat_map(|source| function_names(source)).flat_map(ids_in_name).collect();
    let untested: Vec<String> = rules()
        .into_iter()
        .filter(|(id, is_planned)| !is_planned && !tested.contains(id))
        .map(|(id, _)| id)
        .collect();
    assert!(untested.is_empty(), "no test carries {untested:?}");
}

#[test]
fn the_files_that_enforce_a_rule_exist() {
    let chapter = fs::read_to_string(root().join("jwt-auth/src/guide/security.md")).expect("text");
    let files = chapter.split('`').filter(|word| {
        Path::new(word).extension().is_some_and(|extension| extension == "rs")
            && word.contains('/')
            && !word.contains(char::is_whitespace)
    });
    let mut count = 0;
    for file in files {
        let candidates = ["jwt-auth/src", "jwt-auth-macros/src", "."];
        let exists = candidates.iter().any(|folder| root().join(folder).join(file).exists());
        assert!(exists, "guide/security.md names `{file}`, which does not exist");
        count += 1;
    }
    assert!(count > 20, "the chapter names the file of each rule");
}
