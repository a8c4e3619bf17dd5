//! What a handler's parameter is, decided on its type: how attributes see through aliases.

use std::marker::PhantomData;

use crate::error::AuthError;
use crate::guard::{CurrentUser, Guard};
use crate::token::{AccessToken, RefreshToken};

/// What a parameter's type is to a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Nothing of ours.
    Other,
    /// `AccessToken<C>`.
    Access,
    /// `Option<AccessToken<C>>`.
    MaybeAccess,
    /// `RefreshToken<C>`, or an `Option` of it.
    Refresh,
    /// The guard of another attribute.
    Guard,
    /// What comes after a middleware.
    Next,
}

impl Parameter {
    /// Whether the parameter is a refresh token.
    pub const fn is_refresh(self) -> bool {
        matches!(self, Self::Refresh)
    }

    /// Whether the parameter is an access token, or perhaps one.
    pub const fn is_access(self) -> bool {
        matches!(self, Self::Access | Self::MaybeAccess)
    }

    /// Whether the parameter demands an access token.
    pub const fn demands_access(self) -> bool {
        matches!(self, Self::Access)
    }

    /// Whether the parameter is a token of either kind, or perhaps one.
    pub const fn is_token(self) -> bool {
        self.is_access() || self.is_refresh()
    }

    /// Whether the function is a middleware, and the parameter what comes after it.
    pub const fn is_next(self) -> bool {
        matches!(self, Self::Next)
    }

    /// Whether the parameter is a guard.
    pub const fn is_guard(self) -> bool {
        matches!(self, Self::Guard)
    }
}

/// Asks the question: an inherent constant where the type is ours, the trait's for all others.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The answer for every type that is not ours.
pub trait OtherParameter {
    /// Nothing of ours.
    const PARAMETER: Parameter = Parameter::Other;
}

impl<T: ?Sized> OtherParameter for Probe<T> {}

impl<C> Probe<AccessToken<C>> {
    /// An access token.
    pub const PARAMETER: Parameter = Parameter::Access;
}

impl<C> Probe<Option<AccessToken<C>>> {
    /// Perhaps an access token.
    pub const PARAMETER: Parameter = Parameter::MaybeAccess;
}

impl<C> Probe<Result<AccessToken<C>, AuthError>> {
    /// Perhaps an access token.
    pub const PARAMETER: Parameter = Parameter::MaybeAccess;
}

impl<U> Probe<CurrentUser<U>> {
    /// The user of an access token.
    pub const PARAMETER: Parameter = Parameter::Access;
}

impl<U> Probe<Option<CurrentUser<U>>> {
    /// Perhaps the user of an access token.
    pub const PARAMETER: Parameter = Parameter::MaybeAccess;
}

impl<C> Probe<RefreshToken<C>> {
    /// A refresh token.
    pub const PARAMETER: Parameter = Parameter::Refresh;
}

impl<C> Probe<Option<RefreshToken<C>>> {
    /// Perhaps a refresh token.
    pub const PARAMETER: Parameter = Parameter::Refresh;
}

impl<C> Probe<Result<RefreshToken<C>, AuthError>> {
    /// Perhaps a refresh token.
    pub const PARAMETER: Parameter = Parameter::Refresh;
}

impl<P> Probe<Guard<P>> {
    /// A guard.
    pub const PARAMETER: Parameter = Parameter::Guard;
}
