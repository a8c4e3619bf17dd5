//! What is wrong with a configuration: every problem at once, each with the line to write.

use std::fmt;

/// A configuration that cannot be used. An application that gets one must not serve.
///
/// It names each field, its rule and the line to write; never a secret's text.
///
/// ```
/// use jwt_auth::Config;
/// use std::time::Duration;
///
/// let error = Config::hs256("secret").decode_leeway(Duration::from_secs(3600)).build().unwrap_err();
/// let fields: Vec<_> = error.problems().map(|problem| problem.field()).collect();
/// assert_eq!(fields, ["secret_key", "decode_leeway"]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

/// One problem of a [`ConfigError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    field: String,
    rule: String,
    fix: String,
}

impl ConfigProblem {
    pub(crate) fn new(
        field: impl Into<String>,
        rule: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), rule: rule.into(), fix: fix.into() }
    }

    /// The method of [`Config`](crate::Config), or the environment variable, that is at fault.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The rule, and how the value breaks it.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The line to write.
    pub fn fix(&self) -> &str {
        &self.fix
    }
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<ConfigProblem>) -> Self {
        Self { problems }
    }

    /// Every problem, in the order of the options.
    pub fn problems(&self) -> impl Iterator<Item = &ConfigProblem> {
        self.problems.iter()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration of jwt-auth has a problem:")?,
            n => write!(f, "the configuration of jwt-auth has {n} problems:")?,
        }
        for problem in &self.problems {
            write!(f, "\n  {}: {}\n      {}", problem.field, problem.rule, problem.fix)?;
        }
        Ok(())
    }
}

/// `main` prints its error with `Debug`: it reads like `Display`.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
