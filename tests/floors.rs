//! The structure of the crates: imports go down only, files open with a sentence and stay small.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every crate that is published.
const CRATES: [&str; 8] = [
    "jwt-auth",
    "jwt-auth-macros",
    "jwt-auth-sqlx",
    "jwt-auth-redis",
    "jwt-auth-oidc",
    "jwt-auth-openapi",
    "jwt-auth-dashboard",
    "cargo-jwt-auth",
];

/// The modules of the runtime crate, from the foundation up. Modules of one floor do not import each other.
const FLOORS: [&[&str]; 15] = [
    &["identity_hasher"],
    &["error", "secret", "json", "base64url"],
    &["clock", "token_kind"],
    &["event"],
    &["keys", "session"],
    &["config"],
    &["token"],
    &["danger", "dpop"],
    &["auth"],
    &["web"],
    &["guard"],
    &["layer"],
    &["router", "ws"],
    &["testing", "guide", "schemas"],
    &["lib"],
];

/// Below these modules nothing names axum or tower, and only `error` and `config` name types of `http`.
const WEB: [&str; 7] = ["web", "guard", "layer", "router", "ws", "testing", "lib"];

/// Ways to check a signature. Each is used in one file only.
const SIGNATURE_CHECKS: [(&str, &[&str]); 4] = [
    ("key.verify(", &["dpop/proof.rs", "keys/load.rs", "token/verify.rs"]),
    (".verifier.verify(", &["keys/load.rs"]),
    ("verify_sig(", &["keys/backend/aws_lc.rs"]),
    ("hmac::verify(", &["keys/backend/aws_lc.rs"]),
];

/// Functions that check a signature in another way. They must not be used.
const FORBIDDEN: [&str; 5] = [
    "jsonwebtoken::decode",
    "jsonwebtoken::crypto::verify",
    "CryptoProvider::get_default",
    "insecure_decode",
    "dyn Any",
];

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

fn module(path: &Path) -> String {
    let first =
        path.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file, without comments and without its unit tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a text names by `crate::…`.
fn imports(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        // `$crate::` in a macro names the crate root of the caller, which is this crate too.
        if before.is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        modules.push(rest.chars().take_while(|c| *c == '_' || c.is_alphanumeric()).collect());
    }
    modules
}

fn floors() -> BTreeMap<&'static str, usize> {
    let floors = FLOORS.iter().enumerate();
    floors.flat_map(|(floor, modules)| modules.iter().map(move |module| (*module, floor))).collect()
}

#[test]
fn imports_go_down_only() {
    let floors = floors();
    let mut wrong = Vec::new();
    for (path, text) in sources("jwt-auth") {
        let from = module(&path);
        let own = *floors.get(from.as_str()).unwrap_or_else(|| panic!("{from} has no floor"));
        for to in imports(&code(&text)) {
            let other = floors.get(to.as_str()).copied();
            let is_down = other.is_some_and(|other| other < own);
            if from != to && !is_down {
                wrong.push(format!(
                    "{}: {from} (floor {own}) imports {to} (floor {other:?})",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_a_floor_and_every_floor_exists() {
    let modules: std::collections::BTreeSet<String> =
        sources("jwt-auth").iter().map(|(path, _)| module(path)).collect();
    let known: std::collections::BTreeSet<String> =
        floors().keys().map(|module| (*module).to_owned()).collect();
    assert_eq!(modules, known);
}

#[test]
fn mod_files_are_faces() {
    for of in CRATES {
        for (path, text) in sources(of) {
            if path.file_name().is_none_or(|name| name != "mod.rs") {
                continue;
            }
            let code = code(&text);
            for item in ["fn ", "struct ", "enum ", "trait ", "impl ", "static "] {
                let found = code
                    .lines()
                    .any(|line| line.trim_start().trim_start_matches("pub ").starts_with(item));
                // The choice of the backend is a few lines of `cfg`, which belong together.
                let is_backend = path.ends_with("backend/mod.rs");
                assert!(!found || is_backend, "{of}/{} has a {item}", path.display());
            }
        }
    }
}

#[test]
fn lower_modules_do_not_name_the_web_framework() {
    for (path, text) in sources("jwt-auth") {
        let (module, code) = (module(&path), code(&text));
        if !WEB.contains(&module.as_str()) {
            // An error renders as a response, and a configuration parses header names and methods.
            let names: &[&str] = match module.as_str() {
                "error" | "config" => &["axum::", "tower"],
                "auth" => &["axum", "tower"],
                _ => &["axum", "http::", "tower"],
            };
            for name in names {
                assert!(!code.contains(name), "{} names {name}", path.display());
            }
        }
        let reads_original_uri = path.ends_with("web/original_uri.rs");
        if !["router", "ws", "testing"].contains(&module.as_str()) && !reads_original_uri {
            assert!(
                !code.contains("use axum::"),
                "{}: only the router, its WebSockets and tests depend on axum itself",
                path.display()
            );
        }
    }
}

#[test]
fn a_signature_is_checked_in_one_place() {
    for (check, expected) in SIGNATURE_CHECKS {
        let mut found = Vec::new();
        for (path, text) in sources("jwt-auth") {
            if code(&text).contains(check) {
                found.push(path.display().to_string());
            }
        }
        // `keys/load.rs` checks the probe signature of a key pair, and delegates to the backend.
        assert!(found.iter().all(|file| expected.contains(&file.as_str())), "{check}: {found:?}");
        assert!(!found.is_empty(), "{check} is not used; update this list");
    }
    for (path, text) in sources("jwt-auth") {
        for forbidden in FORBIDDEN {
            assert!(!code(&text).contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
}

#[test]
fn files_open_with_a_sentence_and_stay_small() {
    for (of, most, median) in [
        ("jwt-auth", 800, 200),
        ("jwt-auth-macros", 400, 130),
        ("jwt-auth-sqlx", 600, 200),
        ("jwt-auth-redis", 600, 400),
        ("jwt-auth-oidc", 600, 400),
        ("jwt-auth-openapi", 400, 200),
        ("jwt-auth-dashboard", 400, 200),
        ("cargo-jwt-auth", 400, 200),
    ] {
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
fn functions_stay_below_eighty_lines() {
    let mut long = Vec::new();
    for of in CRATES {
        for (path, text) in sources(of) {
            let lines: Vec<&str> = text.lines().collect();
            for (start, line) in lines.iter().enumerate() {
                let indent = line.len() - line.trim_start().len();
                let is_function = line.contains("fn ")
                    && !line.trim_start().starts_with("//")
                    && !line.trim_end().ends_with([';', ',']);
                if !is_function {
                    continue;
                }
                let close = format!("{}}}", " ".repeat(indent));
                let end = lines[start..].iter().position(|line| *line == close);
                if let Some(len) = end.filter(|len| *len > 80) {
                    long.push(format!("{of}/{}:{} has {len} lines", path.display(), start + 1));
                }
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn macros_and_runtime_have_the_same_version() {
    let manifest =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).expect("text");
    assert!(
        manifest.contains("jwt-auth-macros = { path = \"jwt-auth-macros\", version = \"=0.1.0\" }")
    );
}
