//! The role of a handler's parameter, decided by its type, so that attributes see through aliases.

use std::marker::PhantomData;

use crate::error::AuthError;
use crate::guard::{Check, Checked, CurrentUser, Guard, HasCheck, MayHaveCheck};
use crate::token::{AccessToken, RefreshToken};

/// The role of a parameter for a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// None.
    Other,
    /// `AccessToken<C>`.
    Access,
    /// `Option<AccessToken<C>>`.
    MaybeAccess,
    /// `Result<AccessToken<C>, AuthError>`.
    AccessOrError,
    /// `CurrentUser<U>`.
    User,
    /// `Option<CurrentUser<U>>`.
    MaybeUser,
    /// `Checked<P>`.
    Checked,
    /// `Option<Checked<P>>`.
    MaybeChecked,
    /// `RefreshToken<C>`.
    Refresh,
    /// `Option<RefreshToken<C>>`, or a `Result` of it.
    MaybeRefresh,
    /// The guard of another attribute.
    Guard,
    /// The `Next` of a middleware.
    Next,
}

impl Parameter {
    /// Whether the parameter is a refresh token, optional or not.
    pub const fn is_refresh(self) -> bool {
        matches!(self, Self::Refresh | Self::MaybeRefresh)
    }

    /// Whether the parameter is an access token, optional or not.
    pub const fn is_access(self) -> bool {
        matches!(self, Self::Access | Self::MaybeAccess | Self::AccessOrError)
    }

    /// Whether the parameter reads an access token without a guard, and refuses a request with a bad one.
    pub const fn refuses_bad_access(self) -> bool {
        matches!(
            self,
            Self::Access
                | Self::MaybeAccess
                | Self::User
                | Self::MaybeUser
                | Self::Checked
                | Self::MaybeChecked
        )
    }

    /// Whether the parameter requires an access token.
    pub const fn demands_access(self) -> bool {
        matches!(self, Self::Access | Self::User | Self::Checked)
    }

    /// Whether the parameter requires a refresh token, under a guard for one.
    pub const fn demands_refresh(self) -> bool {
        matches!(self, Self::Refresh | Self::User | Self::Checked)
    }

    /// Whether the parameter is a token of either kind, its user or the value of a check, optional or not.
    pub const fn is_token(self) -> bool {
        self.is_access()
            || self.is_refresh()
            || self.is_checked()
            || matches!(self, Self::User | Self::MaybeUser)
    }

    /// Whether the parameter is the value of a check, optional or not.
    pub const fn is_checked(self) -> bool {
        matches!(self, Self::Checked | Self::MaybeChecked)
    }

    /// Whether one of the parameters is a refresh token.
    pub const fn any_is_refresh(list: &[Self]) -> bool {
        let mut rest = list;
        while let [first, others @ ..] = rest {
            if first.is_refresh() {
                return true;
            }
            rest = others;
        }
        false
    }

    /// Whether one of the parameters is an access token.
    pub const fn any_is_access(list: &[Self]) -> bool {
        let mut rest = list;
        while let [first, others @ ..] = rest {
            if first.is_access() {
                return true;
            }
            rest = others;
        }
        false
    }

    /// Whether the parameter is a `Next`, which makes the function a middleware.
    pub const fn is_next(self) -> bool {
        matches!(self, Self::Next)
    }

    /// Whether the parameter is a guard.
    pub const fn is_guard(self) -> bool {
        matches!(self, Self::Guard)
    }
}

/// The role of the type `T`, as a constant.
///
/// It is an inherent constant for the types of this crate, and the trait's constant for all others.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The role of every other type.
pub trait OtherParameter {
    /// None.
    const PARAMETER: Parameter = Parameter::Other;
}

impl<T: ?Sized> OtherParameter for Probe<T> {}

impl<C> Probe<AccessToken<C>> {
    /// An access token.
    pub const PARAMETER: Parameter = Parameter::Access;
}

impl<C> Probe<Option<AccessToken<C>>> {
    /// An optional access token.
    pub const PARAMETER: Parameter = Parameter::MaybeAccess;
}

impl<C> Probe<Result<AccessToken<C>, AuthError>> {
    /// An access token, or why there is none.
    pub const PARAMETER: Parameter = Parameter::AccessOrError;
}

impl<U, C> Probe<CurrentUser<U, C>> {
    /// The user of a token.
    pub const PARAMETER: Parameter = Parameter::User;
}

impl<U, C> Probe<Option<CurrentUser<U, C>>> {
    /// The optional user of a token.
    pub const PARAMETER: Parameter = Parameter::MaybeUser;
}

impl<P: Check> Probe<Checked<P>> {
    /// The value of a check.
    pub const PARAMETER: Parameter = Parameter::Checked;
}

impl<P: Check> Probe<Option<Checked<P>>> {
    /// The optional value of a check.
    pub const PARAMETER: Parameter = Parameter::MaybeChecked;
}

impl<C> Probe<RefreshToken<C>> {
    /// A refresh token.
    pub const PARAMETER: Parameter = Parameter::Refresh;
}

impl<C> Probe<Option<RefreshToken<C>>> {
    /// An optional refresh token.
    pub const PARAMETER: Parameter = Parameter::MaybeRefresh;
}

impl<C> Probe<Result<RefreshToken<C>, AuthError>> {
    /// An optional refresh token.
    pub const PARAMETER: Parameter = Parameter::MaybeRefresh;
}

impl<P> Probe<Guard<P>> {
    /// A guard.
    pub const PARAMETER: Parameter = Parameter::Guard;
}

/// The checks that the type of a parameter requires of the policy `P`, for an assertion.
#[derive(Debug)]
pub struct ChecksOf<P, T: ?Sized>(PhantomData<P>, PhantomData<T>);

/// Every other type requires none.
pub trait NoChecks {
    /// Accepts every policy.
    fn require() {}
}

impl<P, T: ?Sized> NoChecks for ChecksOf<P, T> {}

impl<P, C: Check> ChecksOf<P, Checked<C>> {
    /// Accepts a policy that always runs the check.
    pub fn require<At>()
    where
        P: HasCheck<C, At>,
    {
    }
}

impl<P, C: Check> ChecksOf<P, Option<Checked<C>>> {
    /// Accepts a policy that may run the check.
    pub fn require<At>()
    where
        P: MayHaveCheck<C, At>,
    {
    }
}
