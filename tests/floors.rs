//! The shape of the house: imports go down only, files open with a sentence and stay small.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of the runtime crate, from the ground up. `revocation` stands below `config`, which holds a
/// store; `json` and `token` are rooms of their own.
const FLOORS: [&[&str]; 11] = [
    &["error", "clock", "secret", "base64url", "json", "no_store"],
    &["claims", "keys", "revocation"],
    &["config"],
    &["validation", "verify", "issue", "danger"],
    &["token"],
    &["refresh"],
    &["auth"],
    &["http"],
    &["guard"],
    &["layer"],
    &["router", "ws", "testing", "__private", "guide", "lib"],
];

/// Rooms of one floor that stand one above the other nevertheless.
const SIDEWAYS: [(&str, &str); 7] = [
    ("verify", "validation"),
    ("issue", "verify"),
    ("danger", "issue"),
    ("danger", "verify"),
    ("keys", "claims"),
    ("revocation", "claims"),
    ("__private", "router"),
];

/// Only these name the web framework.
const WEB: [&str; 7] = ["http", "guard", "layer", "router", "ws", "__private", "lib"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all.sort();
    all
}

fn sources(of: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src");
    files(&root)
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            (path.strip_prefix(&root).expect("below").to_owned(), text)
        })
        .collect()
}

fn room(path: &Path) -> String {
    let first =
        path.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that a text names by `crate::…`, in code and not in documentation.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        rooms.push(rest.chars().take_while(|c| *c == '_' || c.is_alphanumeric()).collect());
    }
    rooms
}

#[test]
fn imports_go_down_only() {
    let floor: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, rooms)| rooms.iter().map(move |room| (*room, floor)))
        .collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("jwt-auth") {
        let from = room(&path);
        let own = *floor.get(from.as_str()).unwrap_or_else(|| panic!("{from} stands on no floor"));
        for to in imports(&text) {
            let Some(other) = floor.get(to.as_str()) else { continue };
            let sideways = SIDEWAYS.contains(&(from.as_str(), to.as_str()));
            let down = *other < own || (*other == own && sideways);
            if from != "lib" && from != to && !down {
                wrong.push(format!(
                    "{}: {from} (floor {own}) imports {to} (floor {other})",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn lower_floors_know_no_web_framework() {
    for (path, text) in sources("jwt-auth") {
        let code: Vec<&str> =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let room = room(&path);
        if !WEB.contains(&room.as_str()) {
            for name in ["axum", "http::", "tower"] {
                assert!(!code.contains(name), "{} names {name}", path.display());
            }
        }
        if room != "router" && room != "ws" {
            assert!(
                !code.contains("use axum::"),
                "{}: only the router and its WebSockets stand on axum itself",
                path.display()
            );
        }
    }
}

#[test]
fn a_signature_is_checked_in_one_place() {
    let mut places = Vec::new();
    for (path, text) in sources("jwt-auth") {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        if code.contains("key.verify(") {
            places.push(path.display().to_string());
        }
    }
    assert_eq!(places, ["verify/mod.rs"]);
}

#[test]
fn files_open_with_a_sentence_and_stay_small() {
    for (of, most, median) in [("jwt-auth", 800, 250), ("jwt-auth-macros", 400, 150)] {
        let mut sizes = Vec::new();
        for (path, text) in sources(of) {
            let first = text.lines().next().unwrap_or_default();
            let opens =
                first.starts_with("//! ") || (first.starts_with("#!") && path.ends_with("lib.rs"));
            assert!(opens, "{of}/{} does not open with a sentence", path.display());
            let lines = text.lines().count();
            assert!(lines <= most, "{of}/{} has {lines} lines", path.display());
            sizes.push(lines);
        }
        sizes.sort_unstable();
        assert!(
            sizes[sizes.len() / 2] <= median,
            "{of}: the median file has {} lines",
            sizes[sizes.len() / 2]
        );
    }
}

#[test]
fn macros_come_with_the_runtime_of_the_same_version() {
    let manifest =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).expect("text");
    assert!(
        manifest.contains("jwt-auth-macros = { path = \"jwt-auth-macros\", version = \"=0.1.0\" }")
    );
}
