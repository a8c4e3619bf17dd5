//! The rule that the compiler checks: the first extractor of a handler is a guard.

use crate::guard::{CurrentUser, Guard, GuardSpec, Policy};
use crate::token::{AccessToken, RefreshToken};

/// An extractor that lets a handler run or not: the attributes' guard, or a token; sealed.
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call it: its first parameter `{Self}` is not a guard",
    label = "not guarded",
    note = "annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`; a route of others comes in by `.unguarded(\"why\", router)`"
)]
pub trait IsGuard: sealed::Sealed {
    /// What the guard asks.
    #[doc(hidden)]
    const SPEC: GuardSpec;
}

impl<P: Policy> IsGuard for Guard<P> {
    const SPEC: GuardSpec = P::SPEC;
}

impl<C> IsGuard for AccessToken<C> {
    const SPEC: GuardSpec = GuardSpec::ACCESS;
}

impl<U> IsGuard for CurrentUser<U> {
    const SPEC: GuardSpec = GuardSpec::ACCESS;
}

impl<C> IsGuard for RefreshToken<C> {
    const SPEC: GuardSpec = GuardSpec::REFRESH;
}

/// The arguments of a handler, as axum lists them, of which the first is a guard; sealed.
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call it: it has no guard as its first parameter",
    label = "not guarded",
    note = "annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`; a route of others comes in by `.unguarded(\"why\", router)`"
)]
pub trait GuardedArguments: sealed::Sealed {
    /// What the guard asks.
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

// Axum's handlers take 16 arguments: a guard and 15 others.
every_arity!(T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15);

/// A handler that says who may call it. The compiler's words stand here, on the handler itself.
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call it",
    label = "not guarded",
    note = "annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`; a route of others comes in by `.unguarded(\"why\", router)`"
)]
pub trait GuardedHandler<T> {}

#[diagnostic::do_not_recommend]
impl<H, T: GuardedArguments> GuardedHandler<T> for H {}

mod sealed {
    pub trait Sealed {}
    impl<P> Sealed for super::Guard<P> {}
    impl<C> Sealed for super::AccessToken<C> {}
    impl<C> Sealed for super::RefreshToken<C> {}
    impl<U> Sealed for super::CurrentUser<U> {}
}
