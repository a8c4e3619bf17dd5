//! Reads a token from stdin.

use std::io::{IsTerminal as _, Read as _, stdin};

use crate::failure::Failure;

/// The longest input, in bytes: more than any token.
const MOST: u64 = 64 * 1024;

/// The token on stdin, without quotes and scheme. Mail programs and terminals break long lines, so line breaks inside it are
/// removed.
pub(crate) fn token() -> Result<String, Failure> {
    if stdin().is_terminal() {
        eprintln!("Paste a token, and end with Ctrl-D:");
    }
    let mut text = String::new();
    let read = stdin().lock().take(MOST).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("stdin: {error}")))?;
    clean(&text)
}

fn clean(text: &str) -> Result<String, Failure> {
    let text = text.trim().trim_matches(['"', '\'']);
    let text = match text.split_once(' ') {
        Some((scheme, rest))
            if ["bearer", "dpop"].contains(&scheme.to_ascii_lowercase().as_str()) =>
        {
            rest
        }
        _ => text,
    };
    let token: String = text.split(['\r', '\n']).map(str::trim).collect();
    if token.is_empty() {
        return Err(Failure::usage("stdin has no token; write `… < token.txt`, or pipe it"));
    }
    if token.contains(char::is_whitespace) {
        return Err(Failure::usage("stdin has more than one word; expected a token alone"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_around_a_token_is_removed() {
        for text in
            ["a.b.c", " a.b.c\r\n", "\"a.b.c\"", "Bearer a.b.c", "bearer a.b.c\n", "a.\nb.\r\n c"]
        {
            assert_eq!(clean(text).ok().as_deref(), Some("a.b.c"), "{text:?}");
        }
        for text in ["", " \n", "a b", "Basic a.b.c"] {
            assert!(clean(text).is_err(), "{text:?}");
        }
    }
}
