//! Every public item of the runtime crate has an example in its documentation.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that are public only for the code that the attributes generate (`__private`).
const GENERATED_CODE_ONLY: [&str; 5] = [
    "config/load.rs",
    "guard/admission.rs",
    "guard/check.rs",
    "guard/parameter.rs",
    "guard/policy.rs",
];

/// Items without an example: the file, the name, and why no user can or needs to name it.
const EXCEPTIONS: [(&str, &str, &str); 11] = [
    ("auth/authenticate.rs", "Lookup", "only generated code names it"),
    ("config/environment.rs", "OptionRow", "only the tests of this workspace use it"),
    ("config/environment.rs", "options", "only the tests of this workspace use it"),
    ("danger.rs", "Sealed", "in a private module"),
    ("layer/no_store.rs", "Sealed", "in a private module"),
    ("lib.rs", "build", "only generated code calls it"),
    ("lib.rs", "start", "only generated code calls it"),
    ("router/guarded_handler.rs", "Sealed", "in a private module"),
    ("token/issue/builder.rs", "Token", "in a private module"),
    ("token/verified_tokens.rs", "Sealed", "in a private module"),
    ("token/verify.rs", "Verified", "in a private module; tokens wrap it"),
];

/// A public item, with the text of its documentation and attributes.
struct Item {
    file: String,
    name: String,
    docs: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../jwt-auth/src")
}

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
    all
}

/// The name of a public type, trait or function that this line declares.
fn declared(line: &str) -> Option<String> {
    let mut rest = line.strip_prefix("pub ")?;
    for word in ["const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let kinds = ["fn ", "struct ", "enum ", "trait ", "type "];
    let rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    // In a macro the name is a parameter, such as `$name`.
    Some(name).filter(|name| !name.is_empty())
}

/// The public items of a file, without those that the documentation hides.
fn items(file: &str, text: &str) -> Vec<Item> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let (mut found, mut docs, mut is_attribute_open) = (Vec::new(), String::new(), false);
    for line in text.lines().map(str::trim) {
        let is_attribute = is_attribute_open || line.starts_with("#[");
        if is_attribute || line.starts_with("///") {
            // An attribute may span lines, and may itself contain documentation.
            is_attribute_open = is_attribute && !line.ends_with(']');
            docs.push_str(line);
            docs.push('\n');
            continue;
        }
        if let Some(name) = declared(line).filter(|_| !docs.contains("#[doc(hidden)]")) {
            found.push(Item { file: file.to_owned(), name, docs: docs.clone() });
        }
        docs.clear();
    }
    found
}

fn public_items() -> Vec<Item> {
    let root = root();
    let mut all = Vec::new();
    for path in files(&root) {
        let file = path.strip_prefix(&root).expect("below").to_str().expect("UTF-8").to_owned();
        if !GENERATED_CODE_ONLY.contains(&file.as_str()) {
            all.extend(items(&file, &fs::read_to_string(&path).expect("text")));
        }
    }
    all
}

fn is_exception(item: &Item) -> bool {
    EXCEPTIONS.iter().any(|(file, name, _)| *file == item.file && *name == item.name)
}

#[test]
fn every_public_item_has_an_example() {
    let items = public_items();
    assert!(items.len() > 250, "only {} items were found", items.len());
    let is_bare = |item: &&Item| !item.docs.contains("```") && !is_exception(item);
    let bare: Vec<String> =
        items.iter().filter(is_bare).map(|item| format!("{}: {}", item.file, item.name)).collect();
    assert!(bare.is_empty(), "write an example for each of {bare:#?}");
}

#[test]
fn every_exception_is_an_item_without_an_example() {
    let items = public_items();
    for (file, name, _) in EXCEPTIONS {
        let mut known = items.iter().filter(|item| item.file == file && item.name == name);
        assert!(known.any(|item| !item.docs.contains("```")), "{file}: {name} needs no exception");
    }
}
