//! The time of a clean build of a minimal app, compared with one of jsonwebtoken, by `scripts/compile-time.sh`.
//!
//! `cargo bench -p benches --bench clean_build`. It builds nine apps from scratch, which takes minutes.

use std::process::{Command, Stdio};

use benches::report::{self, Goal, round};
use serde_json::json;

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/compile-time.sh");
    let output = Command::new(script).stderr(Stdio::inherit()).output().expect("the script runs");
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    print!("{text}");
    let (seconds, crates) = row(&text, "with-jwt-auth");
    let (theirs, their_crates) = row(&text, "with-jsonwebtoken");
    let goals = [
        Goal::at_most("clean build: seconds over jsonwebtoken", round(seconds - theirs), 3.0),
        Goal::at_most("clean build: crates over jsonwebtoken", crates - their_crates, 10.0),
    ];
    report::print_goals(&goals);
    let apps = ["axum-alone", "with-jsonwebtoken", "with-jwt-auth"];
    let rows: Vec<_> = apps.iter().map(|app| (app, row(&text, app))).collect();
    report::save_json(
        "clean_build.json",
        &json!({
            "command": "cargo bench -p benches --bench clean_build",
            "unit": "seconds, crates",
            "rows": rows,
            "goals": goals,
        }),
    );
}

/// The seconds and the crates of an app: `| with-jwt-auth | 41.6 s | 89 |`.
fn row(table: &str, app: &str) -> (f64, f64) {
    let mut cells = table
        .lines()
        .map(|line| line.split('|').map(str::trim))
        .find_map(|mut cells| cells.nth(1).filter(|name| *name == app).map(|_| cells))
        .expect("a row for each app");
    let mut figure = || {
        let cell = cells.next().expect("two figures");
        cell.trim_end_matches(" s").parse::<f64>().expect("a figure")
    };
    (figure(), figure())
}
