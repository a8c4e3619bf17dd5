//! Prints data to stdout: tables, and JSON.

use std::io::{Write as _, stdout};

use serde::Serialize;

use crate::failure::Failure;

/// Prints a text as it is.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::usage)?;
    print(&format!("{text}\n"))
}

/// A text whose characters cannot move the cursor, or change what a terminal shows.
pub(crate) fn visible(text: &str) -> String {
    let is_invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut visible = String::new();
    for c in text.chars() {
        if is_invisible(c) { visible.extend(c.escape_unicode()) } else { visible.push(c) }
    }
    visible
}

/// Rows whose columns begin below each other.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_change_the_terminal() {
        let row = |cell: &str| vec![cell.to_owned(), "x".to_owned()];
        let text = table(&[row("a\u{1b}[2J\n"), row("\u{202e}b")]);
        assert_eq!(text, "a\\u{1b}[2J\\u{a}  x\n\\u{202e}b        x\n");
    }
}
