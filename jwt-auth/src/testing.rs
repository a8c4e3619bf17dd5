//! The conformance suite that every store must pass.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::session::{
    NewSession, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    TokenIdentity, TokenStatus,
};
use crate::token_kind::TokenKind;

/// Checks that a store does everything that jwt-auth relies on.
///
/// Run it in a test of your store. The store may contain other records, because each run uses new names. The suite
/// uses the current time, because a store may delete expired records by its own clock.
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
    let suite = Suite { store, now: SystemTime::now(), unique: unique() };
    suite.revoked_tokens().await;
    suite.revoked_sessions().await;
    suite.revoked_keys().await;
    suite.epochs().await;
    suite.unusual_names().await;
    suite.rotation().await;
    suite.rotation_grace_and_reuse().await;
    suite.rotation_of_ended_sessions().await;
    suite.one_successor_of_many().await;
    suite.listed_sessions().await;
    suite.pruning().await;
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
    unique: String,
}

const HOUR: Duration = Duration::from_secs(3600);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl<S: RevocationStore> Suite<'_, S> {
    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.unique)
    }

    fn token<'t>(&self, id: &'t str, subject: &'t str) -> TokenIdentity<'t> {
        TokenIdentity {
            issuer: None,
            id: Some(id),
            subject,
            kind: TokenKind::Access,
            key_id: None,
            session_id: None,
            issued_at: self.now.duration_since(SystemTime::UNIX_EPOCH).ok(),
            expires_at: None,
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

    /// An empty store is not asked about any token.
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

    async fn revoked_sessions(&self) {
        let (id, session, subject) = (self.name("id"), self.name("session"), self.name("s"));
        self.revoke(Revocation::Session { id: &session, until: self.now + HOUR }).await;
        let token = TokenIdentity { session_id: Some(&session), ..self.token(&id, &subject) };
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Revoked);
        let long = self.name("long-session");
        self.register(&long, &subject, "a", self.now + 24 * HOUR).await;
        self.revoke(Revocation::Session { id: &long, until: self.now + HOUR }).await;
        let token = TokenIdentity { session_id: Some(&long), ..self.token(&id, &subject) };
        assert_eq!(
            self.check(&token, self.now + 24 * HOUR + seconds(590)).await,
            TokenStatus::Revoked,
            "the record of a session outlasts the session, even if the caller gave an earlier end"
        );
        let namesake = self.token(&session, &subject);
        assert_eq!(
            self.check(&namesake, self.now).await,
            TokenStatus::Valid,
            "a session record does not cover a token of that id"
        );
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
        let other = self.name("other");
        let token = TokenIdentity { issued_at: None, ..self.token(&id, &other) };
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Valid);
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

    fn request<'r>(
        &self,
        session_id: &'r str,
        presented: &'r str,
        successor: &'r str,
        generation: u64,
    ) -> RotationRequest<'r> {
        RotationRequest {
            session_id,
            subject: "alice",
            presented,
            generation,
            successor,
            session_ends: self.now + 24 * HOUR,
            revoked_until: self.now + 25 * HOUR,
            grace: seconds(10),
            now: self.now,
        }
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> RotationOutcome {
        self.store.rotate(request).await.expect("the store decides")
    }

    async fn register(&self, id: &str, subject: &str, refresh_id: &str, ends: SystemTime) {
        let (device, now) = (Some("a device"), self.now);
        let session = NewSession { id, subject, device, refresh_id, ends, now };
        self.store.register(session).await.expect("the session is registered");
    }

    async fn rotation(&self) {
        let (session, subject) = (self.name("begun"), self.name("s"));
        let ends = self.now + 2 * HOUR;
        self.register(&session, &subject, "a", ends).await;
        let RotationOutcome::Rotated { session_ends } =
            self.rotate(self.request(&session, "a", "b", 0)).await
        else {
            panic!("the first token of a registered session is rotated");
        };
        let off = session_ends.duration_since(ends).or_else(|_| ends.duration_since(session_ends));
        assert!(
            off.is_ok_and(|off| off < seconds(1)),
            "the session ends at the time given at log-in, and no rotation extends it"
        );
        for other in ["", "zz", "c"] {
            let session = self.name(&format!("other-{other}"));
            self.register(&session, &subject, "a", ends).await;
            let outcome = self.rotate(self.request(&session, other, "x", 1)).await;
            assert_eq!(
                outcome,
                RotationOutcome::Reused,
                "a token that is not the current one: {other:?}"
            );
        }
        let unknown = self.name("unknown");
        let outcome = self.rotate(self.request(&unknown, "a", "b", 1)).await;
        assert_eq!(outcome, RotationOutcome::Unknown, "a later token of an unknown session");
        let outcome = self.rotate(self.request(&unknown, "a", "b", 0)).await;
        assert!(
            matches!(outcome, RotationOutcome::Rotated { .. }),
            "the first token of an unknown session starts it"
        );
    }

    async fn rotation_grace_and_reuse(&self) {
        let (session, subject, id) = (self.name("grace"), self.name("s"), self.name("id"));
        self.register(&session, &subject, "a", self.now + 24 * HOUR).await;
        assert!(matches!(
            self.rotate(self.request(&session, "a", "b", 0)).await,
            RotationOutcome::Rotated { .. }
        ));
        let again =
            RotationRequest { now: self.now + seconds(9), ..self.request(&session, "a", "x", 0) };
        match self.rotate(again).await {
            RotationOutcome::Replayed { successor, rotated_at, .. } => {
                assert_eq!(successor, "b", "the same successor again");
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
        let token = TokenIdentity { session_id: Some(&session), ..self.token(&id, &subject) };
        assert_eq!(self.check(&token, self.now).await, TokenStatus::Valid);
        let late =
            RotationRequest { now: self.now + seconds(10), ..self.request(&session, "a", "x", 0) };
        assert_eq!(self.rotate(late).await, RotationOutcome::Reused);
        self.assert_not_empty();
        assert_eq!(
            self.check(&token, self.now).await,
            TokenStatus::Revoked,
            "a reuse revokes the session"
        );
        let last = self.now + 25 * HOUR - seconds(1);
        assert_eq!(
            self.check(&token, last).await,
            TokenStatus::Revoked,
            "the session stays revoked for as long as its tokens could live"
        );
        let outcome = self.rotate(self.request(&session, "b", "c", 1)).await;
        assert_eq!(outcome, RotationOutcome::Unknown, "a revoked session has no successor");

        let session = self.name("short");
        self.register(&session, &subject, "a", self.now + 24 * HOUR).await;
        let short = RotationRequest {
            revoked_until: self.now + HOUR,
            ..self.request(&session, "other", "x", 0)
        };
        assert_eq!(self.rotate(short).await, RotationOutcome::Reused);
        let token = TokenIdentity { session_id: Some(&session), ..self.token(&id, &subject) };
        assert_eq!(
            self.check(&token, self.now + 24 * HOUR + seconds(590)).await,
            TokenStatus::Revoked,
            "the record of a reuse outlasts the session, even if the caller gave an earlier end"
        );

        let session = self.name("older");
        self.register(&session, &subject, "a", self.now + 24 * HOUR).await;
        self.rotate(self.request(&session, "a", "b", 0)).await;
        self.rotate(self.request(&session, "b", "c", 1)).await;
        let outcome = self.rotate(self.request(&session, "a", "x", 0)).await;
        assert_eq!(outcome, RotationOutcome::Reused, "an older ancestor has no grace");
        let session = self.name("none");
        self.register(&session, &subject, "a", self.now + 24 * HOUR).await;
        self.rotate(self.request(&session, "a", "b", 0)).await;
        let again =
            RotationRequest { grace: Duration::ZERO, ..self.request(&session, "a", "x", 0) };
        assert_eq!(
            self.rotate(again).await,
            RotationOutcome::Reused,
            "a grace of zero turns the grace off"
        );
    }

    async fn rotation_of_ended_sessions(&self) {
        let (session, subject) = (self.name("revoked"), self.name("s"));
        self.register(&session, &subject, "a", self.now + 24 * HOUR).await;
        self.revoke(Revocation::Session { id: &session, until: self.now + HOUR }).await;
        assert_eq!(
            self.rotate(self.request(&session, "a", "b", 0)).await,
            RotationOutcome::Unknown
        );
        let unseen = self.name("unseen");
        self.revoke(Revocation::Session { id: &unseen, until: self.now + HOUR }).await;
        assert_eq!(self.rotate(self.request(&unseen, "a", "b", 0)).await, RotationOutcome::Unknown);
        let session = self.name("over");
        self.register(&session, &subject, "a", self.now + HOUR).await;
        let late = RotationRequest { now: self.now + HOUR, ..self.request(&session, "a", "b", 0) };
        assert_eq!(
            self.rotate(late).await,
            RotationOutcome::Unknown,
            "a session has an absolute end"
        );
    }

    async fn one_successor_of_many(&self) {
        let (session, subject) = (self.name("many"), self.name("s"));
        self.register(&session, &subject, "a", self.now + 24 * HOUR).await;
        let successors: Vec<String> = (0..16).map(|n| format!("successor-{n}")).collect();
        let mut all = Vec::new();
        for successor in &successors {
            all.push(Box::pin(self.rotate(self.request(&session, "a", successor, 0))));
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
        let (subject, other) = (self.name("user"), self.name("another"));
        let (first, second, third) = (self.name("1"), self.name("2"), self.name("3"));
        assert!(self.store.sessions(&subject, self.now).await.expect("an answer").is_empty());
        self.register(&first, &subject, "a", self.now + 2 * HOUR).await;
        self.register(&second, &subject, "a", self.now + HOUR).await;
        self.register(&third, &other, "a", self.now + HOUR).await;
        let later =
            RotationRequest { now: self.now + seconds(60), ..self.request(&first, "a", "b", 0) };
        assert!(matches!(self.rotate(later).await, RotationOutcome::Rotated { .. }));
        let list = async |now| self.store.sessions(&subject, now).await.expect("an answer");
        let sessions = list(self.now).await;
        let ids: Vec<&str> = sessions.iter().map(Session::id).collect();
        assert_eq!(
            ids,
            [first.as_str(), second.as_str()],
            "the sessions of the subject, the most recently used first"
        );
        assert_eq!(sessions[0].device(), Some("a device"));
        let used =
            sessions[0].last_used_at().duration_since(sessions[0].began_at()).expect("later");
        assert_eq!(used.as_secs(), 60);
        let left = sessions[0].ends_at().duration_since(self.now).expect("later");
        assert!(left > HOUR && left <= 2 * HOUR);
        let sessions = list(self.now + HOUR + seconds(1)).await;
        assert_eq!(sessions.len(), 1, "a session that ended is not listed");
        self.revoke(Revocation::Session { id: &first, until: self.now + 2 * HOUR }).await;
        let sessions = list(self.now).await;
        assert_eq!(sessions.len(), 1, "a revoked session is not listed");
        assert_eq!(sessions[0].id(), second);
    }

    async fn pruning(&self) {
        let (short, long, subject) =
            (self.name("short"), self.name("long"), self.name("pruned-user"));
        self.revoke(Revocation::Token { issuer: None, id: &short, until: self.now + seconds(1) })
            .await;
        self.revoke(Revocation::Token { issuer: None, id: &long, until: self.now + 400 * HOUR })
            .await;
        let session = self.name("pruned");
        self.register(&session, &subject, "a", self.now + 400 * HOUR).await;
        self.store.prune(self.now + 100 * HOUR).await.expect("the store deletes expired records");
        let token = self.token(&long, &subject);
        assert_eq!(
            self.check(&token, self.now + 100 * HOUR).await,
            TokenStatus::Revoked,
            "a record in force is not deleted"
        );
        assert_eq!(self.store.sessions(&subject, self.now).await.expect("an answer").len(), 1);
    }
}
