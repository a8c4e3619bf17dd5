//! An example as a process: a private folder and port, stopped when it is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running example.
#[derive(Debug)]
pub struct Running {
    child: Child,
    folder: Option<PathBuf>,
    /// The lines that it printed, up to and including the expected one.
    pub output: Vec<String>,
}

/// Builds the binary of a package, and returns its path.
///
/// # Panics
///
/// If it does not build.
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
    /// Starts an example with a free port and a new folder, and waits for a line of its output.
    ///
    /// # Panics
    ///
    /// If it does not start, or exits before it prints the line.
    pub fn start(package: &str, name: &str, is_expected: impl Fn(&str) -> bool) -> Self {
        Self::start_with(package, name, &[], is_expected)
    }

    /// The same, with variables of its environment.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_with(
        package: &str,
        name: &str,
        variables: &[(&str, &str)],
        is_expected: impl Fn(&str) -> bool,
    ) -> Self {
        let folder = std::env::temp_dir().join(format!("{package}-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut command = Command::new(binary(package));
        command.current_dir(&folder).env("PORT", "0").env_remove("JWT_AUTH_SECRET_KEY");
        command.envs(variables.iter().copied());
        Self::spawn(command, Some(folder), is_expected)
    }

    /// Starts a command, and waits for a line of its output. A folder is removed when it is dropped.
    ///
    /// # Panics
    ///
    /// If it does not start, or exits before it prints the line.
    pub fn spawn(
        mut command: Command,
        folder: Option<PathBuf>,
        is_expected: impl Fn(&str) -> bool,
    ) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the command runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut output: Vec<String> = Vec::new();
        while output.last().is_none_or(|line| !is_expected(line)) {
            output.push(lines.next().expect("the expected line").expect("text"));
        }
        // Later lines are read and dropped, so that the process never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, folder, output }
    }

    /// The URL that it printed after `Listening on `.
    ///
    /// # Panics
    ///
    /// If it printed none.
    pub fn url(&self) -> String {
        let line = self.output.iter().find_map(|line| line.strip_prefix("Listening on "));
        line.expect("an address").split('.').take(4).collect::<Vec<_>>().join(".")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
