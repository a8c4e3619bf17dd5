//! An attribute that is deleted from an example turns its tests red: it does not compile, or its manifest is another one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::folder::Folder;

/// The examples with the fewest dependencies. All have the same tests.
const EXAMPLES: [&str; 2] = ["quickstart", "custom-claims"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// A workspace with copies of the examples, which depend on the crates of this one.
fn workspace(folder: &Path) {
    let root = root().canonicalize().expect("a folder");
    for example in EXAMPLES {
        copy(&root.join("examples").join(example), &folder.join("examples").join(example));
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("text");
    let mut lines: Vec<String> = Vec::new();
    for line in manifest.lines().filter(|line| !line.starts_with("default-members")) {
        lines.push(if line.starts_with("members = ") {
            "members = [\"examples/*\"]".to_owned()
        } else {
            line.replace("path = \"", &format!("path = \"{}/", root.display()))
        });
    }
    fs::write(folder.join("Cargo.toml"), lines.join("\n")).expect("written");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("copied");
}

fn cargo(folder: &Path, arguments: &[&str]) -> bool {
    let output = Command::new(env!("CARGO"))
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", root().join("target/deleted"))
        .args(arguments)
        .env_remove("RUSTFLAGS")
        .output();
    let output = output.expect("cargo runs");
    // Shown if the test fails.
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

#[test]
fn a_deleted_attribute_turns_the_tests_of_an_example_red() {
    let folder = Folder::new("deleted");
    let folder = folder.path();
    workspace(folder);
    assert!(cargo(folder, &["test", "--quiet", "--workspace", "--", "guard"]), "they are green");
    let mut deleted = 0;
    for example in EXAMPLES {
        let main = folder.join("examples").join(example).join("src/main.rs");
        let text = fs::read_to_string(&main).expect("text");
        let attribute = |line: &str| {
            line.starts_with("#[jwt_required") || line.starts_with("#[refresh_required")
        };
        let lines: Vec<&str> = text.lines().collect();
        for at in (0..lines.len()).filter(|at| attribute(lines[*at])) {
            let without: Vec<&str> =
                lines.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, line)| *line).collect();
            fs::write(&main, without.join("\n")).expect("written");
            let is_red = !cargo(folder, &["check", "--quiet", "--tests", "-p", example])
                || !cargo(folder, &["test", "--quiet", "-p", example, "--", "guard"]);
            // Without arguments, an `AccessToken` as the first parameter is the same guard by itself.
            let is_plain = !lines[at].contains('(');
            assert!(is_red || is_plain, "{example}: `{}` in line {} can go", lines[at], at + 1);
            deleted += usize::from(is_red);
        }
        fs::write(&main, text).expect("written");
    }
    println!("{deleted} attributes were deleted, and each turned the tests red");
    assert!(deleted > 7, "{deleted}");
}
