//! Examples that are changed: a deleted attribute turns their tests red, and two lines add a document.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tests::folder::Folder;
use tests::process::Running;

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
        .env("CARGO_TARGET_DIR", root().join("target/changed"))
        .args(arguments)
        .env_remove("RUSTFLAGS")
        .output();
    let output = output.expect("cargo runs");
    // Shown if the test fails.
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

/// The lines that the README of `jwt-auth-openapi` shows.
fn two_lines() -> Vec<String> {
    let readme = fs::read_to_string(root().join("jwt-auth-openapi/README.md")).expect("text");
    let (_, section) = readme.split_once("# A document in two lines").expect("the heading");
    let (_, block) = section.split_once("```text\n").expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    block.lines().map(str::to_owned).collect()
}

/// The quickstart with the two lines, and the packages that they name.
fn add_lines(quickstart: &Path, lines: &[String]) {
    let packages = fs::read_to_string(root().join("examples/openapi/Cargo.toml")).expect("text");
    let is_named = |line: &&str| {
        line.starts_with("jwt-auth-openapi =") || line.starts_with("utoipa-swagger-ui =")
    };
    let packages: Vec<&str> = packages.lines().filter(is_named).collect();
    let main = "    let app = router.with_state(";
    for (file, before, added) in [
        ("Cargo.toml", "[dev-dependencies]", packages.join("\n")),
        ("src/main.rs", main, lines.join("\n")),
        ("src/main.rs", "use users::Users;", "use utoipa_swagger_ui::SwaggerUi;".to_owned()),
    ] {
        let path = quickstart.join(file);
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.matches(before).count(), 1, "{file}: {before}");
        fs::write(path, text.replace(before, &format!("{added}\n{before}"))).expect("written");
    }
}

#[tokio::test]
async fn two_lines_give_the_quickstart_a_document() {
    let folder = Folder::new("two-lines");
    workspace(folder.path());
    let lines = two_lines();
    assert_eq!(lines.len(), 2);
    add_lines(&folder.path().join("examples/quickstart"), &lines);
    assert!(cargo(folder.path(), &["build", "--quiet", "-p", "quickstart"]), "it compiles");
    let mut command = Command::new(root().join("target/changed/debug/quickstart"));
    command.current_dir(folder.path()).env("PORT", "0").env_remove("JWT_AUTH_SECRET_KEY");
    let is_last = |line: &str| line.starts_with("curl -i") && !line.contains("Bearer");
    let running = Running::spawn(command, None, is_last);

    let get = async |path| reqwest::get(format!("{}{path}", running.url())).await;
    let document = get("/openapi.json").await.expect("a response").json::<Value>().await;
    let document = document.expect("JSON");
    assert_eq!(document["paths"]["/notes"]["get"]["summary"], "list_notes");
    let security = &document["paths"]["/notes"]["post"]["security"];
    assert_eq!(*security, json!([{ "access_token": ["notes:write"] }]));
    assert_eq!(document["paths"]["/login"]["post"]["security"], json!([]));
    let page = get("/docs/").await.expect("a response").text().await.expect("text");
    assert!(page.contains("swagger-ui"), "{page}");
    assert_eq!(get("/notes").await.expect("a response").status(), 401);
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
