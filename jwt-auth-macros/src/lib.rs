//! The attributes of [jwt-auth](https://docs.rs/jwt-auth), which re-exports them: depend on that crate.
//!
//! Set `JWT_AUTH_MACROS_DEBUG=1` while compiling to print each expansion to stderr.

mod argument_syntax;
mod argument_table;
mod attribute;
mod check;
mod debug_output;
mod derive_permission;
mod expand;
mod function;
mod guard_arguments;
mod load_config;
mod mistakes;
mod parameter_checks;
mod paths;
mod policy;
mod policy_checks;
mod read_arguments;
mod readers;
mod rename_rule;

use proc_macro::TokenStream;

use crate::attribute::GuardAttribute;

/// Runs a handler only for requests with a valid access token.
///
/// All other requests are refused, before any other extractor runs and before the body is read: with 401, or with
/// 403 if the token lacks a permission.
///
/// ```
/// use jwt_auth::{AccessToken, jwt_required};
///
/// #[jwt_required(fresh, scopes("account:delete"))]
/// async fn delete_account(token: AccessToken) -> String {
///     format!("deleted the account of {}", token.subject())
/// }
/// ```
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | (none) | The access token must be valid and not revoked. |
/// | `optional` | Admits anonymous requests too: `Option<AccessToken>` is `None`. A bad token is still refused with 401. |
/// | `fresh` | The token must come from a log-in, not from a refresh. With `optional`: if there is a token. |
/// | `dpop` | The token must be bound to a key, and the request must prove that it has this key (RFC 9449). A bound token is refused without its proof on every route; here an unbound one is refused too. |
/// | `max_age = "10m"` | The user must have logged in at most that long ago; otherwise the response is the challenge of RFC 9470. Units: `s`, `m`, `h`, `d`. |
/// | `scopes("a", "b")`, `any_scope("a", "b")` | The token must have all, or at least one, of these scopes; otherwise the response is 403 `insufficient_scope`. Each is a string, a constant or a value of a type that implements `Permission`. |
/// | `roles("a", "b")`, `any_role("a", "b")` | The same for the `roles` claim. |
/// | `locations(header, cookie, query, websocket_protocol)` | The locations to search for the token, in this order, instead of the configured ones. |
/// | `audience = "…"` | The audience that this route accepts, instead of the configured ones. |
/// | `check = path` | Runs your function after all other rules: a [`#[check]`](macro@check) that sees the request and the state, or a `fn(&AccessToken<C>)`, sync or async, that returns `bool` or `Result<(), E>`. `false` or an error is a 403; an error of the kind `Unavailable` is a 503. Several combine: `check(all(a, b))`, `check(any(a, b))`. |
/// | `revocation = "strict"` | Checks revocation in the store itself, not in this process's replica. With a shared store this is a network call. |
/// | `danger(revocation = "skip")` | Skips the revocation check: a revoked token opens this route until it expires. |
/// | `crate = path` | The path of the crate `jwt_auth`, if you renamed or re-exported it. |
///
/// An unknown argument is a compile error that lists the known ones:
///
/// ```compile_fail
/// #[jwt_auth::jwt_required(scope("account:delete"))]
/// async fn delete_account() {}
/// ```
///
/// # On a middleware
///
/// The attribute also goes on an `async fn` for `axum::middleware::from_fn_with_state`. Two arguments work
/// differently there:
///
/// - `audience`: token parameters behind the middleware accept this audience as well. A handler with its own
///   guard behind the middleware still requires the audience of that guard.
/// - `danger(revocation = "skip")`: only the middleware skips the check. Its own token parameters, and
///   everything behind it, check revocation.
///
/// # On an associated function
///
/// The attribute goes on a free function, or on an associated function without `self`. In an `impl` it takes only
/// `optional`, `fresh` and `crate`. The other arguments need a type next to the function, and an `impl` cannot
/// contain one: the attribute reports it if the function mentions `Self`, and otherwise the compiler says "struct is not
/// supported in `trait`s or `impl`s". In an `impl`, a second
/// guard or a token parameter that contradicts the guard may compile; then every request is refused with 401.
///
/// # With other attributes
///
/// | attribute | above this one | below this one |
/// |---|---|---|
/// | `#[axum::debug_handler]` | no, because it does not see the guard | yes; write `#[debug_handler(state = JwtAuth)]` if no parameter names the state |
/// | `#[tracing::instrument]` | yes | yes; the guard is not recorded |
/// | `#[utoipa::path]` | yes | yes |
/// | `#[deprecated]`, `#[must_use]`, doc comments | yes | yes |
/// | `#[cfg]`, `#[cfg_attr]` | yes | yes |
#[proc_macro_attribute]
pub fn jwt_required(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand_guard(GuardAttribute::JwtRequired, args.into(), &item.into()).into()
}

/// Runs a handler only for requests with a valid refresh token.
///
/// All other requests are refused with 401. The attribute takes `optional`, `dpop`, `locations(…)`, `audience = "…"`,
/// `check = path`, `revocation = "strict"`, `danger(revocation = "skip")` and `crate = path`, which mean the same as in
/// [`macro@jwt_required`]; the function of `check` takes a `&RefreshToken<C>`.
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
/// An access token as a parameter contradicts the guard and does not compile:
///
/// ```compile_fail
/// use jwt_auth::{AccessToken, refresh_required};
///
/// #[refresh_required]
/// async fn refresh(token: AccessToken) {}
/// ```
#[proc_macro_attribute]
pub fn refresh_required(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand_guard(GuardAttribute::RefreshRequired, args.into(), &item.into()).into()
}

/// Marks a handler that anyone may call.
///
/// A `GuardedRouter` accepts a handler only if it says who may call it.
///
/// | argument | meaning |
/// |---|---|
/// | `same_origin` | A request that changes something is refused with 403 if a browser says that a page of another origin sent it. For log-in routes: another site could otherwise log the visitor in as somebody else. |
/// | `crate = path` | The same as in [`macro@jwt_required`]. |
///
/// ```
/// #[jwt_auth::public]
/// async fn health() -> &'static str { "ok" }
/// ```
///
/// A page for everybody that also knows a visitor who is logged in takes a `Result`. It is an `Err` if the request has no
/// token, or one that is not valid; the request is not refused.
///
/// ```
/// use jwt_auth::{AccessToken, AuthError, public};
///
/// #[public]
/// async fn home(visitor: Result<AccessToken, AuthError>) -> String {
///     match visitor {
///         Ok(token) => format!("Welcome back, {}!", token.subject()),
///         Err(error) if error.code() == "token_expired" => "Refreshing …".to_owned(),
///         Err(_) => "Welcome!".to_owned(),
///     }
/// }
/// ```
///
/// A parameter that refuses requests contradicts the attribute and does not compile:
///
/// ```compile_fail
/// #[jwt_auth::public]
/// async fn health(token: jwt_auth::AccessToken) {}
/// ```
#[proc_macro_attribute]
pub fn public(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand_guard(GuardAttribute::Public, args.into(), &item.into()).into()
}

/// Turns a function into a check: a rule that sees the request, the state and the token.
///
/// A guard runs it by `#[jwt_required(check = name)]`, after the rules of the token and before the handler's other
/// extractors. The parameters are any extractors of request parts. The function returns `Result<T, E>` or `bool`: `T` is
/// what the handler receives as [`Checked<name>`](../jwt_auth/struct.Checked.html), and `E` is `AuthError` or any error that
/// is a response. `false` and `Ok(false)` refuse the request with 403. The function may be `async`.
///
/// ```
/// use axum::extract::{Path, State};
/// use jwt_auth::{AccessToken, AuthError, Checked, check, jwt_required};
/// # #[derive(Clone)] struct Db;
/// # impl Db { async fn note(&self, _: u64) -> Option<Note> { None } }
/// # struct Note { owner: String, text: String }
///
/// #[check]
/// async fn own_note(token: AccessToken, State(db): State<Db>, Path(id): Path<u64>) -> Result<Note, AuthError> {
///     match db.note(id).await {
///         Some(note) if note.owner == token.subject() => Ok(note),
///         _ => Err(AuthError::not_found()), // the same for a note of another user and for none
///     }
/// }
///
/// #[jwt_required(scopes("notes:read"), check = own_note)]
/// async fn read(Checked(note): Checked<own_note>) -> String { note.text }
/// ```
///
/// The attribute adds a type with the name of the function; the function itself stays, so that a test can call it. Checks
/// combine: `#[jwt_required(check(all(own_note, office_hours)))]` runs them in order until one refuses, and with
/// `any(owner, is_admin)` the first that admits the request decides. If none admits it, the response is that of the first, or
/// the 503 (or other 5xx) of one that could not decide. If a check panics, or if all checks of the guard together take
/// longer than [`hook_deadline`](../jwt_auth/struct.Config.html#method.hook_deadline), the response is 503. An anonymous
/// request, which an optional guard admits, is not checked.
///
/// An `AuthError` of a kind other than `Forbidden`, `NotFound`, `InsufficientScope` or `Unavailable` becomes a 403. The
/// response of any other error is sent as it is; a status of success becomes a 403. The attribute takes `crate = path`.
///
/// A check that takes the body does not compile, because the body belongs to the handler:
///
/// ```compile_fail
/// use jwt_auth::{AccessToken, check, jwt_required};
///
/// #[check]
/// async fn complete(token: AccessToken, body: String) -> bool { !body.is_empty() }
///
/// #[jwt_required(check = complete)]
/// async fn handler() {}
/// # let _: jwt_auth::routing::MethodRouter = jwt_auth::routing::post(handler);
/// ```
#[proc_macro_attribute]
pub fn check(args: TokenStream, item: TokenStream) -> TokenStream {
    check::expand_check(args.into(), &item.into()).into()
}

/// Builds the configuration that a function returns.
///
/// `fn() -> Config` becomes `fn() -> Result<JwtAuth, ConfigError>`. The function may be `async`, have parameters,
/// and return `Config`, `Result<Config, E>` or any `T: Into<Config>`. The configuration of an `async` function is started
/// by `Config::start`, so it may have keys that change; that of another function is built by `Config::build`. It must be a
/// free function, or an associated function without `self` and `Self` in its signature. The attribute takes
/// `crate = path`, which means the same as in [`macro@jwt_required`].
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, load_config};
///
/// #[load_config]
/// fn auth(secret: KeyMaterial) -> Config {
///     Config::hs256(secret).issuer("https://auth.example")
/// }
///
/// assert!(auth(KeyMaterial::ephemeral()).is_ok());
/// assert!(auth("too short".into()).is_err());
/// ```
///
/// A function that returns anything else does not compile:
///
/// ```compile_fail
/// #[jwt_auth::load_config]
/// fn auth() -> u8 { 7 }
/// ```
#[proc_macro_attribute]
pub fn load_config(args: TokenStream, item: TokenStream) -> TokenStream {
    load_config::expand_load_config(args.into(), &item.into()).into()
}

/// Makes the variants of an enum scopes or roles, so that a misspelled one does not compile.
///
/// | above the enum | meaning |
/// |---|---|
/// | `#[permission(prefix = "notes:")]` | What each name starts with, unless a variant gives its whole name. |
/// | `#[permission(rename_all = "kebab-case")]` | How a variant becomes a name; the rules are those of serde: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`. Default: the name of the variant. |
/// | `#[permission(crate = path)]` | The path of this crate, as in [`macro@jwt_required`]. |
///
/// `#[permission("notes:delete-all")]` above a variant is its whole name.
///
/// ```
/// use jwt_auth::{AccessToken, Permission, jwt_required};
///
/// #[derive(Permission)]
/// #[permission(prefix = "notes:", rename_all = "kebab-case")]
/// enum Notes {
///     Read,
///     Write,
///     #[permission("notes:delete-all")]
///     Purge,
/// }
///
/// #[jwt_required(scopes(Notes::Read))]
/// async fn notes(token: AccessToken) -> &'static str {
///     if token.has(Notes::Write) { "read and write" } else { "read" }
/// }
///
/// assert_eq!(Notes::Read.name(), "notes:read");
/// assert_eq!(String::from(Notes::Purge), "notes:delete-all");
/// ```
///
/// Two variants of one name do not compile:
///
/// ```compile_fail
/// #[derive(jwt_auth::Permission)]
/// enum Notes {
///     Read,
///     #[permission("Read")]
///     Write,
/// }
/// ```
#[proc_macro_derive(Permission, attributes(permission))]
pub fn permission(item: TokenStream) -> TokenStream {
    derive_permission::expand_permission(item.into()).into()
}
