//! What is printed and kept: tables, the figures to reach beside those reached, and JSON.

use std::env;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;

/// A figure of PERFORMANCE and the figure reached.
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

/// Prints what was to be reached and what was.
pub fn goals(goals: &[Goal]) {
    if goals.is_empty() {
        return;
    }
    println!("\n{:68} {:>9} {:>10}", "", "reached", "to reach");
    for goal in goals {
        let bound = match (goal.at_most, goal.at_least) {
            (Some(bound), _) => format!("≤ {bound}"),
            (_, Some(bound)) => format!("≥ {bound}"),
            _ => String::new(),
        };
        let mark = if goal.is_reached() { "" } else { "   not reached" };
        println!("{:68} {:>9} {bound:>10}{mark}", goal.what, short(goal.reached));
    }
}

/// Three digits that say something.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{figure:.4}"),
        size if size < 10.0 => format!("{figure:.2}"),
        size if size < 100.0 => format!("{figure:.1}"),
        _ => thousands(figure),
    }
}

/// A whole number in groups of three.
pub fn thousands(figure: f64) -> String {
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

/// The first argument that is no switch: what to measure alone.
pub fn filter() -> Option<String> {
    env::args().skip(1).find(|argument| !argument.starts_with('-'))
}

/// Whether a part is to be measured.
pub fn wanted(name: &str) -> bool {
    filter().is_none_or(|filter| name.to_lowercase().contains(&filter.to_lowercase()))
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results").join(name)
}

/// Keeps a text beside the benches; a run of a part alone keeps nothing.
pub fn keep(name: &str, text: &str) {
    if filter().is_none() {
        fs::write(file(name), text).expect("benches/results can be written to");
    }
}

/// Keeps a value as JSON.
pub fn keep_json(name: &str, value: &impl Serialize) {
    let mut text = serde_json::to_string_pretty(value).expect("figures have a text");
    text.push('\n');
    keep(name, &text);
}

/// A figure as it is kept: no more digits than mean something.
pub fn rounded(figure: f64) -> f64 {
    if figure.abs() < 10.0 { (figure * 1e4).round() / 1e4 } else { figure.round() }
}
