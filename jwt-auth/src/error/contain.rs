//! Calls of the application's own functions: a panic or a hang takes down no more than its request.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::error::{AuthErrorKind, Refusal};

/// Calls a function of the application. A panic is logged, and becomes a refusal with 503.
pub(crate) fn contain<T>(hook: &'static str, call: impl FnOnce() -> T) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| {
        tracing::error!(target: "jwt_auth", hook, "a hook panicked");
        Refusal::from(AuthErrorKind::Unavailable).with_source(format!("`{hook}` panicked"))
    })
}

/// Runs an async function of the application for at most the deadline. A panic or a hang is logged, and becomes a
/// refusal with 503. A future that is ready at once needs no timer.
pub(crate) async fn contain_async<F: Future>(
    hook: &'static str,
    deadline: Duration,
    start: impl FnOnce() -> F,
) -> Result<F::Output, Refusal> {
    let mut future = pin!(contain(hook, start)?);
    let mut contained = pin!(poll_fn(|context| {
        match contain(hook, || future.as_mut().poll(context)) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(refusal) => Poll::Ready(Err(refusal)),
        }
    }));
    let first = poll_fn(|context| Poll::Ready(contained.as_mut().poll(context))).await;
    if let Poll::Ready(answer) = first {
        return answer;
    }
    // Boxed, because a timer is large, and every future of a handler with a check contains this one.
    Box::pin(tokio::time::timeout(deadline, contained)).await.unwrap_or_else(|_| {
        let millis = deadline.as_millis();
        tracing::error!(target: "jwt_auth", hook, "a hook did not finish within {millis} ms");
        let source = format!("`{hook}` did not finish within {millis} ms");
        Err(Refusal::from(AuthErrorKind::Unavailable).with_source(source))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_and_a_hang_become_refusals() {
        let deadline = Duration::from_secs(5);
        assert_eq!(contain_async("a", deadline, async || 7).await.unwrap(), 7);
        let late = contain_async("a", deadline, async || tokio::time::sleep(deadline / 2).await);
        assert!(late.await.is_ok());
        let hang = contain_async("a", deadline, std::future::pending::<()>);
        assert_eq!(hang.await.unwrap_err().kind(), AuthErrorKind::Unavailable);
        let panics = contain_async("a", deadline, async || {
            tokio::task::yield_now().await;
            panic!("in the future")
        });
        assert_eq!(panics.await.unwrap_err().kind(), AuthErrorKind::Unavailable);
        let early = contain_async("a", deadline, || -> std::future::Ready<()> { panic!("before") });
        assert_eq!(early.await.unwrap_err().kind(), AuthErrorKind::Unavailable);
    }
}
