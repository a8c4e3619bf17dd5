//! Reports: tables, goals with the figures reached, and JSON files.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, thread};

use serde::Serialize;
use serde_json::{Value, json};

/// A bound, and the measured figure.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    pub what: String,
    pub reached: f64,
    pub at_most: Option<f64>,
    pub at_least: Option<f64>,
}

impl Goal {
    pub fn at_most(what: impl Into<String>, reached: f64, bound: f64) -> Self {
        Self { what: what.into(), reached, at_most: Some(bound), at_least: None }
    }

    pub fn at_least(what: impl Into<String>, reached: f64, bound: f64) -> Self {
        Self { what: what.into(), reached, at_most: None, at_least: Some(bound) }
    }

    fn is_reached(&self) -> bool {
        self.at_most.is_none_or(|bound| self.reached <= bound)
            && self.at_least.is_none_or(|bound| self.reached >= bound)
    }
}

/// Prints each goal with its bound.
pub fn print_goals(goals: &[Goal]) {
    if goals.is_empty() {
        return;
    }
    println!("\n{:68} {:>9} {:>10}", "", "measured", "goal");
    for goal in goals {
        let bound = match (goal.at_most, goal.at_least) {
            (Some(bound), _) => format!("≤ {bound}"),
            (_, Some(bound)) => format!("≥ {bound}"),
            _ => String::new(),
        };
        let mark = if goal.is_reached() { "" } else { "   not reached" };
        println!("{:68} {:>9} {bound:>10}{mark}", goal.what, format_short(goal.reached));
    }
}

/// A figure with three significant digits.
pub fn format_short(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{figure:.4}"),
        size if size < 10.0 => format!("{figure:.2}"),
        size if size < 100.0 => format!("{figure:.1}"),
        _ => format_thousands(figure),
    }
}

/// A whole number with its digits in groups of three.
pub fn format_thousands(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    if figure <= -0.5 { format!("-{text}") } else { text }
}

/// The first argument that is not a switch: the name of the only part to measure.
pub fn filter() -> Option<String> {
    env::args().skip(1).find(|argument| !argument.starts_with('-'))
}

/// Whether a part is measured in this run.
pub fn is_selected(name: &str) -> bool {
    filter().is_none_or(|filter| name.to_lowercase().contains(&filter.to_lowercase()))
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results").join(name)
}

/// Saves a text in `benches/results`. A run of one part saves nothing.
pub fn save(name: &str, text: &str) {
    if filter().is_none() {
        fs::write(file(name), text).expect("a file in benches/results");
    }
}

/// Saves an object as JSON, with the machine that measured it.
///
/// # Panics
///
/// If the value is no object.
pub fn save_json(name: &str, value: &impl Serialize) {
    let mut value = serde_json::to_value(value).expect("JSON");
    value.as_object_mut().expect("an object").insert("machine".to_owned(), machine());
    let mut text = serde_json::to_string_pretty(&value).expect("JSON");
    text.push('\n');
    save(name, &text);
}

/// What the figures depend on most: the processor, how many of it, and the compiler.
fn machine() -> Value {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let flags = field("flags").or_else(|| field("Features")).unwrap_or_default();
    let has_sha = flags.split(' ').any(|flag| matches!(flag, "sha_ni" | "sha2"));
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    json!({
        "processor": field("model name"),
        "processors": thread::available_parallelism().map_or(0, NonZero::get),
        "has_sha_instructions": has_sha,
        "architecture": env::consts::ARCH,
        "system": env::consts::OS,
        "rustc": rustc.unwrap_or_default(),
    })
}

/// A figure as it is saved, without insignificant digits.
pub fn round(figure: f64) -> f64 {
    if figure.abs() < 10.0 { (figure * 1e4).round() / 1e4 } else { figure.round() }
}
