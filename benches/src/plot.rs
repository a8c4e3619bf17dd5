//! Horizontal bars as SVG, readable on light and dark pages.

use std::fmt::Write as _;

use crate::report::{format_short, format_thousands};

const WIDTH: f64 = 860.0;
const NAMES: f64 = 300.0;
const BARS: f64 = 400.0;
const LINE: f64 = 24.0;
const OURS: &str = "#1a7f37";
const PEERS: &str = "#8c959f";

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub ratio: f64,
    pub ours: bool,
}

/// Bars with a common scale.
#[derive(Clone, Debug)]
pub struct Panel {
    pub title: String,
    pub bars: Vec<Bar>,
}

/// The picture.
pub fn svg(title: &str, unit: &str, note: &str, panels: &[Panel]) -> String {
    let lines: usize = panels.iter().map(|panel| panel.bars.len()).sum();
    let height = 104.0 + lines as f64 * LINE + panels.len() as f64 * 46.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, 'DejaVu Sans', Arial, sans-serif\" font-size=\"13\" \
         fill=\"#1f2328\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#f6f8fa\"/>\n",
        escape(title)
    );
    text(&mut out, 20.0, 32.0, "font-size=\"17\" font-weight=\"600\"", title);
    text(&mut out, 20.0, 53.0, "fill=\"#57606a\"", unit);
    let mut y = 66.0;
    for panel in panels {
        y += 30.0;
        text(&mut out, 20.0, y, "font-weight=\"600\"", &panel.title);
        y += 12.0;
        let most = panel.bars.iter().map(|bar| bar.value).fold(1.0, f64::max);
        for bar in &panel.bars {
            let width = (bar.value.max(0.0) / most * BARS).max(1.5);
            let (fill, weight) = if bar.ours { (OURS, "600") } else { (PEERS, "400") };
            let middle = y + 15.5;
            let end = format!("text-anchor=\"end\" font-weight=\"{weight}\"");
            text(&mut out, NAMES, middle, &end, &bar.name);
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{width:.1}\" height=\"16\" rx=\"2\" fill=\"{fill}\"/>",
                NAMES + 10.0,
                y + 3.0
            );
            let label = format!("{}  ·  {}×", format_thousands(bar.value), format_short(bar.ratio));
            let start = format!("font-weight=\"{weight}\"");
            text(&mut out, NAMES + 18.0 + width, middle, &start, &label);
            y += LINE;
        }
        y += 4.0;
    }
    text(&mut out, 20.0, height - 16.0, "fill=\"#57606a\" font-size=\"12\"", note);
    out.push_str("</svg>\n");
    out
}

fn text(out: &mut String, x: f64, y: f64, style: &str, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{}</text>", escape(text));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
