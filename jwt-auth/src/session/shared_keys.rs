//! The signing keys that all nodes of a service share through their store.

/// A document of a [`RevocationStore`](crate::session::RevocationStore), replaced as a whole under a version.
///
/// [`KeyRotation`](crate::KeyRotation) writes the wrapped private keys into it. For a store it is text.
///
/// ```
/// use jwt_auth::session::SharedKeys;
///
/// let none = SharedKeys::default();
/// assert_eq!((none.version(), none.document()), (0, ""));
/// assert_eq!(SharedKeys::new(3, "{}").version(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedKeys {
    version: u64,
    document: String,
}

impl SharedKeys {
    /// A document and its version, which grows by one with each replacement. Version 0 is "none was written yet".
    ///
    /// ```
    /// # use jwt_auth::session::SharedKeys;
    /// assert_eq!(SharedKeys::new(1, "{}").document(), "{}");
    /// ```
    pub fn new(version: u64, document: impl Into<String>) -> Self {
        Self { version, document: document.into() }
    }

    /// The number of replacements so far.
    ///
    /// ```
    /// # use jwt_auth::session::SharedKeys;
    /// assert_eq!(SharedKeys::default().version(), 0);
    /// ```
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The text.
    ///
    /// ```
    /// # use jwt_auth::session::SharedKeys;
    /// assert!(SharedKeys::default().document().is_empty());
    /// ```
    pub fn document(&self) -> &str {
        &self.document
    }
}
