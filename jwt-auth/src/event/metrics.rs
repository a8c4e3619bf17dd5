//! Counts events by the `metrics` facade: names by the rules of Prometheus, and no label from a token.

use std::cell::RefCell;

use metrics::{Counter, counter, gauge};

use crate::event::AuthEvent;

/// After this many requests a thread looks the counter up again, since the program may install its recorder after the first.
const LOOK_UP_AFTER: u32 = 256;

const DECISIONS: &str = "jwt_auth_decisions_total";

/// The counter of a thread, and for how many requests more it is used.
struct Cached {
    guard: &'static str,
    counter: Counter,
    left: u32,
}

thread_local! {
    static ADMITTED: RefCell<Option<Cached>> = const { RefCell::new(None) };
}

/// Counts an admitted request. Looking a counter up for each would cost a third of a guard.
pub(super) fn count_admitted(guard: &'static str) {
    ADMITTED.with_borrow_mut(|cached| match cached {
        Some(cached) if cached.left > 0 && cached.guard == guard => {
            cached.left -= 1;
            cached.counter.increment(1);
        }
        _ => {
            let counter =
                counter!(DECISIONS, "guard" => guard, "result" => "admitted", "code" => "");
            counter.increment(1);
            *cached = Some(Cached { guard, counter, left: LOOK_UP_AFTER });
        }
    });
}

pub(super) fn count(event: &AuthEvent) {
    match event {
        AuthEvent::Admitted { guard, .. } => count_admitted(guard),
        AuthEvent::Refused { code, .. } => {
            counter!(DECISIONS, "guard" => "", "result" => "refused", "code" => *code).increment(1);
        }
        AuthEvent::LoggedIn => counter!("jwt_auth_logins_total").increment(1),
        AuthEvent::Issued { kind } => {
            counter!("jwt_auth_tokens_issued_total", "kind" => kind.claim()).increment(1);
        }
        AuthEvent::Refreshed => counter!("jwt_auth_refreshes_total").increment(1),
        AuthEvent::Reused => counter!("jwt_auth_refresh_reuse_total").increment(1),
        AuthEvent::Revoked { what } => {
            counter!("jwt_auth_revocations_total", "what" => what.name()).increment(1);
        }
        AuthEvent::KeyCreated { .. } => counter!("jwt_auth_keys_created_total").increment(1),
        AuthEvent::StoreFailed { source } => {
            gauge!("jwt_auth_source_up", "source" => *source).set(0.0);
        }
        AuthEvent::StoreRecovered { source } => {
            gauge!("jwt_auth_source_up", "source" => *source).set(1.0);
        }
        AuthEvent::IssuerFetched { issuer, succeeded } => {
            let result = if *succeeded { "fetched" } else { "failed" };
            counter!("jwt_auth_issuer_fetches_total", "issuer" => issuer.clone(), "result" => result)
                .increment(1);
        }
        // It concerns one listener, not the process.
        AuthEvent::Lost { .. } => {}
    }
}
