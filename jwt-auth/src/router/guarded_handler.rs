//! The rule that the compiler checks: the first parameter of a handler is a guard.

use crate::guard::{Check, Checked, CurrentUser, Guard, GuardSpec, JsonRefreshToken, Policy};
use crate::token::{AccessToken, RefreshToken};

/// An extractor that decides whether a handler runs. Sealed.
///
/// It is implemented for the guards of the attributes, for tokens, for [`CurrentUser`](crate::CurrentUser) and for
/// [`Checked`](crate::Checked).
///
/// ```
/// use jwt_auth::{AccessToken, RefreshToken, router::IsGuard};
///
/// fn is_guard<G: IsGuard>() {}
/// is_guard::<AccessToken>();
/// is_guard::<RefreshToken>();
/// ```
///
/// An extractor that admits every request is not a guard:
///
/// ```compile_fail
/// # use jwt_auth::router::IsGuard;
/// # fn is_guard<G: IsGuard>() {}
/// is_guard::<axum::http::HeaderMap>();
/// ```
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call it: its first parameter `{Self}` is not a guard",
    label = "not guarded",
    note = "annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`; to add an axum router without guards, write `.unguarded(\"reason\", router)`"
)]
pub trait IsGuard: sealed::Sealed {
    /// What the guard requires.
    #[doc(hidden)]
    const SPEC: GuardSpec;
}

impl<P: Policy> IsGuard for Guard<P> {
    const SPEC: GuardSpec = P::SPEC;
}

impl<C> IsGuard for AccessToken<C> {
    const SPEC: GuardSpec = GuardSpec::ACCESS;
}

impl<U, C> IsGuard for CurrentUser<U, C> {
    const SPEC: GuardSpec = GuardSpec::ACCESS;
}

impl<P: Check> IsGuard for Checked<P> {
    const SPEC: GuardSpec =
        GuardSpec { check: Some(P::NAME), keeps_checked: true, ..GuardSpec::ACCESS };
}

impl<C> IsGuard for JsonRefreshToken<C> {
    const SPEC: GuardSpec = GuardSpec::REFRESH;
}

impl<C> IsGuard for RefreshToken<C> {
    const SPEC: GuardSpec = GuardSpec::REFRESH;
}

/// The arguments of a handler, of which the first is a guard. Sealed.
///
/// A generic function that routes a handler needs this trait as a bound:
///
/// ```
/// use axum::handler::Handler;
/// use axum::middleware::from_fn;
/// use jwt_auth::router::{GuardedArguments, GuardedHandler};
/// use jwt_auth::routing::{MethodRouter, get};
/// # async fn log(request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
/// #     next.run(request).await
/// # }
///
/// /// Routes `GET` requests and logs them. The bounds are those of `get`.
/// fn logged_get<H, T>(handler: H) -> MethodRouter
/// where
///     H: GuardedHandler<T> + Handler<T, jwt_auth::JwtAuth>,
///     T: GuardedArguments + 'static,
/// {
///     get(handler).layer(from_fn(log))
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call it: its first parameter is not a guard",
    label = "not guarded",
    note = "annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`; to add an axum router without guards, write `.unguarded(\"reason\", router)`"
)]
pub trait GuardedArguments: sealed::Sealed {
    /// What the guard requires.
    #[doc(hidden)]
    const SPEC: GuardSpec;
}

macro_rules! arguments {
    ($($others:ident)*) => {
        impl<M, G: IsGuard, $($others),*> sealed::Sealed for (M, G, $($others,)*) {}

        #[diagnostic::do_not_recommend]
        impl<M, G: IsGuard, $($others),*> GuardedArguments for (M, G, $($others,)*) {
            const SPEC: GuardSpec = G::SPEC;
        }
    };
}

macro_rules! every_arity {
    ($($all:ident)*) => { every_arity!(@ [] $($all)*); };
    (@ [$($so_far:ident)*]) => { arguments!($($so_far)*); };
    (@ [$($so_far:ident)*] $next:ident $($rest:ident)*) => {
        arguments!($($so_far)*);
        every_arity!(@ [$($so_far)* $next] $($rest)*);
    };
}

// Handlers of axum take 16 arguments: a guard and 15 others.
every_arity!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15);

/// A handler with a guard.
///
/// This trait makes the compile error point at the handler itself.
///
/// ```
/// use axum::handler::Handler;
/// use jwt_auth::router::{GuardedArguments, GuardedHandler};
/// use jwt_auth::{AccessToken, JwtAuth, jwt_required};
///
/// fn is_guarded<T: GuardedArguments>(_: impl GuardedHandler<T> + Handler<T, JwtAuth>) {}
///
/// #[jwt_required]
/// async fn notes() {}
/// is_guarded(notes);
///
/// async fn me(token: AccessToken) -> String { token.subject().to_owned() }
/// is_guarded(me);
/// ```
///
/// A handler that does not say who may call it is not guarded:
///
/// ```compile_fail
/// # use axum::handler::Handler;
/// # use jwt_auth::{JwtAuth, router::{GuardedArguments, GuardedHandler}};
/// # fn is_guarded<T: GuardedArguments>(_: impl GuardedHandler<T> + Handler<T, JwtAuth>) {}
/// async fn anyone() {}
/// is_guarded(anyone);
/// ```
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call it",
    label = "not guarded",
    note = "annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`; to add an axum router without guards, write `.unguarded(\"reason\", router)`"
)]
pub trait GuardedHandler<T> {}

#[diagnostic::do_not_recommend]
impl<H, T: GuardedArguments> GuardedHandler<T> for H {}

mod sealed {
    pub trait Sealed {}
    impl<P> Sealed for super::Guard<P> {}
    impl<C> Sealed for super::AccessToken<C> {}
    impl<P: super::Check> Sealed for super::Checked<P> {}
    impl<C> Sealed for super::JsonRefreshToken<C> {}
    impl<C> Sealed for super::RefreshToken<C> {}
    impl<U, C> Sealed for super::CurrentUser<U, C> {}
}
