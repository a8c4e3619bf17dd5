//! The token that a guard has admitted in the current poll of a handler, for the extractors of this handler.
//!
//! Unlike the memo in the extensions of the request, it needs no allocation. It is empty again after each poll, so that an
//! extractor that waited verifies the token again. It is therefore only for tokens that are verified again at little cost.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::auth::JwtAuth;
use crate::config::TokenLocation;
use crate::token::Verified;
use crate::token_kind::TokenKind;
use crate::web::FoundToken;

thread_local! {
    static CURRENT: RefCell<PollMemo> = const { RefCell::new(PollMemo::Closed) };
}

/// The memo of one poll.
pub(super) enum PollMemo {
    /// No handler of a router is polled, so nothing would empty it.
    Closed,
    Empty,
    Admitted {
        kind: TokenKind,
        /// The id of the `JwtAuth` that verified the token.
        auth: u64,
        verified: Arc<Verified>,
    },
}

impl PollMemo {
    /// Leaves a token that a guard admitted, by the rules of the configuration and of the routers. Returns whether a handler of a router is
    /// polled.
    pub(super) fn leave(kind: TokenKind, auth: &JwtAuth, verified: &Arc<Verified>) -> bool {
        CURRENT.with_borrow_mut(|memo| {
            let is_open = !matches!(memo, Self::Closed);
            if is_open {
                let verified = Arc::clone(verified);
                *memo = Self::Admitted { kind, auth: auth.id(), verified };
            }
            is_open
        })
    }

    /// The token that was left, if `find` finds the same in the request, and its location.
    pub(super) fn token<'a>(
        kind: TokenKind,
        auth: &JwtAuth,
        find: impl FnOnce() -> Option<FoundToken<'a>>,
    ) -> Option<(Arc<Verified>, TokenLocation)> {
        CURRENT.with_borrow(|memo| match memo {
            Self::Admitted { kind: of, auth: by, verified } if (*of, *by) == (kind, auth.id()) => {
                let found = find().filter(|found| found.is_same_as(verified))?;
                Some((Arc::clone(verified), found.location))
            }
            _ => None,
        })
    }
}

pin_project! {
    /// The future of a handler, with a memo for each poll.
    pub(crate) struct WithPollMemo<F> {
        #[pin]
        pub(crate) inner: F,
    }
}

impl<F: Future> Future for WithPollMemo<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        /// Restores the memo of an outer handler, also after a panic.
        struct Restore(PollMemo);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.with_borrow_mut(|memo| std::mem::swap(memo, &mut self.0));
            }
        }
        let mut outer = PollMemo::Empty;
        CURRENT.with_borrow_mut(|memo| std::mem::swap(memo, &mut outer));
        let _restore = Restore(outer);
        self.project().inner.poll(context)
    }
}
