//! What does not match between routes and their document.

use std::fmt;

/// The differences between a manifest and a document. A test asserts that there are none.
///
/// ```
/// use jwt_auth::{GuardedRouter, public, routing::get};
/// use jwt_auth_openapi::DescribeManifest as _;
/// use utoipa::openapi::{Info, OpenApi, Paths};
///
/// #[public]
/// async fn health() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/health", get(health));
/// let mut document = OpenApi::new(Info::new("Notes", "1"), Paths::new());
/// let drift = router.manifest().describe(&mut document);
/// assert_eq!(drift.to_string(), "GET /health is not in the document\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a document that differs from the routes misleads its readers"]
pub struct Drift {
    /// Routes that the document lacks.
    pub(crate) undocumented: Vec<String>,
    /// Operations that no route serves.
    pub(crate) unserved: Vec<String>,
    /// Operations whose `security` in the document differed from the guard.
    pub(crate) corrected: Vec<String>,
}

impl Drift {
    /// Whether routes and document match.
    ///
    /// ```
    /// assert!(jwt_auth_openapi::Drift::default().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.undocumented.is_empty() && self.unserved.is_empty() && self.corrected.is_empty()
    }

    /// Routes that the document lacks, such as `GET /health`.
    ///
    /// ```
    /// assert_eq!(jwt_auth_openapi::Drift::default().undocumented().count(), 0);
    /// ```
    pub fn undocumented(&self) -> impl Iterator<Item = &str> {
        self.undocumented.iter().map(String::as_str)
    }

    /// Operations that no route of the manifest serves.
    ///
    /// ```
    /// assert_eq!(jwt_auth_openapi::Drift::default().unserved().count(), 0);
    /// ```
    pub fn unserved(&self) -> impl Iterator<Item = &str> {
        self.unserved.iter().map(String::as_str)
    }

    /// Operations that had another `security` than their guard; it was replaced. An operation without `security` is filled in,
    /// and not listed.
    ///
    /// ```
    /// assert_eq!(jwt_auth_openapi::Drift::default().corrected().count(), 0);
    /// ```
    pub fn corrected(&self) -> impl Iterator<Item = &str> {
        self.corrected.iter().map(String::as_str)
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (routes, what) in [
            (&self.undocumented, "is not in the document"),
            (&self.unserved, "is in the document, and no route serves it"),
            (&self.corrected, "had a `security` that differs from its guard"),
        ] {
            for route in routes {
                writeln!(f, "{route} {what}")?;
            }
        }
        Ok(())
    }
}
