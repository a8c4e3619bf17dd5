//! The error of parsing a name that is not in a fixed list.

use std::fmt;

/// A string that is not the name of an algorithm, token kind or token location.
///
/// ```
/// use jwt_auth::TokenLocation;
///
/// let error = "headr".parse::<TokenLocation>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "unknown token location `headr`; expected `header`, `cookie`, `query` or `websocket_protocol`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    name: String,
    expected: Vec<&'static str>,
}

impl UnknownName {
    pub(crate) fn new(
        what: &'static str,
        name: &str,
        expected: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        Self { what, name: name.to_owned(), expected: expected.into_iter().collect() }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, expected } = self;
        write!(f, "unknown {what} `{}`; expected {}", name.escape_debug(), one_of(expected))
    }
}

impl std::error::Error for UnknownName {}

/// Lists names for a message: `a`, `b` or `c`.
pub(crate) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
