//! The commands as people type them: output, exit codes, and what they refuse.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tests::folder::Folder;
use tests::identity_provider::IdentityProvider;

const SECRET: &str = "an example secret of 32 bytes :)";

/// A project in a folder of its own.
struct Project {
    path: PathBuf,
    _folder: Option<Folder>,
}

impl Project {
    fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("cargo-{name}"));
        Self { path: folder.path().to_owned(), _folder: Some(folder) }
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, file: &str, text: &str) {
        let file = self.path().join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("created");
        fs::write(file, text).expect("written");
    }

    /// Runs `cargo jwt-auth` with these arguments, variables and input.
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-jwt-auth"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("JWT_AUTH_")) {
            command.env_remove(name);
        }
        let mut child = command
            .current_dir(self.path())
            .arg("jwt-auth")
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends")
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        self.run_with(arguments, &[("JWT_AUTH_SECRET_KEY", SECRET)], input)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.path())
            .args(["-c", "user.name=test", "-c", "user.email=test@example.com"])
            .args(arguments)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {}", err(&output));
        out(&output)
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

/// Compares a text with a file beside the tests; `UPDATE_GOLDEN=1` writes it.
#[track_caller]
fn golden(name: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, text).expect("written");
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, known, "{name}; UPDATE_GOLDEN=1 writes it");
}

#[test]
fn a_token_of_the_development_key_is_made_and_verified() {
    let project = Project::new("token");
    let none = project.run_with(&["token", "--sub", "alice"], &[], "");
    assert_eq!((code(&none), out(&none)), (2, String::new()));
    assert!(err(&none).contains("there is no key"), "{}", err(&none));
    project.write(".jwt-auth/dev-key", SECRET);
    let arguments =
        ["token", "--sub", "alice", "--scope", "notes:read", "--role", "admin", "--expires", "1h"];
    let made = project.run_with(&arguments, &[], "");
    assert_eq!(code(&made), 0, "{}", err(&made));
    let verified = project.run_with(&["verify"], &[], &out(&made));
    assert_eq!(code(&verified), 0, "{}", err(&verified));
    golden("verify_good.txt", &out(&verified));
    // A key that is configured is not used by mistake.
    let refused = project.run(&arguments, "");
    assert_eq!(code(&refused), 2);
    assert!(err(&refused).contains("--yes-production"));
    let meant = project.run(&[&arguments[..], &["--yes-production"]].concat(), "");
    assert_eq!(code(&meant), 0);
}

#[test]
fn each_refused_token_shows_the_rule_that_it_breaks_and_what_to_do() {
    let project = Project::new("verify");
    let token = |more: &[&str]| {
        let all = [&["token", "--sub", "alice", "--yes-production"], more].concat();
        out(&project.run(&all, "")).trim().to_owned()
    };
    let good = token(&[]);
    let changed = format!("{}{}", &good[..good.len() - 4], "AAAA");
    let other = token(&["--audience", "https://other.example"]);
    let refresh = token(&["--refresh"]);
    for (name, token, code_of_error) in [
        ("malformed", "no-token", "token_malformed"),
        ("signature", &changed, "signature_invalid"),
        ("audience", &other, "audience_invalid"),
        ("kind", &refresh, "access_token_required"),
    ] {
        let refused = project.run(&["verify"], token);
        assert_eq!(code(&refused), 1, "{name}");
        assert!(err(&refused).contains(code_of_error), "{}", err(&refused));
        golden(&format!("verify_{name}.txt"), &out(&refused));
    }
    let json = out(&project.run(&["verify", "--json"], "no-token"));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["valid"], &json["code"]), (&false.into(), &"token_malformed".into()));
    // What surrounds a token does not matter, and two tokens are none.
    let (first, second) = good.split_at(40);
    for text in [format!("Bearer {good}\r\n"), format!("{first}\n{second}"), format!("\"{good}\"")]
    {
        assert_eq!(code(&project.run(&["verify"], &text)), 0, "{text}");
    }
    for text in ["", "a.b.c d.e.f"] {
        assert_eq!(code(&project.run(&["verify"], text)), 2, "{text}");
    }
    let no_key = project.run_with(&["verify"], &[], &good);
    assert!(code(&no_key) == 2 && err(&no_key).contains("no key to verify with"));
    project.write(".env", &format!("JWT_AUTH_SECRET_KEY=\"{SECRET}\"\n"));
    assert_eq!(code(&project.run_with(&["verify"], &[], &good)), 0);
}

#[test]
fn inspecting_says_that_nothing_is_verified() {
    let project = Project::new("inspect");
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5Iiwicm9sZXMiOlsiYWRtaW4iXX0.";
    let shown = project.run(&["inspect"], token);
    assert_eq!(code(&shown), 0);
    golden("inspect.txt", &out(&shown));
    assert!(err(&shown).contains("None of this is verified"));
    assert!(!out(&shown).contains("valid") && !err(&shown).contains("is valid"));
    let json = out(&project.run(&["inspect", "--json"], token));
    assert!(json.contains("\"verified\": false"), "{json}");
    assert_eq!(code(&project.run(&["inspect"], "no-token")), 1);
}

#[test]
fn keys_are_printed_or_written_for_their_owner_alone() {
    let project = Project::new("key");
    let secret = project.run(&["key"], "");
    assert!(out(&secret).starts_with("base64:") && out(&secret).len() > 90);
    let pem = project.run(&["key", "--algorithm", "EdDSA"], "");
    assert!(out(&pem).starts_with("-----BEGIN PRIVATE KEY-----"));
    let arguments = ["key", "--algorithm", "ES256", "--out", "private.pem"];
    assert_eq!(code(&project.run(&arguments, "")), 0);
    assert_eq!(code(&project.run(&arguments, "")), 2, "a key is never replaced");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(project.path().join("private.pem")).expect("a file");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }
    let variables = [("JWT_AUTH_ALGORITHM", "ES256"), ("JWT_AUTH_PRIVATE_KEY", "file:private.pem")];
    let token = project.run_with(&["token", "--sub", "a", "--yes-production"], &variables, "");
    assert_eq!(code(&token), 0, "{}", err(&token));
    assert_eq!(code(&project.run_with(&["verify"], &variables, &out(&token))), 0);
}

const BEFORE: &str = r#"[
  {"path":"/health","method":"GET","guard":"public"},
  {"path":"/notes","method":"GET","guard":"access","scopes":["notes:read"]},
  {"path":"/old","method":"GET","guard":"access"}
]
"#;
const AFTER: &str = r#"[
  {"path":"/health","method":"GET","guard":"public"},
  {"path":"/new","method":"POST","guard":"access","fresh":true},
  {"path":"/notes","method":"GET","guard":"access"},
  {"path":"/static","method":"ANY","guard":"unguarded","why":"public files"}
]
"#;

#[test]
fn a_weaker_route_fails_the_check_until_a_new_line_says_why() {
    let project = Project::new("routes");
    project.git(&["init", "--quiet", "--initial-branch=main"]);
    project.write("routes.json", BEFORE);
    project.git(&["add", "."]);
    project.git(&["commit", "--quiet", "-m", "before"]);
    let check = ["routes", "--check", "--base", "main"];
    assert_eq!(code(&project.run(&check, "")), 0, "nothing has changed");
    golden("routes.txt", &out(&project.run(&["routes"], "")));

    project.write("routes.json", AFTER);
    let refused = project.run(&check, "");
    assert_eq!(code(&refused), 1);
    golden("routes_check.txt", &out(&refused));
    golden("routes_check_error.txt", &err(&refused));
    let json = out(&project.run(&["routes", "--check", "--base", "main", "--json"], ""));
    golden("routes_check.json", &json);

    let reason = "GET /notes: notes are public since May\n";
    project.write("routes-allow.txt", &format!("# Why routes require less.\n{reason}"));
    assert_eq!(code(&project.run(&check, "")), 1, "one of two");
    project.write("routes-allow.txt", &format!("{reason}ANY /static: files for everybody\n"));
    let allowed = project.run(&check, "");
    assert_eq!(code(&allowed), 0, "{}", err(&allowed));
    assert!(out(&allowed).contains("allowed: notes are public since May"));
    project.write("routes-allow.txt", "GET /notes\n");
    assert_eq!(code(&project.run(&check, "")), 2, "a line without a reason");

    // The reason was for that change. A later one needs its own.
    project.write("routes-allow.txt", &format!("{reason}ANY /static: files for everybody\n"));
    project.git(&["add", "."]);
    project.git(&["commit", "--quiet", "-m", "after"]);
    project.write("routes.json", &AFTER.replace("\"guard\":\"access\"}", "\"guard\":\"public\"}"));
    assert_eq!(code(&project.run(&check, "")), 1);
}

#[test]
fn manifests_that_cannot_be_compared_are_refused() {
    let project = Project::new("manifests");
    project.git(&["init", "--quiet", "--initial-branch=main"]);
    let check = ["routes", "--check", "--base", "main"];
    let missing = project.run(&check, "");
    assert!(code(&missing) == 2 && err(&missing).contains("assert_manifest"), "{}", err(&missing));
    project.write("routes.json", BEFORE);
    let unknown = project.run(&check, "");
    assert!(code(&unknown) == 2 && err(&unknown).contains("Git knows no \"main\""));
    project.git(&["commit", "--quiet", "--allow-empty", "-m", "empty"]);
    assert_eq!(code(&project.run(&check, "")), 0, "a project without a manifest at its base");
    for (text, expected) in [
        (
            r#"[{"path":"/","method":"GET","guard":"access","passkey":true}]"#,
            "does not know `passkey`",
        ),
        (r#"{"paths":[]}"#, "does not know `paths`"),
        ("{}", "this is not a manifest"),
        (
            r#"[{"path":"/{a}","method":"GET","guard":"access"},{"path":"/{b}","method":"GET","guard":"public"}]"#,
            "GET /{b} is there twice",
        ),
        ("[", "routes.json: "),
        (r#"[{"path":"/"}]"#, "missing field"),
    ] {
        project.write("routes.json", text);
        let refused = project.run(&["routes"], "");
        assert!(code(&refused) == 2 && err(&refused).contains(expected), "{}", err(&refused));
    }
    let trusting = format!(r#"{{"routes":{BEFORE},"issuers":["https://login.example"]}}"#);
    project.write("routes.json", &trusting);
    assert_eq!(code(&project.run(&["routes"], "")), 0);
    assert_eq!(code(&project.run(&["routes", "--check"], "")), 2, "--base is missing");
    assert_eq!(code(&project.run(&["routes", "--check", "--base=--help"], "")), 2);
}

#[test]
fn a_route_that_was_renamed_or_moved_is_compared_with_what_it_was() {
    let project = Project::new("renamed");
    project.git(&["init", "--quiet", "--initial-branch=main"]);
    let before = r#"[
      {"path":"/notes/{id}","method":"GET","guard":"access","scopes":["notes"]},
      {"path":"/files","method":"ANY","guard":"access"}]"#;
    project.write("routes.json", before);
    project.git(&["add", "."]);
    project.git(&["commit", "--quiet", "-m", "before"]);
    for (after, expected) in [
        (before.replace("{id}", "{note}").replace("access", "public"), "GET /notes/{note}"),
        (before.replace("ANY", "POST").replace("access", "public"), "POST /files"),
        (before.replace(r#""GET""#, r#""ANY""#).replace("access", "public"), "GET /notes/{id}"),
        (
            format!(r#"{{"routes":{before},"issuers":["https://login.example"]}}"#),
            "issuer https://login.example",
        ),
    ] {
        project.write("routes.json", &after);
        let refused = project.run(&["routes", "--check", "--base", "main"], "");
        assert_eq!(code(&refused), 1, "{after}");
        assert!(err(&refused).contains(&format!("{expected}: the reason")), "{}", err(&refused));
    }
    project.write("routes.json", &before.replace("{id}", "{note}"));
    assert_eq!(code(&project.run(&["routes", "--check", "--base", "main"], "")), 0);
}

#[test]
fn a_base_that_cannot_be_read_fails_the_check() {
    let project = Project::new("base");
    project.git(&["init", "--quiet", "--initial-branch=main"]);
    project.write("routes.json", BEFORE);
    project.git(&["add", "."]);
    project.git(&["commit", "--quiet", "-m", "before"]);
    project.write("routes.json", AFTER);
    let run =
        |file: &str| project.run(&["routes", "--check", "--base", "main", "--file", file], "");
    assert_eq!(code(&run("./routes.json")), 1, "the same file");
    let absolute = project.path().join("routes.json");
    let refused = run(absolute.to_str().expect("UTF-8"));
    assert!(code(&refused) == 2 && err(&refused).contains("relative"), "{}", err(&refused));
    let object = project.git(&["rev-parse", "main:routes.json"]);
    let (folder, name) = object.trim().split_at(2);
    let object = project.path().join(".git/objects").join(folder).join(name);
    fs::remove_file(object).expect("an object of its own");
    let refused = run("routes.json");
    assert!(code(&refused) == 2 && err(&refused).contains("git show"), "{}", err(&refused));
}

#[test]
fn the_doctor_prints_settings_without_secrets_and_names_weak_spots() {
    let project = Project::new("doctor");
    let variables = [
        ("JWT_AUTH_SECRET_KEY", SECRET),
        ("JWT_AUTH_COOKIE_SECURE", "false"),
        ("JWT_AUTH_TOKEN_LOCATION", "cookie"),
        ("DATABASE_URL", "postgres://user:pass-word@127.0.0.1:1/db"),
    ];
    let weak = project.run_with(&["doctor"], &variables, "");
    assert_eq!(code(&weak), 1, "{}", err(&weak));
    let (data, words) = (out(&weak), err(&weak));
    assert!(!data.contains(SECRET) && !data.contains("pass-word"), "{data}");
    assert!(data.contains("127.0.0.1:1 does not answer"), "{data}");
    assert!(data.contains("access_token_expires") && data.contains("15m"), "{data}");
    assert!(words.contains("weakened by danger: cookie_secure"), "{words}");
    assert!(words.contains("a restart forgets revocations"), "{words}");
    let wrong = project.run_with(&["doctor"], &[("JWT_AUTH_ISUER", "me")], "");
    assert!(code(&wrong) == 2 && err(&wrong).contains("JWT_AUTH_ISUER"), "{}", err(&wrong));
}

#[test]
fn an_identity_provider_is_probed_and_its_tokens_are_verified() {
    let Some(provider) = IdentityProvider::start() else { return };
    let project = Project::new("issuer");
    let probed = project.run(&["issuer", "probe", &provider.issuer], "");
    assert_eq!(code(&probed), 0, "{}", err(&probed));
    let shown = out(&probed);
    assert!(shown.contains("1 of 1") && shown.contains("k1 EC ES256 use=sig"), "{shown}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let token = runtime.expect("a runtime").block_on(provider.token());
    let arguments = ["verify", "--issuer", &provider.issuer, "--audience", "https://api.example"];
    let verified = project.run_with(&arguments, &[], &token);
    assert_eq!(code(&verified), 0, "{}", err(&verified));
    let slash = project.run(&["issuer", "probe", &format!("{}/", provider.issuer)], "");
    assert!(code(&slash) == 1 && err(&slash).contains("any slash at the end"), "{}", err(&slash));
    let closed = project.run(&["issuer", "probe", "http://127.0.0.1:1"], "");
    assert_eq!(code(&closed), 1);
}

#[test]
fn a_closed_pipe_and_a_wrong_argument_end_as_they_should() {
    let project = Project::new("pipe");
    let program = env!("CARGO_BIN_EXE_cargo-jwt-auth");
    let script =
        format!("{program} jwt-auth completions bash | head -n 1; exit ${{PIPESTATUS[0]}}");
    let piped = Command::new("bash").args(["-c", &script]).output().expect("bash");
    assert_eq!(code(&piped), 0, "{}", err(&piped));
    for arguments in [&["tokne"][..], &["token"], &["token", "--sub", "a", "--expires", "1w"]] {
        let refused = project.run(arguments, "");
        assert_eq!(code(&refused), 2, "{arguments:?}");
        assert!(!err(&refused).contains('\u{1b}'), "no colours");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let completions = project.run(&["completions", shell], "");
        assert!(code(&completions) == 0 && out(&completions).contains("inspect"), "{shell}");
    }
    let man = project.run(&["man"], "");
    assert!(out(&man).starts_with(".ie") && out(&man).contains("routes"), "{}", out(&man));
    golden("help.txt", &out(&project.run(&["--help"], "")));
}

#[test]
fn a_new_project_runs_and_its_development_token_opens_the_route() {
    let project = Project::new("init");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../jwt-auth");
    let init = ["init", "app", "--jwt-auth-path", root];
    let done = project.run_with(&init, &[], "");
    assert_eq!(code(&done), 0, "{}", err(&done));
    let app = project.path().join("app");
    let main = fs::read_to_string(app.join("src/main.rs")).expect("a file");
    assert!(main.contains("#[jwt_required(scopes(Notes::Read))]"));
    let again = project.run_with(&init, &[], "");
    assert!(code(&again) == 2 && err(&again).contains("has a program already"), "{}", err(&again));

    // On a free port, and with the versions of this workspace.
    let manifest = fs::read_to_string(app.join("Cargo.toml")).expect("a file");
    fs::write(app.join("Cargo.toml"), format!("{manifest}\n[workspace]\n")).expect("written");
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    fs::copy(lock, app.join("Cargo.lock")).expect("copied");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    fs::write(app.join("src/main.rs"), main.replace("127.0.0.1:3000", &address)).expect("written");
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/init");
    let built = Command::new(env!("CARGO"))
        .current_dir(&app)
        .args(["build", "--quiet", "--target-dir", target])
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", err(&built));
    let mut command = Command::new(format!("{target}/debug/app"));
    command.current_dir(&app);
    let is_started = |line: &str| line.starts_with("Listening");
    let _running = tests::process::Running::spawn(command, None, is_started);
    let in_app = Project { path: app, _folder: None };
    let token = in_app.run_with(&["token", "--sub", "alice", "--scope", "notes:read"], &[], "");
    assert_eq!(code(&token), 0, "{}", err(&token));
    let call = |token: &str| {
        let bearer = format!("Authorization: Bearer {}", token.trim());
        let url = format!("http://{address}/notes");
        out(&Command::new("curl").args(["-s", "-H", &bearer, &url]).output().expect("curl"))
    };
    assert_eq!(call(&out(&token)), "The notes of alice");
    assert!(call("x").contains("token_malformed"));
}
