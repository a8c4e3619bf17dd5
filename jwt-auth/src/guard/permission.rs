//! Names of scopes and roles: strings, constants, or a type of the application.

/// A scope or a role, by its name in the token.
///
/// String literals are permissions. Implement the trait for an enum, and the compiler checks the names in
/// `scopes(…)` and `roles(…)`.
///
/// ```
/// use jwt_auth::{Permission, jwt_required};
///
/// enum Notes { Read, Write }
///
/// impl Permission for Notes {
///     fn name(&self) -> &str {
///         match self { Self::Read => "notes:read", Self::Write => "notes:write" }
///     }
/// }
///
/// #[jwt_required(scopes(Notes::Read, Notes::Write))]
/// async fn edit() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scope or a role",
    label = "expected a string or a type that implements `Permission`",
    note = "write a string or a constant of type `&str`, or implement `jwt_auth::Permission` for `{Self}`"
)]
pub trait Permission: Send + Sync {
    /// The name in the claim `scope` or `roles`.
    fn name(&self) -> &str;
}

impl Permission for &'static str {
    fn name(&self) -> &str {
        self
    }
}
