//! Sessions over random interleavings: an owner, a thief, two clocks, and failovers that lose writes.

use std::time::{Duration, SystemTime};

use jwt_auth::session::log::Ledger;
use jwt_auth::session::{NewSession, RotationOutcome, RotationRequest};
use proptest::prelude::*;

const GRACE: Duration = Duration::from_secs(10);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + second)
}

/// A refresh token: its id and its generation.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    id: String,
    generation: u64,
}

/// One session in a store that may lose what was written to it.
struct World {
    ledger: Ledger,
    backup: Ledger,
    started_at: SystemTime,
    issued: u64,
}

impl World {
    /// A session that began after its store was created, and its first token.
    fn new() -> (Self, Token) {
        let mut ledger = Ledger::new(at(0));
        let session = NewSession::new("s", "alice", "first", at(1), at(1) + YEAR);
        let started = ledger.register(&session).started;
        let started_at = SystemTime::UNIX_EPOCH + Duration::from_millis(started);
        let backup = ledger.clone();
        let first = Token { id: "first".to_owned(), generation: 0 };
        (Self { ledger, backup, started_at, issued: 0 }, first)
    }

    /// Presents a token at a time. Returns the outcome, and the successor that it leads to.
    fn present(&mut self, token: &Token, now: SystemTime) -> (RotationOutcome, Option<Token>) {
        self.issued += 1;
        let successor = format!("token-{}", self.issued);
        let mut request = RotationRequest::new("s", "alice", &token.id, &successor, now);
        request.token = request.token.of_session("s", self.started_at);
        request.token = request.token.of_generation(token.generation);
        (request.grace, request.session_ends) = (GRACE, at(1) + YEAR);
        let outcome = self.ledger.rotate(&request).outcome;
        let generation = token.generation + 1;
        let next = match &outcome {
            RotationOutcome::Rotated { .. } => Some(Token { id: successor, generation }),
            RotationOutcome::Replayed { successor, .. } => {
                Some(Token { id: successor.clone(), generation })
            }
            _ => None,
        };
        (outcome, next)
    }
}

/// What happens to an honest session.
#[derive(Clone, Debug)]
enum Event {
    Rotate,
    /// The answer is lost, and the client repeats its request with the same token.
    RotateTwice,
    Backup,
    /// A replica with the last backup becomes the primary.
    Failover,
    /// The next request is decided by another node's clock.
    Clock(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Rotate),
        2 => Just(Event::RotateTwice),
        1 => Just(Event::Backup),
        1 => Just(Event::Failover),
        2 => (0_u64..120).prop_map(Event::Clock),
    ]
}

proptest! {
    #[test]
    fn s5_no_failover_and_no_clock_ends_the_session_of_its_owner(
        events in prop::collection::vec(event(), 1..60)
    ) {
        let (mut world, mut owner) = World::new();
        let mut now = at(1_000);
        for event in &events {
            match event {
                Event::Backup => world.backup = world.ledger.clone(),
                Event::Failover => world.ledger = world.backup.clone(),
                Event::Clock(second) => now = at(1_000 + second),
                Event::Rotate | Event::RotateTwice => {
                    let (outcome, next) = world.present(&owner, now);
                    let mut next = next.ok_or_else(|| TestCaseError::fail(format!("{outcome:?}")))?;
                    if matches!(event, Event::RotateTwice) {
                        let (outcome, again) = world.present(&owner, now);
                        prop_assert_eq!(again.as_ref(), Some(&next), "one successor; {:?}", outcome);
                        next = again.unwrap_or(next);
                    }
                    owner = next;
                }
            }
        }
    }

    #[test]
    fn s11_each_token_but_the_current_and_its_parent_is_a_reuse(
        presented in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..30), 1..40)
    ) {
        let (mut world, first) = World::new();
        let mut chain = vec![first];
        let (mut now, mut rotated_at) = (1_000_u64, 0_u64);
        let mut has_ended = false;
        for (index, wait) in &presented {
            now += wait;
            let position = index.index(chain.len());
            let token = chain[position].clone();
            let (outcome, next) = world.present(&token, at(now));
            let age = chain.len() - 1 - position;
            if has_ended {
                prop_assert_eq!(outcome, RotationOutcome::Unknown);
            } else if age == 0 {
                prop_assert!(matches!(outcome, RotationOutcome::Rotated { .. }), "{:?}", outcome);
                chain.extend(next);
                rotated_at = now;
            } else if age == 1 && now - rotated_at < GRACE.as_secs() {
                prop_assert_eq!(next.as_ref(), chain.last(), "the same successor; {:?}", outcome);
            } else {
                prop_assert_eq!(outcome, RotationOutcome::Reused);
                has_ended = true;
            }
        }
    }
}
