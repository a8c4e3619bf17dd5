//! The error of an invalid configuration: every problem at once, each with the line to write.

use std::fmt;

/// The problems of a configuration.
///
/// An application that receives it must not start.
///
/// Each problem names the option, the rule that it breaks and the line to write. No message contains a secret.
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
///
/// ```
/// let error = jwt_auth::Config::hs256("short").build().unwrap_err();
/// let problem = error.problems().next().expect("one problem");
/// assert_eq!(problem.field(), "secret_key");
/// assert!(problem.rule().contains("at least 32 bytes"));
/// assert!(problem.fix().contains("export JWT_AUTH_SECRET_KEY="));
/// ```
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

    /// The method of [`Config`](crate::Config), or the variable, with the problem.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// let field = |config: Config| {
    ///     let error = config.build().unwrap_err();
    ///     error.problems().next().expect("one problem").field().to_owned()
    /// };
    /// assert_eq!(field(Config::hs256("short")), "secret_key");
    /// # let secret = "the secret of one hidden example";
    /// let typo = [("JWT_AUTH_SECRET_KEY", secret), ("JWT_AUTH_ISUER", "me")];
    /// assert_eq!(field(Config::from_vars(typo)), "JWT_AUTH_ISUER");
    /// ```
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The rule that is broken, and how the value breaks it.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// let error = Config::hs256(KeyMaterial::ephemeral()).refresh_grace(Duration::from_secs(600)).build().unwrap_err();
    /// let problem = error.problems().next().expect("one problem");
    /// assert_eq!(problem.rule(), "the grace is at most 5m; this one is 10m");
    /// ```
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The line to write instead.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// let error = Config::hs256(KeyMaterial::ephemeral()).header_name("X Auth").build().unwrap_err();
    /// let problem = error.problems().next().expect("one problem");
    /// assert_eq!(problem.fix(), "write `.header_name(\"Authorization\")`");
    /// ```
    pub fn fix(&self) -> &str {
        &self.fix
    }
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<ConfigProblem>) -> Self {
        Self { problems }
    }

    /// Every problem, in the order of the options.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// let error = Config::hs256("short").header_name("X Auth").build().unwrap_err();
    /// for problem in error.problems() {
    ///     println!("{}: {}\n  {}", problem.field(), problem.rule(), problem.fix());
    /// }
    /// assert_eq!(error.problems().count(), 2);
    /// ```
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

/// The same text as `Display`, because `main` prints its error with `Debug`.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
