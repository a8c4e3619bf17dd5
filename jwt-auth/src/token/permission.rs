//! Names of scopes and roles: strings, constants, or a type of the application.

/// A scope or a role, by its name in the token.
///
/// String literals are permissions. [`#[derive(Permission)]`](derive@crate::Permission) makes them the variants of an enum,
/// and the compiler checks their names in `scopes(…)` and `roles(…)`.
///
/// ```
/// use jwt_auth::{Permission, jwt_required};
///
/// #[derive(Permission)]
/// enum Notes {
///     #[permission("notes:read")]
///     Read,
///     #[permission("notes:write")]
///     Write,
/// }
///
/// #[jwt_required(scopes(Notes::Read, Notes::Write))]
/// async fn edit() {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scope or a role",
    label = "expected a string or a type that implements `Permission`",
    note = "write a string or a constant of type `&str`, or `#[derive(Permission)]` above `{Self}`"
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
