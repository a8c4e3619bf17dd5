//! An example that runs as a person would run it: its own folder, its own port, until it is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running example.
#[derive(Debug)]
pub struct Running {
    child: Child,
    folder: PathBuf,
    /// What it printed, up to and with the line that was waited for.
    pub said: Vec<String>,
}

/// Builds a package's binary and says where it is.
///
/// # Panics
///
/// When it does not build.
pub fn binary(package: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(cargo)
        .current_dir(&root)
        .args(["build", "--quiet", "-p", package, "--message-format=json"])
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let path = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == package)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    path.expect("a binary")
}

impl Running {
    /// Starts an example on a port that is free, in a folder that is new, and waits for a line.
    ///
    /// # Panics
    ///
    /// When it does not start, or ends before it says so.
    pub fn start(package: &str, name: &str, until: impl Fn(&str) -> bool) -> Self {
        let folder = std::env::temp_dir().join(format!("{package}-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut command = Command::new(binary(package));
        command.current_dir(&folder).env("PORT", "0").env_remove("JWT_AUTH_SECRET_KEY");
        Self::spawn(command, folder, until)
    }

    /// Runs any command in a folder that goes with it, and waits for a line.
    ///
    /// # Panics
    ///
    /// When it does not start, or ends before it says so.
    pub fn spawn(mut command: Command, folder: PathBuf, until: impl Fn(&str) -> bool) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut said: Vec<String> = Vec::new();
        while said.last().is_none_or(|line| !until(line)) {
            said.push(lines.next().expect("it says so").expect("text"));
        }
        // What it says later is read and dropped, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, folder, said }
    }

    /// The address behind `Listening on `.
    ///
    /// # Panics
    ///
    /// When it did not print one.
    pub fn url(&self) -> String {
        let line = self.said.iter().find_map(|line| line.strip_prefix("Listening on "));
        line.expect("an address").split('.').take(4).collect::<Vec<_>>().join(".")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
