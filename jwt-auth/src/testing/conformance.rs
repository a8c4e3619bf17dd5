//! The conformance suite that every store must pass.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::session::record::{from_millis, millis};
use crate::session::{
    NewSession, Payload, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    TokenIdentity, TokenStatus,
};
use crate::testing::model::decides_like_the_model;
use crate::testing::shared_keys::shared_keys;
use crate::testing::used_ids::used_ids;
use crate::token_kind::TokenKind;

/// Checks that a store does everything that jwt-auth relies on.
///
/// Run it in a test of your store. The store may contain other records, because each run uses new names. The suite
/// uses the current time, because a store may delete expired records by its own clock. Times of sessions have a
/// precision of milliseconds.
///
/// ```
/// use jwt_auth::{MemoryStore, testing::store_conformance};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// store_conformance(&MemoryStore::new()).await;
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// At the first check that fails, with a message that says what the store should do.
#[allow(clippy::disallowed_methods, reason = "a store may have its own clock")]
pub async fn store_conformance(store: &impl RevocationStore) {
    let suite = Suite::start(store, from_millis(millis(SystemTime::now()))).await;
    suite.revoked_tokens().await;
    suite.revoked_sessions().await;
    suite.earlier_access_tokens().await;
    suite.ended_sessions_leave_no_valid_token().await;
    suite.revoked_keys().await;
    suite.epochs().await;
    suite.epochs_end_registered_sessions().await;
    suite.unusual_names().await;
    suite.rotation().await;
    suite.rotation_by_generation().await;
    suite.rotation_grace_and_reuse().await;
    suite.rotation_of_ended_sessions().await;
    suite.adoption().await;
    suite.stamp_of_an_adopted_session().await;
    suite.one_successor_of_many().await;
    suite.listed_sessions().await;
    suite.limited_sessions().await;
    suite.pruning().await;
    Box::pin(shared_keys(store)).await;
    Box::pin(used_ids(store, SystemTime::now())).await;
    decides_like_the_model(store, suite.now, suite.started, &suite.unique).await;
}

/// A suffix that no other run uses.
fn unique() -> String {
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

struct Suite<'a, S> {
    store: &'a S,
    now: SystemTime,
    /// The start stamp of a session that begins now.
    started: SystemTime,
    unique: String,
}

/// The names of one session of a test.
struct Names {
    session: String,
    subject: String,
}

const HOUR: Duration = Duration::from_secs(3600);
/// A start stamp before the creation of every store: 2001-09-09.
const LONG_AGO: Duration = Duration::from_secs(1_000_000_000);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970")
}

impl<'a, S: RevocationStore> Suite<'a, S> {
    /// The tests run a second later than the creation of a new store, so that no session begins with it.
    async fn start(store: &'a S, created: SystemTime) -> Self {
        let now = created + seconds(1);
        let suite = Self { store, now, started: now, unique: unique() };
        let token = suite.token("created", "created");
        store.check_strict(&token, created).await.expect("the store answers");
        let names = suite.names("first");
        let started = suite.register(&names, now + HOUR).await;
        Self { started, ..suite }
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.unique)
    }

    fn names(&self, case: &str) -> Names {
        Names { session: self.name(case), subject: self.name(&format!("subject-of-{case}")) }
    }

    fn token<'t>(&self, id: &'t str, subject: &'t str) -> TokenIdentity<'t> {
        let token = TokenIdentity::for_test(TokenKind::Access, subject, id);
        TokenIdentity { issued_at: Some(since_1970(self.now)), ..token }
    }

    /// A token of a session that begins now.
    fn token_of<'t>(&self, names: &'t Names, kind: TokenKind) -> TokenIdentity<'t> {
        TokenIdentity {
            kind,
            session_id: Some(&names.session),
            session_started_at: Some(since_1970(self.started)),
            ..self.token("a", &names.subject)
        }
    }

    /// The status from memory and from the store itself, which agree once a call has returned.
    async fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> TokenStatus {
        let strict = self.store.check_strict(token, now).await.expect("the store answers");
        let status = self.store.check(token, now).expect("the memory is current");
        assert_eq!(status, strict, "memory and store agree on {token:?}");
        status
    }

    async fn revoke(&self, revocation: Revocation<'_>) {
        self.store.revoke(revocation, self.now).await.expect("the revocation is recorded");
        self.assert_not_empty();
    }

    /// An empty store is not queried for any token.
    fn assert_not_empty(&self) {
        assert!(!self.store.is_empty(), "a store with a revocation in force is not empty");
    }

    async fn revoked_tokens(&self) {
        let (id, other) = (self.name("token"), self.name("token-of-an-issuer"));
        let subject = self.name("subject");
        let until = self.now + HOUR;
        assert_eq!(self.check(&self.token(&id, &subject), self.now).await, TokenStatus::Valid);
        self.revoke(Revocation::Token { issuer: None, id: &id, until }).await;
        self.revoke(Revocation::Token { issuer: None, id: &id, until: self.now + seconds(1) })
            .await;
        let token = self.token(&id, &subject);
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Revoked);
        assert_eq!(
            self.check(&token, until - seconds(1)).await,
            TokenStatus::Revoked,
            "of two records, the later end counts"
        );
        assert_eq!(
            self.check(&token, until + seconds(1)).await,
            TokenStatus::Valid,
            "a record ends with its token"
        );
        let of_an_issuer = TokenIdentity { issuer: Some("any"), ..token };
        assert_eq!(
            self.check(&of_an_issuer, self.now).await,
            TokenStatus::Revoked,
            "a record without an issuer covers every issuer"
        );
        assert_eq!(self.check(&self.token(&other, &subject), self.now).await, TokenStatus::Valid);
        self.revoke(Revocation::Token { issuer: Some("a"), id: &other, until }).await;
        for (issuer, status) in [
            (Some("a"), TokenStatus::Revoked),
            (Some("b"), TokenStatus::Valid),
            (None, TokenStatus::Valid),
        ] {
            let token = TokenIdentity { issuer, ..self.token(&other, &subject) };
            assert_eq!(
                self.check(&token, self.now).await,
                status,
                "a record with an issuer covers that issuer only"
            );
        }
    }

    async fn end(&self, session: &str) {
        let until = self.now + HOUR;
        self.revoke(Revocation::Session { id: session, started_at: None, until }).await;
    }

    async fn revoked_sessions(&self) {
        let names = self.names("session");
        let token = self.token_of(&names, TokenKind::Access);
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Valid);
        self.end(&names.session).await;
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Revoked);
        let namesake = self.token(&names.session, &names.subject);
        assert_eq!(
            self.check(&namesake, self.now).await,
            TokenStatus::Valid,
            "a session record does not cover a token of that id"
        );
        let long = self.names("long");
        self.register(&long, self.now + 24 * HOUR).await;
        self.store.remember_access_life(2 * HOUR).await.expect("the life is recorded");
        self.store.remember_access_life(HOUR).await.expect("the life is recorded");
        let soon = self.now + seconds(1);
        self.revoke(Revocation::Session { id: &long.session, started_at: None, until: soon }).await;
        let token = self.token_of(&long, TokenKind::Access);
        assert_eq!(
            self.check(&token, self.now + 2 * HOUR).await,
            TokenStatus::Revoked,
            "a record outlasts the longest access token, even if the caller gave an earlier end"
        );
    }

    async fn earlier_access_tokens(&self) {
        let names = self.names("earlier");
        self.register(&names, self.now + 24 * HOUR).await;
        for generation in [2, 1] {
            let (session, until) = (names.session.as_str(), self.now + HOUR);
            self.revoke(Revocation::EarlierAccess { session, generation, until }).await;
        }
        for (generation, status) in [(1, TokenStatus::Revoked), (2, TokenStatus::Valid)] {
            let token = TokenIdentity { generation, ..self.token_of(&names, TokenKind::Access) };
            assert_eq!(self.check(&token, self.now).await, status, "generation {generation}");
        }
        let refresh = self.token_of(&names, TokenKind::Refresh);
        assert_eq!(
            self.check(&refresh, self.now).await,
            TokenStatus::Valid,
            "a refresh token is not covered"
        );
    }

    async fn ended_sessions_leave_no_valid_token(&self) {
        let names = self.names("ended");
        self.register(&names, self.now + 24 * HOUR).await;
        let refresh = self.token_of(&names, TokenKind::Refresh);
        let strict = async |now| self.store.check_strict(&refresh, now).await.expect("an answer");
        assert_eq!(strict(self.now).await, TokenStatus::Valid);
        self.end(&names.session).await;
        for now in [self.now, self.now + 23 * HOUR] {
            assert_eq!(
                strict(now).await,
                TokenStatus::Revoked,
                "no refresh token of an ended session is valid, at any time"
            );
            let again = RotationRequest { now, ..self.request(&names, "a", "b", 0) };
            assert_eq!(self.rotate(again).await, RotationOutcome::Unknown);
        }
    }

    async fn revoked_keys(&self) {
        let (id, kid, subject) = (self.name("id"), self.name("kid"), self.name("s"));
        self.revoke(Revocation::Key { id: &kid, until: self.now + HOUR }).await;
        let token = TokenIdentity { key_id: Some(&kid), ..self.token(&id, &subject) };
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Revoked);
        assert_eq!(
            self.check(&self.token(&kid, &kid), self.now).await,
            TokenStatus::Valid,
            "a key record does not cover a token of that id"
        );
    }

    async fn epochs(&self) {
        let (id, subject) = (self.name("id"), self.name("epoch"));
        let until = self.now + HOUR;
        for before in [self.now - seconds(20), self.now - seconds(10), self.now - seconds(30)] {
            self.revoke(Revocation::Subject { subject: &subject, before, until }).await;
        }
        let epoch = (self.now - seconds(10))
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        for (issued_at, status) in [
            (None, TokenStatus::Revoked),
            (Some(seconds(epoch - 15)), TokenStatus::Revoked),
            (Some(seconds(epoch)), TokenStatus::Revoked),
            (Some(seconds(epoch) + Duration::from_millis(900)), TokenStatus::Revoked),
            (Some(seconds(epoch + 1)), TokenStatus::Valid),
        ] {
            let token = TokenIdentity { issued_at, ..self.token(&id, &subject) };
            assert_eq!(
                self.check(&token, self.now).await,
                status,
                "of two epochs, the later one counts: {issued_at:?}"
            );
        }
        let clocks = TokenIdentity {
            issued_at: Some(seconds(epoch + 5)),
            clock_tolerance: seconds(5),
            payload: Payload::default(),
            ..self.token(&id, &subject)
        };
        assert_eq!(
            self.check(&clocks, self.now).await,
            TokenStatus::Revoked,
            "without a session, the clock that issued the token may have been ahead"
        );
        for (started, status) in
            [(seconds(epoch - 1), TokenStatus::Revoked), (seconds(epoch + 1), TokenStatus::Valid)]
        {
            let token = TokenIdentity { session_started_at: Some(started), ..clocks };
            assert_eq!(
                self.check(&token, self.now).await,
                status,
                "a session is compared by its start stamp, whatever the clocks say"
            );
        }
        let other = self.name("other");
        let token = TokenIdentity { issued_at: None, ..self.token(&id, &other) };
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Valid);
    }

    async fn epochs_end_registered_sessions(&self) {
        let names = self.names("everywhere");
        let behind = self.now - seconds(20);
        let until = self.now + 1_000 * HOUR;
        let mut session = self.new_session(&names, self.now + 24 * HOUR);
        let first = self.store.register(session.clone()).await.expect("registered").started_at;
        self.revoke(Revocation::Subject { subject: &names.subject, before: behind, until }).await;
        let started_at = |at| TokenIdentity {
            session_started_at: Some(since_1970(at)),
            ..self.token_of(&names, TokenKind::Access)
        };
        assert_eq!(
            self.check(&started_at(first), self.now).await,
            TokenStatus::Revoked,
            "an epoch of a clock that is behind covers every registered session"
        );
        let ended = self.rotate(self.request(&names, "a", "b", 0)).await;
        assert_eq!(ended, RotationOutcome::Unknown, "the session ended");
        assert!(self.store.sessions(&names.subject, self.now).await.expect("a list").is_empty());
        session.now = behind;
        let second = self.store.register(session).await.expect("registered").started_at;
        assert!(
            second > first,
            "a session starts after every epoch, also by a clock that is behind"
        );
        assert_eq!(self.check(&started_at(second), self.now).await, TokenStatus::Valid);
        assert_eq!(self.store.sessions(&names.subject, self.now).await.expect("a list").len(), 1);
        let mut request = self.request(&names, "a", "b", 0);
        request.token.session_started_at = Some(since_1970(second));
        match self.rotate(request).await {
            RotationOutcome::Rotated { started_at, .. } => assert_eq!(started_at, second),
            other => panic!("the new session continues with its stamp; found {other:?}"),
        }
    }

    async fn unusual_names(&self) {
        let subject = self.name("s");
        for name in [
            "\u{e9}\u{1f980}",
            "a\"b\\c",
            "a'; DROP TABLE x; --",
            "{a}:*?[b]",
            "a\nb\tc",
            &"x".repeat(1000),
        ] {
            let id = self.name(name);
            self.revoke(Revocation::Token { issuer: Some(name), id: &id, until: self.now + HOUR })
                .await;
            let token = TokenIdentity { issuer: Some(name), ..self.token(&id, &subject) };
            assert_eq!(self.check(&token, self.now).await, TokenStatus::Revoked, "{name}");
            let token = TokenIdentity { issuer: Some(&subject), ..token };
            assert_eq!(self.check(&token, self.now).await, TokenStatus::Valid, "{name}");
        }
    }

    /// A request with a refresh token of a session that begins now.
    fn request<'r>(
        &self,
        names: &'r Names,
        presented: &'r str,
        successor: &'r str,
        generation: u64,
    ) -> RotationRequest<'r> {
        let token = TokenIdentity {
            id: Some(presented),
            generation,
            expires_at: Some(since_1970(self.now + 24 * HOUR)),
            ..self.token_of(names, TokenKind::Refresh)
        };
        RotationRequest {
            token,
            session_ends: self.now + 24 * HOUR,
            ..RotationRequest::new(&names.session, &names.subject, presented, successor, self.now)
        }
    }

    /// The same for a session that began before every store, or that no store has registered.
    fn old_request<'r>(
        &self,
        names: &'r Names,
        presented: &'r str,
        successor: &'r str,
        generation: u64,
        started: Option<Duration>,
    ) -> RotationRequest<'r> {
        let mut request = self.request(names, presented, successor, generation);
        request.token.session_started_at = started;
        request
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> RotationOutcome {
        self.store.rotate(request).await.expect("the store decides")
    }

    async fn assert_rotates(&self, request: RotationRequest<'_>, rule: &str) {
        let outcome = self.rotate(request).await;
        assert!(matches!(outcome, RotationOutcome::Rotated { .. }), "{rule}; found {outcome:?}");
    }

    fn new_session<'s>(&self, names: &'s Names, ends: SystemTime) -> NewSession<'s> {
        let session = NewSession::new(&names.session, &names.subject, "a", self.now, ends);
        NewSession { device: Some("a device"), ..session }
    }

    /// Registers a session, and returns its start stamp.
    async fn register(&self, names: &Names, ends: SystemTime) -> SystemTime {
        let registered = self.store.register(self.new_session(names, ends)).await;
        let registered = registered.expect("the session is registered");
        assert!(registered.ended.is_empty(), "the subject has no other session");
        registered.started_at
    }

    async fn rotation(&self) {
        let names = self.names("begun");
        let ends = self.now + 2 * HOUR;
        self.register(&names, ends).await;
        let outcome = self.rotate(self.request(&names, "a", "b", 0)).await;
        let RotationOutcome::Rotated { started_at, session_ends, was_behind } = outcome else {
            panic!("the first token of a registered session is rotated");
        };
        assert_eq!(started_at, self.started, "a rotation does not change the start stamp");
        assert!(!was_behind);
        let off = session_ends.duration_since(ends).or_else(|_| ends.duration_since(session_ends));
        assert!(
            off.is_ok_and(|off| off < seconds(1)),
            "the session ends at the time given at log-in, and no rotation extends it"
        );
        for other in ["", "zz", "c"] {
            let names = self.names(&format!("other-{other}"));
            self.register(&names, ends).await;
            let outcome = self.rotate(self.request(&names, other, "x", 0)).await;
            assert_eq!(
                outcome,
                RotationOutcome::Reused,
                "a token that is not the current one: {other:?}"
            );
        }
        let mine = self.names("mine");
        self.register(&mine, ends).await;
        let theirs = Names { session: mine.session.clone(), subject: self.name("mallory") };
        let outcome = self.rotate(self.request(&theirs, "x", "y", 0)).await;
        assert_eq!(outcome, RotationOutcome::Unknown, "an equal id of another subject's session");
        self.assert_rotates(self.request(&mine, "a", "b", 0), "that session is unharmed").await;
    }

    async fn rotation_by_generation(&self) {
        let names = self.names("behind");
        self.register(&names, self.now + 24 * HOUR).await;
        let outcome = self.rotate(self.request(&names, "g3", "g4", 3)).await;
        assert!(
            matches!(outcome, RotationOutcome::Rotated { was_behind: true, .. }),
            "a later generation proves that the store lost writes; found {outcome:?}"
        );
        self.assert_rotates(self.request(&names, "g4", "g5", 4), "the successor is current").await;
        let outcome = self.rotate(self.request(&names, "a", "x", 0)).await;
        assert_eq!(outcome, RotationOutcome::Reused, "an older generation afterwards");
    }

    async fn rotation_grace_and_reuse(&self) {
        let names = self.names("grace");
        self.register(&names, self.now + 24 * HOUR).await;
        self.assert_rotates(self.request(&names, "a", "b", 0), "the current token").await;
        let again =
            RotationRequest { now: self.now + seconds(9), ..self.request(&names, "a", "x", 0) };
        match self.rotate(again).await {
            RotationOutcome::Replayed { successor, rotated_at, started_at, .. } => {
                assert_eq!(successor, "b", "the same successor again");
                assert_eq!(started_at, self.started);
                let off = self
                    .now
                    .duration_since(rotated_at)
                    .or_else(|_| rotated_at.duration_since(self.now));
                assert!(
                    off.is_ok_and(|off| off < seconds(1)),
                    "with the time of the first rotation"
                );
            }
            other => panic!("the parent within the grace is replayed; found {other:?}"),
        }
        let token = self.token_of(&names, TokenKind::Access);
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Valid);
        let late =
            RotationRequest { now: self.now + seconds(10), ..self.request(&names, "a", "x", 0) };
        assert_eq!(self.rotate(late).await, RotationOutcome::Reused);
        self.assert_not_empty();
        assert_eq!(
            self.check(&token, self.now).await,
            TokenStatus::Revoked,
            "a reuse ends the session"
        );
        assert_eq!(
            self.check(&token, self.now + 2 * HOUR).await,
            TokenStatus::Revoked,
            "its access tokens stay revoked for as long as they could live"
        );
        let outcome = self.rotate(self.request(&names, "b", "c", 1)).await;
        assert_eq!(outcome, RotationOutcome::Unknown, "an ended session has no successor");

        let names = self.names("older");
        self.register(&names, self.now + 24 * HOUR).await;
        self.rotate(self.request(&names, "a", "b", 0)).await;
        self.rotate(self.request(&names, "b", "c", 1)).await;
        let outcome = self.rotate(self.request(&names, "a", "x", 0)).await;
        assert_eq!(outcome, RotationOutcome::Reused, "an older ancestor has no grace");
        let names = self.names("none");
        self.register(&names, self.now + 24 * HOUR).await;
        self.rotate(self.request(&names, "a", "b", 0)).await;
        let again = RotationRequest { grace: Duration::ZERO, ..self.request(&names, "a", "x", 0) };
        assert_eq!(
            self.rotate(again).await,
            RotationOutcome::Reused,
            "a grace of zero turns the grace off"
        );
    }

    async fn rotation_of_ended_sessions(&self) {
        let names = self.names("revoked-token");
        self.register(&names, self.now + 24 * HOUR).await;
        let until = self.now + HOUR;
        let id = self.name("revoked-id");
        self.revoke(Revocation::Token { issuer: None, id: &id, until }).await;
        let outcome = self.rotate(self.request(&names, &id, "b", 1)).await;
        assert_eq!(outcome, RotationOutcome::Unknown, "a revoked token is not rotated");
        let names = self.names("over");
        self.register(&names, self.now + HOUR).await;
        let late = RotationRequest { now: self.now + HOUR, ..self.request(&names, "a", "b", 0) };
        assert_eq!(
            self.rotate(late).await,
            RotationOutcome::Unknown,
            "a session has an absolute end"
        );
    }

    async fn adoption(&self) {
        let names = self.names("unknown");
        let outcome = self.rotate(self.request(&names, "a", "b", 0)).await;
        assert_eq!(outcome, RotationOutcome::Unknown, "a session that began after the store");
        let outcome = self.rotate(self.old_request(&names, "a", "b", 1, None)).await;
        assert_eq!(outcome, RotationOutcome::Unknown, "a later token that no store registered");
        for (started, generation, case) in [(Some(LONG_AGO), 7, "old"), (None, 0, "unregistered")] {
            let names = self.names(case);
            let request = |presented, successor, generation| {
                self.old_request(&names, presented, successor, generation, started)
            };
            self.assert_rotates(request("a", "b", generation), "the session is adopted").await;
            self.assert_rotates(request("b", "c", generation + 1), "and continues").await;
            let outcome = self.rotate(request("a", "x", generation)).await;
            assert_eq!(outcome, RotationOutcome::Reused, "an older token afterwards is a reuse");
            for now in [self.now, self.now + 24 * HOUR] {
                for (presented, generation) in [("a", generation), ("c", generation + 2)] {
                    let again = RotationRequest { now, ..request(presented, "x", generation) };
                    let outcome = self.rotate(again.clone()).await;
                    assert_eq!(outcome, RotationOutcome::Unknown, "it is not adopted again");
                    let status = self.store.check_strict(&again.token, now).await;
                    assert_eq!(status.expect("an answer"), TokenStatus::Revoked);
                }
            }
            let names = self.names(&format!("{case}-and-ended"));
            let mut request = self.old_request(&names, "a", "b", generation, started);
            self.end(&names.session).await;
            let outcome = self.rotate(request.clone()).await;
            assert_eq!(outcome, RotationOutcome::Unknown, "it ended before it was adopted");
            request.now = self.now + HOUR - seconds(1);
            let outcome = self.rotate(request).await;
            assert_eq!(outcome, RotationOutcome::Unknown, "until the end that the caller gave");
        }
    }

    /// An epoch that is written at the same time covers a session that is adopted.
    async fn stamp_of_an_adopted_session(&self) {
        let names = self.names("stamp");
        let mut request = self.old_request(&names, "a", "b", 0, None);
        let issued_at = seconds(since_1970(self.now - HOUR).as_secs());
        request.token.issued_at = Some(issued_at);
        request.token.clock_tolerance = seconds(5);
        let expected = SystemTime::UNIX_EPOCH + issued_at - seconds(5);
        let outcome = self.rotate(request).await;
        assert!(
            matches!(outcome, RotationOutcome::Rotated { started_at, .. } if started_at == expected),
            "the session starts when its token was issued, less the tolerance; found {outcome:?}"
        );
    }

    async fn one_successor_of_many(&self) {
        let names = self.names("many");
        self.register(&names, self.now + 24 * HOUR).await;
        let successors: Vec<String> = (0..16).map(|n| format!("successor-{n}")).collect();
        let mut all = Vec::new();
        for successor in &successors {
            all.push(Box::pin(self.rotate(self.request(&names, "a", successor, 0))));
        }
        // At the same time: each is polled before any is awaited.
        let mut outcomes: Vec<Option<RotationOutcome>> = vec![None; all.len()];
        std::future::poll_fn(|context| {
            let mut waiting = false;
            for (one, outcome) in all.iter_mut().zip(&mut outcomes) {
                if outcome.is_some() {
                    continue;
                }
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(rotation) => *outcome = Some(rotation),
                    std::task::Poll::Pending => waiting = true,
                }
            }
            if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
        })
        .await;
        let outcomes: Vec<RotationOutcome> = outcomes.into_iter().flatten().collect();
        let winners: Vec<&String> = successors
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| matches!(outcome, RotationOutcome::Rotated { .. }))
            .map(|(successor, _)| successor)
            .collect();
        let [winner] = winners.as_slice() else {
            panic!("exactly one is rotated; found {winners:?}")
        };
        for outcome in &outcomes {
            match outcome {
                RotationOutcome::Rotated { .. } => {}
                RotationOutcome::Replayed { successor, .. } => assert_eq!(&successor, winner),
                other => panic!("the others get the same successor; found {other:?}"),
            }
        }
    }

    async fn listed_sessions(&self) {
        let first = self.names("first-listed");
        let second = Names { session: self.name("second-listed"), subject: first.subject.clone() };
        let other = self.names("third-listed");
        assert!(self.store.sessions(&first.subject, self.now).await.expect("a list").is_empty());
        self.register(&first, self.now + 2 * HOUR).await;
        self.register(&second, self.now + HOUR).await;
        self.register(&other, self.now + HOUR).await;
        let later =
            RotationRequest { now: self.now + seconds(60), ..self.request(&first, "a", "b", 0) };
        self.assert_rotates(later, "the current token").await;
        let list = async |now| self.store.sessions(&first.subject, now).await.expect("a list");
        let sessions = list(self.now).await;
        let ids: Vec<&str> = sessions.iter().map(Session::id).collect();
        assert_eq!(
            ids,
            [first.session.as_str(), second.session.as_str()],
            "the sessions of the subject, the most recently used first"
        );
        assert_eq!(sessions[0].device(), Some("a device"));
        let used = sessions[0].last_used_at().duration_since(self.now).expect("later");
        assert_eq!(used.as_secs(), 60);
        let left = sessions[0].ends_at().duration_since(self.now).expect("later");
        assert!(left > HOUR && left <= 2 * HOUR);
        let sessions = list(self.now + HOUR + seconds(1)).await;
        assert_eq!(sessions.len(), 1, "a session that is over is not listed");
        self.end(&first.session).await;
        let sessions = list(self.now).await;
        assert_eq!(sessions.len(), 1, "an ended session is not listed");
        assert_eq!(sessions[0].id(), second.session);
    }

    async fn limited_sessions(&self) {
        let subject = self.name("limited");
        let all = ["one", "two", "three", "four"]
            .map(|name| Names { session: self.name(name), subject: subject.clone() });
        let register = async |names, minutes: u64| {
            let now = self.now + seconds(60 * minutes);
            let session = self.new_session(names, self.now + 24 * HOUR);
            let session = NewSession { now, max_sessions: 2, ..session };
            self.store.register(session).await.expect("the session is registered").ended
        };
        assert!(register(&all[0], 0).await.is_empty());
        assert!(register(&all[1], 1).await.is_empty());
        let used =
            RotationRequest { now: self.now + seconds(120), ..self.request(&all[0], "a", "b", 0) };
        self.assert_rotates(used, "the current token").await;
        assert_eq!(
            register(&all[2], 3).await,
            [all[1].session.clone()],
            "the least recently used session ends"
        );
        assert_eq!(register(&all[3], 0).await, [all[0].session.clone()], "never the new one");
        for (names, is_listed) in all.iter().zip([false, false, true, true]) {
            let token = self.token_of(names, TokenKind::Access);
            let is_valid = self.check(&token, self.now).await == TokenStatus::Valid;
            let sessions = self.store.sessions(&subject, self.now).await.expect("a list");
            let ids: Vec<&str> = sessions.iter().map(Session::id).collect();
            assert_eq!(ids.contains(&names.session.as_str()), is_listed, "{ids:?}");
            assert_eq!(is_valid, is_listed, "{}", names.session);
        }
    }

    async fn pruning(&self) {
        let names = self.names("pruned");
        let (short, long) = (self.name("short"), self.name("long"));
        self.revoke(Revocation::Token { issuer: None, id: &short, until: self.now + seconds(1) })
            .await;
        self.revoke(Revocation::Token { issuer: None, id: &long, until: self.now + 400 * HOUR })
            .await;
        self.register(&names, self.now + 400 * HOUR).await;
        self.store.prune(self.now + 100 * HOUR).await.expect("the store deletes expired records");
        let token = self.token(&long, &names.subject);
        assert_eq!(
            self.check(&token, self.now + 100 * HOUR).await,
            TokenStatus::Revoked,
            "a record in force is not deleted"
        );
        let sessions = self.store.sessions(&names.subject, self.now).await.expect("a list");
        assert_eq!(sessions.len(), 1, "an active session is not deleted");
    }
}
