//! Random sequences of calls, each compared with the rules of rotation as one pure function.

use std::time::{Duration, SystemTime};

use crate::session::record::{Millis, millis, whole_millis};
use crate::session::rotation::{Facts, SessionState, decide};
use crate::session::{
    NewSession, Payload, Revocation, RevocationStore, RotationOutcome, RotationRequest,
    TokenIdentity,
};

const ROUNDS: u64 = 60;
const STEPS: u64 = 14;
const HOUR: Duration = Duration::from_secs(3600);

/// Random numbers that are the same in each run, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What the rules say about one session, without a store.
struct Model {
    state: Option<SessionState>,
    /// Whether a record of the session exists.
    is_ended: bool,
    epoch: Option<Millis>,
    created: Millis,
}

impl Model {
    fn rotate(&mut self, request: &RotationRequest<'_>) -> RotationOutcome {
        let facts = Facts { is_named: self.is_ended, epoch: self.epoch, created: self.created };
        let outcome = decide(&mut self.state, facts, request);
        if outcome == RotationOutcome::Reused {
            self.end();
        }
        outcome
    }

    fn end(&mut self) {
        (self.state, self.is_ended) = (None, true);
    }

    fn raise_epoch(&mut self, before: Millis) {
        let started = self.state.take().map_or(0, |state| state.started);
        self.epoch = self.epoch.max(Some(before.max(started)));
    }
}

/// One session.
struct Case {
    session: String,
    subject: String,
    /// Its start stamp, which its tokens have.
    started: Option<Duration>,
    start: SystemTime,
}

impl Case {
    fn request<'r>(
        &'r self,
        presented: &'r str,
        generation: u64,
        successor: &'r str,
        now: SystemTime,
    ) -> RotationRequest<'r> {
        let (id, subject) = (&self.session, &self.subject);
        let request = RotationRequest::new(id, subject, presented, successor, now);
        let since_1970 = |time| Duration::from_millis(millis(time));
        let token = TokenIdentity {
            session_started_at: self.started,
            generation,
            issued_at: Some(since_1970(self.start)),
            expires_at: Some(since_1970(self.start + 24 * HOUR)),
            clock_tolerance: Duration::from_secs(5),
            payload: Payload::default(),
            ..request.token
        };
        RotationRequest { token, session_ends: self.start + 24 * HOUR, ..request }
    }
}

/// The calls for one session, and the tokens that its client may present: each id with its generation.
struct Round<'a, S> {
    store: &'a S,
    number: u64,
    case: Case,
    now: SystemTime,
    tokens: Vec<(String, u64)>,
    model: Model,
    random: Random,
}

impl<S: RevocationStore> Round<'_, S> {
    /// Half of the sessions are registered. The others began before the store, or were never registered.
    async fn begin(&mut self, registered: Duration) {
        match self.random.below(4) {
            0 => self.case.started = Some(Duration::from_secs(1_000_000_000)),
            1 => {}
            _ => {
                let Case { session, subject, start, .. } = &self.case;
                let session = NewSession::new(session, subject, "g0", *start, *start + 24 * HOUR);
                let answer = self.store.register(session.clone()).await.expect("registered");
                let mut state = SessionState::begin(&session, None);
                state.started = millis(answer.started_at);
                self.case.started = Some(registered);
                self.model.state = Some(state);
            }
        }
    }

    async fn step(&mut self, step: u64) {
        // Clocks differ between nodes, and are set back.
        let moved = Duration::from_millis(self.random.below(8_000));
        self.now = if self.random.below(4) == 0 { self.now - moved } else { self.now + moved };
        let until = self.now + HOUR;
        match self.random.below(24) {
            0 => {
                let started_at = None;
                let revocation = Revocation::Session { id: &self.case.session, started_at, until };
                self.store.revoke(revocation, self.now).await.expect("recorded");
                self.model.end();
            }
            1 => {
                let before = self.now;
                let revocation = Revocation::Subject { subject: &self.case.subject, before, until };
                self.store.revoke(revocation, self.now).await.expect("recorded");
                self.model.raise_epoch(millis(before));
            }
            // Rotations whose answers arrived, but which the store lost.
            2 => {
                let generation = self.tokens.iter().map(|(_, generation)| *generation).max();
                let generation = generation.unwrap_or(0) + 1 + self.random.below(2);
                self.tokens.push((format!("lost-{step}"), generation));
            }
            _ => self.rotate(step).await,
        }
    }

    async fn rotate(&mut self, step: u64) {
        // Mostly one of the last two tokens: the current one and its parent.
        let back = if self.random.below(6) == 0 { self.tokens.len() as u64 } else { 2 };
        let at =
            self.tokens.len() as u64 - 1 - self.random.below(back.min(self.tokens.len() as u64));
        let (presented, generation) = self.tokens[usize::try_from(at).unwrap_or(0)].clone();
        let successor = format!("{step}");
        let request = self.case.request(&presented, generation, &successor, self.now);
        let expected = self.model.rotate(&request);
        let found = self.store.rotate(request).await.expect("the store decides");
        assert_eq!(
            found, expected,
            "round {}, step {step}: {presented} of generation {generation}",
            self.number
        );
        if matches!(expected, RotationOutcome::Rotated { .. }) {
            self.tokens.push((successor, generation + 1));
        }
    }
}

/// Compares a store with the rules. `started` is the start stamp of a session that begins now.
pub(super) async fn decides_like_the_model(
    store: &impl RevocationStore,
    now: SystemTime,
    started: SystemTime,
    unique: &str,
) {
    let stamp = started.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    for number in 0..ROUNDS {
        let created = whole_millis(stamp).saturating_sub(1);
        let mut round = Round {
            store,
            number,
            case: Case {
                session: format!("model-{number}-{unique}"),
                subject: format!("subject-of-model-{number}-{unique}"),
                started: None,
                start: now,
            },
            now,
            tokens: vec![("g0".to_owned(), 0)],
            model: Model { state: None, is_ended: false, epoch: None, created },
            random: Random(number),
        };
        round.begin(stamp).await;
        for step in 0..STEPS {
            round.step(step).await;
        }
    }
}
