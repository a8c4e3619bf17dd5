//! Names of scopes and roles: strings, constants, or a type of the user's own.

/// A scope or a role, by its name on the wire.
///
/// Strings are permissions; implement it for an enum to have the compiler check the names that
/// `scopes(…)` and `roles(…)` are given.
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
    message = "`{Self}` is not the name of a scope or a role",
    label = "not a permission",
    note = "write a string, a constant of type `&str`, or implement `jwt_auth::Permission` for `{Self}`"
)]
pub trait Permission: Send + Sync {
    /// The name, as it stands in `scope` or `roles`.
    fn name(&self) -> &str;
}

impl Permission for &'static str {
    fn name(&self) -> &str {
        self
    }
}
