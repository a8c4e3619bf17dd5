//! The handler around every guarded one: what is noted while it runs goes into its answer.

use axum::extract::Request;
use axum::handler::Handler;

use crate::layer::Noting;

/// A handler whose answers bear `Cache-Control: no-store` when they concern a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotingHandler<H>(pub(super) H);

impl<H, T, S> Handler<T, S> for NotingHandler<H>
where
    H: Handler<T, S>,
{
    type Future = Noting<H::Future>;

    fn call(self, request: Request, state: S) -> Self::Future {
        Noting::new(self.0.call(request, state))
    }
}
