//! What a store of your own has to hold: one suite, which all of ours pass.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claims::TokenKind;
use crate::revocation::{
    NewSession, Revocation, RevocationStore, Rotate, Rotation, Session, Standing, TokenIdentity,
};

/// Holds a store to what the framework relies on; it panics at the first promise that is broken.
///
/// The store may hold other records: every name is new. Times are of now, since a store may throw out what has
/// died by its own clock.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// jwt_auth::testing::store_conformance(&jwt_auth::MemoryStore::new()).await;
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// When the store breaks a promise.
#[allow(
    clippy::disallowed_methods,
    reason = "a store may have a clock of its own, which shows now"
)]
pub async fn store_conformance(store: &impl RevocationStore) {
    let suite = Suite { store, now: SystemTime::now(), unique: unique() };
    suite.tokens().await;
    suite.families().await;
    suite.keys().await;
    suite.epochs().await;
    suite.odd_names().await;
    suite.rotation().await;
    suite.rotation_grace_and_reuse().await;
    suite.rotation_of_the_revoked_and_the_over().await;
    suite.one_successor_of_many().await;
    suite.sessions().await;
    suite.pruning().await;
}

/// A name that no other run has.
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
            family: None,
            issued_at: self.now.duration_since(SystemTime::UNIX_EPOCH).ok(),
            expires_at: None,
        }
    }

    /// What memory says, and what the store itself says: they agree once a call has returned.
    async fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Standing {
        let asked = self.store.ask(token, now).await.expect("the store answers");
        let known = self.store.standing(token, now).expect("the store vouches");
        assert_eq!(known, asked, "memory and store agree on {token:?}");
        known
    }

    async fn revoke(&self, revocation: Revocation<'_>) {
        self.store.revoke(revocation, self.now).await.expect("the record is held");
    }

    async fn tokens(&self) {
        let (id, other) = (self.name("taken-back"), self.name("of-an-issuer"));
        let subject = self.name("subject");
        let until = self.now + HOUR;
        assert_eq!(self.standing(&self.token(&id, &subject), self.now).await, Standing::Good);
        self.revoke(Revocation::Token { issuer: None, id: &id, until }).await;
        self.revoke(Revocation::Token { issuer: None, id: &id, until: self.now + seconds(1) })
            .await;
        let token = self.token(&id, &subject);
        assert_eq!(self.standing(&token, self.now).await, Standing::Revoked);
        assert_eq!(
            self.standing(&token, until - seconds(1)).await,
            Standing::Revoked,
            "the longer record stands"
        );
        assert_eq!(
            self.standing(&token, until + seconds(1)).await,
            Standing::Good,
            "an entry dies with its token"
        );
        let of_an_issuer = TokenIdentity { issuer: Some("any"), ..token };
        assert_eq!(
            self.standing(&of_an_issuer, self.now).await,
            Standing::Revoked,
            "of whatever issuer"
        );
        assert_eq!(self.standing(&self.token(&other, &subject), self.now).await, Standing::Good);
        self.revoke(Revocation::Token { issuer: Some("a"), id: &other, until }).await;
        for (issuer, standing) in
            [(Some("a"), Standing::Revoked), (Some("b"), Standing::Good), (None, Standing::Good)]
        {
            let token = TokenIdentity { issuer, ..self.token(&other, &subject) };
            assert_eq!(
                self.standing(&token, self.now).await,
                standing,
                "an issuer's entry is about its own"
            );
        }
    }

    async fn families(&self) {
        let (id, family, subject) = (self.name("id"), self.name("family"), self.name("s"));
        self.revoke(Revocation::Family { family: &family, until: self.now + HOUR }).await;
        let token = TokenIdentity { family: Some(&family), ..self.token(&id, &subject) };
        assert_eq!(self.standing(&token, self.now).await, Standing::Revoked);
        let namesake = self.token(&family, &subject);
        assert_eq!(
            self.standing(&namesake, self.now).await,
            Standing::Good,
            "a family is no token"
        );
    }

    async fn keys(&self) {
        let (id, kid, subject) = (self.name("id"), self.name("kid"), self.name("s"));
        self.revoke(Revocation::Key { id: &kid, until: self.now + HOUR }).await;
        let token = TokenIdentity { key_id: Some(&kid), ..self.token(&id, &subject) };
        assert_eq!(self.standing(&token, self.now).await, Standing::Revoked);
        assert_eq!(
            self.standing(&self.token(&kid, &kid), self.now).await,
            Standing::Good,
            "a key is no token"
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
        for (issued_at, standing) in [
            (None, Standing::Revoked),
            (Some(seconds(epoch - 15)), Standing::Revoked),
            (Some(seconds(epoch)), Standing::Revoked),
            (Some(seconds(epoch) + Duration::from_millis(900)), Standing::Revoked),
            (Some(seconds(epoch + 1)), Standing::Good),
        ] {
            let token = TokenIdentity { issued_at, ..self.token(&id, &subject) };
            assert_eq!(
                self.standing(&token, self.now).await,
                standing,
                "epochs combine by the later: {issued_at:?}"
            );
        }
        let other = self.name("other");
        let token = TokenIdentity { issued_at: None, ..self.token(&id, &other) };
        assert_eq!(self.standing(&token, self.now).await, Standing::Good);
    }

    async fn odd_names(&self) {
        let subject = self.name("s");
        for odd in [
            "\u{e9}\u{1f980}",
            "a\"b\\c",
            "a'; DROP TABLE x; --",
            "{a}:*?[b]",
            "a\nb\tc",
            &"x".repeat(1000),
        ] {
            let id = self.name(odd);
            self.revoke(Revocation::Token { issuer: Some(odd), id: &id, until: self.now + HOUR })
                .await;
            let token = TokenIdentity { issuer: Some(odd), ..self.token(&id, &subject) };
            assert_eq!(self.standing(&token, self.now).await, Standing::Revoked, "{odd}");
            let token = TokenIdentity { issuer: Some(&subject), ..token };
            assert_eq!(self.standing(&token, self.now).await, Standing::Good, "{odd}");
        }
    }

    fn request<'r>(
        &self,
        family: &'r str,
        presented: &'r str,
        successor: &'r str,
        generation: u64,
    ) -> Rotate<'r> {
        Rotate {
            family,
            subject: "alice",
            presented,
            generation,
            successor,
            family_ends: self.now + 24 * HOUR,
            dead_until: self.now + 25 * HOUR,
            grace: seconds(10),
            now: self.now,
        }
    }

    async fn rotate(&self, request: Rotate<'_>) -> Rotation {
        self.store.rotate(request).await.expect("the store decides")
    }

    async fn begin(&self, family: &str, subject: &str, refresh_id: &str, ends: SystemTime) {
        let (device, now) = (Some("a device"), self.now);
        let session = NewSession { family, subject, device, refresh_id, ends, now };
        self.store.begin(session).await.expect("the session is kept");
    }

    async fn rotation(&self) {
        let (family, subject) = (self.name("begun"), self.name("s"));
        let ends = self.now + 2 * HOUR;
        self.begin(&family, &subject, "a", ends).await;
        let Rotation::Rotated { family_ends } =
            self.rotate(self.request(&family, "a", "b", 0)).await
        else {
            panic!("the first token of a session that was begun is rotated");
        };
        let off = family_ends.duration_since(ends).or_else(|_| ends.duration_since(family_ends));
        assert!(
            off.is_ok_and(|off| off < seconds(1)),
            "the end is that of the log-in, and no rotation extends it"
        );
        for stranger in ["", "zz", "c"] {
            let family = self.name(&format!("strange-{stranger}"));
            self.begin(&family, &subject, "a", ends).await;
            let rotation = self.rotate(self.request(&family, stranger, "x", 1)).await;
            assert_eq!(
                rotation,
                Rotation::Reused,
                "a token that is not the current one: {stranger:?}"
            );
        }
        let unknown = self.name("unknown");
        let rotation = self.rotate(self.request(&unknown, "a", "b", 1)).await;
        assert_eq!(rotation, Rotation::Unknown, "a later token of a family that nobody knows");
        let rotation = self.rotate(self.request(&unknown, "a", "b", 0)).await;
        assert!(matches!(rotation, Rotation::Rotated { .. }), "its first token begins it");
    }

    async fn rotation_grace_and_reuse(&self) {
        let (family, subject, id) = (self.name("grace"), self.name("s"), self.name("id"));
        self.begin(&family, &subject, "a", self.now + 24 * HOUR).await;
        assert!(matches!(
            self.rotate(self.request(&family, "a", "b", 0)).await,
            Rotation::Rotated { .. }
        ));
        let again = Rotate { now: self.now + seconds(9), ..self.request(&family, "a", "x", 0) };
        match self.rotate(again).await {
            Rotation::Replayed { successor, rotated_at, .. } => {
                assert_eq!(successor, "b", "the same successor, and no sibling");
                let off = self
                    .now
                    .duration_since(rotated_at)
                    .or_else(|_| rotated_at.duration_since(self.now));
                assert!(off.is_ok_and(|off| off < seconds(1)), "made when it was made");
            }
            other => panic!("the parent within the grace is replayed, and not {other:?}"),
        }
        let token = TokenIdentity { family: Some(&family), ..self.token(&id, &subject) };
        assert_eq!(self.standing(&token, self.now).await, Standing::Good);
        let late = Rotate { now: self.now + seconds(10), ..self.request(&family, "a", "x", 0) };
        assert_eq!(self.rotate(late).await, Rotation::Reused);
        assert_eq!(
            self.standing(&token, self.now).await,
            Standing::Revoked,
            "the family dies with a reuse"
        );
        let dead = self.now + 25 * HOUR - seconds(1);
        assert_eq!(
            self.standing(&token, dead).await,
            Standing::Revoked,
            "for as long as its tokens could live"
        );
        let rotation = self.rotate(self.request(&family, "b", "c", 1)).await;
        assert_eq!(rotation, Rotation::Unknown, "and gives birth to nothing");

        let family = self.name("older");
        self.begin(&family, &subject, "a", self.now + 24 * HOUR).await;
        self.rotate(self.request(&family, "a", "b", 0)).await;
        self.rotate(self.request(&family, "b", "c", 1)).await;
        let rotation = self.rotate(self.request(&family, "a", "x", 0)).await;
        assert_eq!(rotation, Rotation::Reused, "an older ancestor has no grace");
        let family = self.name("none");
        self.begin(&family, &subject, "a", self.now + 24 * HOUR).await;
        self.rotate(self.request(&family, "a", "b", 0)).await;
        let again = Rotate { grace: Duration::ZERO, ..self.request(&family, "a", "x", 0) };
        assert_eq!(self.rotate(again).await, Rotation::Reused, "a grace of zero is none");
    }

    async fn rotation_of_the_revoked_and_the_over(&self) {
        let (family, subject) = (self.name("revoked"), self.name("s"));
        self.begin(&family, &subject, "a", self.now + 24 * HOUR).await;
        self.revoke(Revocation::Family { family: &family, until: self.now + HOUR }).await;
        assert_eq!(self.rotate(self.request(&family, "a", "b", 0)).await, Rotation::Unknown);
        let unseen = self.name("unseen");
        self.revoke(Revocation::Family { family: &unseen, until: self.now + HOUR }).await;
        assert_eq!(self.rotate(self.request(&unseen, "a", "b", 0)).await, Rotation::Unknown);
        let family = self.name("over");
        self.begin(&family, &subject, "a", self.now + HOUR).await;
        let late = Rotate { now: self.now + HOUR, ..self.request(&family, "a", "b", 0) };
        assert_eq!(self.rotate(late).await, Rotation::Unknown, "a session has an absolute end");
    }

    async fn one_successor_of_many(&self) {
        let (family, subject) = (self.name("many"), self.name("s"));
        self.begin(&family, &subject, "a", self.now + 24 * HOUR).await;
        let successors: Vec<String> = (0..16).map(|n| format!("successor-{n}")).collect();
        let mut all = Vec::new();
        for successor in &successors {
            all.push(Box::pin(self.rotate(self.request(&family, "a", successor, 0))));
        }
        // All at once: each is polled before any is awaited to its end.
        let mut outcomes: Vec<Option<Rotation>> = vec![None; all.len()];
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
        let outcomes: Vec<Rotation> = outcomes.into_iter().flatten().collect();
        let winners: Vec<&String> = successors
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| matches!(outcome, Rotation::Rotated { .. }))
            .map(|(successor, _)| successor)
            .collect();
        let [winner] = winners.as_slice() else { panic!("one is rotated, and not {winners:?}") };
        for outcome in &outcomes {
            match outcome {
                Rotation::Rotated { .. } => {}
                Rotation::Replayed { successor, .. } => assert_eq!(&successor, winner),
                other => panic!("the others get the same successor, and not {other:?}"),
            }
        }
    }

    async fn sessions(&self) {
        let (subject, other) = (self.name("user"), self.name("another"));
        let (first, second, third) = (self.name("1"), self.name("2"), self.name("3"));
        assert!(self.store.sessions(&subject, self.now).await.expect("an answer").is_empty());
        self.begin(&first, &subject, "a", self.now + 2 * HOUR).await;
        self.begin(&second, &subject, "a", self.now + HOUR).await;
        self.begin(&third, &other, "a", self.now + HOUR).await;
        let later = Rotate { now: self.now + seconds(60), ..self.request(&first, "a", "b", 0) };
        assert!(matches!(self.rotate(later).await, Rotation::Rotated { .. }));
        let list = async |now| self.store.sessions(&subject, now).await.expect("an answer");
        let sessions = list(self.now).await;
        let families: Vec<&str> = sessions.iter().map(Session::family).collect();
        assert_eq!(
            families,
            [first.as_str(), second.as_str()],
            "those of the subject, the one used last first"
        );
        assert_eq!(sessions[0].device(), Some("a device"));
        let used =
            sessions[0].last_used_at().duration_since(sessions[0].began_at()).expect("later");
        assert_eq!(used.as_secs(), 60);
        let left = sessions[0].ends_at().duration_since(self.now).expect("later");
        assert!(left > HOUR && left <= 2 * HOUR);
        let sessions = list(self.now + HOUR + seconds(1)).await;
        assert_eq!(sessions.len(), 1, "a session that is over is none");
        self.revoke(Revocation::Family { family: &first, until: self.now + 2 * HOUR }).await;
        let sessions = list(self.now).await;
        assert_eq!(sessions.len(), 1, "nor is one that was ended");
        assert_eq!(sessions[0].family(), second);
    }

    async fn pruning(&self) {
        let (short, long, subject) =
            (self.name("short"), self.name("long"), self.name("pruned-user"));
        self.revoke(Revocation::Token { issuer: None, id: &short, until: self.now + seconds(1) })
            .await;
        self.revoke(Revocation::Token { issuer: None, id: &long, until: self.now + 400 * HOUR })
            .await;
        let family = self.name("pruned");
        self.begin(&family, &subject, "a", self.now + 400 * HOUR).await;
        self.store.prune(self.now + 100 * HOUR).await.expect("pruned");
        let token = self.token(&long, &subject);
        assert_eq!(
            self.standing(&token, self.now + 100 * HOUR).await,
            Standing::Revoked,
            "what lives stays"
        );
        assert_eq!(self.store.sessions(&subject, self.now).await.expect("an answer").len(), 1);
    }
}
