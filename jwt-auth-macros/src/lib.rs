//! The attributes of [jwt-auth](https://docs.rs/jwt-auth), which re-exports them: depend on that crate.
//!
//! Set `JWT_AUTH_MACROS_DEBUG=1` while compiling to see on stderr what an attribute makes of its function.

mod args;
mod arguments;
mod checks;
mod config;
mod diag;
mod duration;
mod expand;
mod handler;
mod paths;
mod places;
mod policy;
mod spec;

use proc_macro::TokenStream;

use crate::spec::Attribute;

/// Lets a handler run only for the bearer of a valid access token; anyone else gets 401 before any other
/// extractor, the body included, is touched.
///
/// | argument | meaning |
/// |---|---|
/// | (none) | a valid access token, not revoked |
/// | `optional` | no token: the handler runs, `Option<AccessToken>` is `None`; a bad token is still refused |
/// | `fresh` | the token was made by a log-in, not by a refresh |
/// | `max_age = "10m"` | the user logged in at most that long ago, else RFC 9470's challenge; units `s`, `m`, `h`, `d` |
/// | `scopes("a", "b")` / `any_scope("a", "b")` | all / at least one, else 403 `insufficient_scope`; strings, constants, or values of a `Permission` type |
/// | `roles("a", "b")` / `any_role("a", "b")` | the same over the `roles` claim |
/// | `locations(header, cookie, query, websocket_protocol)` | where to look, in this order, in place of the configured places |
/// | `audience = "…"` | this route's audience, in place of the configured ones; on a middleware it answers for the token parameters behind it, and not for the guards |
/// | `check = path` | a function of yours over `&AccessToken<C>`, sync or async, `-> bool` or `-> Result<(), AuthError>`; refusal is 403 |
/// | `revocation = "strict"` | ask the store itself, and not the replica of it that this node keeps; a call over the network for a shared store |
/// | `danger(revocation = "skip")` | not looked up as revoked: a token that was taken back opens this route until it expires; on a middleware it goes for the middleware alone, and its own token parameters look for themselves, as all behind it does |
/// | `crate = path` | where the crate `jwt_auth` is, when it has another name |
///
/// It goes on a free `async fn`, and on an associated one without `self` where the arguments are none,
/// `optional`, `fresh` or `crate`: the others need an item beside the function, which an `impl` cannot
/// hold ("struct is not supported in `trait`s or `impl`s"). There, a parameter that contradicts the guard,
/// or a second guard under another name, is refused when a request comes (401), not by the compiler.
///
/// Other attributes, tried on both sides (`tests/expansion/composed.rs`):
///
/// | attribute | above ours | below ours |
/// |---|---|---|
/// | `#[axum::debug_handler]` | no: it would not see the guard | yes; `#[debug_handler(state = JwtAuth)]` where no parameter names the state |
/// | `#[tracing::instrument]` | yes | yes; the guard is not recorded |
/// | `#[utoipa::path]` | yes | yes |
/// | `#[deprecated]`, `#[must_use]`, doc comments | yes | yes |
/// | `#[cfg]`, `#[cfg_attr]` | yes | yes |
///
/// ```
/// use jwt_auth::{AccessToken, jwt_required};
///
/// #[jwt_required(fresh, scopes("account:delete"))]
/// async fn delete_account(token: AccessToken) -> String {
///     format!("bye, {}", token.subject())
/// }
/// ```
///
/// An argument that does not exist is an error that lists those that do:
///
/// ```compile_fail
/// #[jwt_auth::jwt_required(scope("account:delete"))]
/// async fn delete_account() {}
/// ```
#[proc_macro_attribute]
pub fn jwt_required(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::guard(Attribute::JwtRequired, args.into(), &item.into()).into()
}

/// Lets a handler run only for the bearer of a valid refresh token.
///
/// It takes `locations(…)`, `audience = "…"`, `revocation = "strict"`, `danger(…)` and `crate = path`, as [`macro@jwt_required`] does.
///
/// ```
/// use jwt_auth::{AuthError, JwtAuth, RefreshToken, TokenPair, refresh_required};
///
/// #[refresh_required]
/// async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
///     auth.rotate(token).await
/// }
/// ```
///
/// An access token contradicts it:
///
/// ```compile_fail
/// use jwt_auth::{AccessToken, refresh_required};
///
/// #[refresh_required]
/// async fn refresh(token: AccessToken) {}
/// ```
#[proc_macro_attribute]
pub fn refresh_required(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::guard(Attribute::RefreshRequired, args.into(), &item.into()).into()
}

/// Says aloud that anyone may call a handler, which a `GuardedRouter` asks of each.
///
/// It takes `crate = path`, as [`macro@jwt_required`] does.
///
/// ```
/// #[jwt_auth::public]
/// async fn health() -> &'static str { "ok" }
/// ```
///
/// A token contradicts it:
///
/// ```compile_fail
/// #[jwt_auth::public]
/// async fn health(token: jwt_auth::AccessToken) {}
/// ```
#[proc_macro_attribute]
pub fn public(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::guard(Attribute::Public, args.into(), &item.into()).into()
}

/// Turns a function that returns a configuration into one that builds it: `fn() -> Config` becomes
/// `fn() -> Result<JwtAuth, ConfigError>`.
///
/// The function may be `async`, take arguments, and return `Config`, `Result<Config, E>` or any
/// `T: Into<Config>`. It is a free function, or an associated one whose signature does not say `Self`. It
/// takes `crate = path`, as [`macro@jwt_required`] does.
///
/// ```
/// use jwt_auth::{Config, load_config};
///
/// #[load_config]
/// fn auth(secret: &str) -> Config {
///     Config::hs256(secret).issuer("https://auth.example")
/// }
///
/// assert!(auth("an example secret of 32 bytes ...").is_ok());
/// assert!(auth("too short").is_err());
/// ```
///
/// A function that returns something else is refused:
///
/// ```compile_fail
/// #[jwt_auth::load_config]
/// fn auth() -> u8 { 7 }
/// ```
#[proc_macro_attribute]
pub fn load_config(args: TokenStream, item: TokenStream) -> TokenStream {
    config::load(args.into(), &item.into()).into()
}
