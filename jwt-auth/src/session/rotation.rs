//! Rotation as one pure step: the outcome for a presented refresh token, given what the store knows.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::session::record::{
    Millis, SESSION_MARGIN, end_second, from_millis, is_covered, millis, whole_millis,
};
use crate::session::{NewSession, Payload, Session, TokenIdentity};
use crate::token_kind::TokenKind;

/// A refresh token that is presented for rotation.
///
/// The store decides by the generation, which is the number of rotations before the token:
///
/// | presented | decision |
/// |---|---|
/// | the current token | rotate |
/// | the parent of the current token, within the grace | the same successor again |
/// | a generation higher than the store's | the store lost writes: adopt it, and rotate |
/// | any other token of a known session | reuse: the session ends |
/// | a token of an unknown session that started no later than the store was created | adopt the session, and rotate |
/// | a token of an unknown session that started later | refused: the session ended |
/// | the first token of a session that no store registered | adopt the session, once, and rotate |
///
/// ```
/// use jwt_auth::session::{MemoryStore, RevocationStore as _, RotationOutcome, RotationRequest};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let request = RotationRequest::new("a-session", "alice", "first-jti", "second-jti", now);
/// let outcome = MemoryStore::new().rotate(request).await?;
/// assert!(matches!(outcome, RotationOutcome::Rotated { .. }));
/// # Ok::<(), jwt_auth::errors::StoreError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RotationRequest<'a> {
    /// The presented token. It has an id and a session id.
    pub token: TokenIdentity<'a>,
    /// `jti` of the successor, if the token is rotated.
    pub successor: &'a str,
    /// The absolute end of the session, as the token says.
    ///
    /// A store that knows the session uses its own.
    pub session_ends: SystemTime,
    /// How long the successor may stay unused.
    pub idle: Duration,
    /// How long the parent of the current token gets the same successor again.
    pub grace: Duration,
    /// The time now, by the configured clock.
    pub now: SystemTime,
}

impl<'a> RotationRequest<'a> {
    /// A request of generation 0 with the default times, for tests of a store.
    ///
    /// No store registered the session. It lasts 90 days, its tokens 30 days, and the grace is 10 seconds.
    ///
    /// ```
    /// # use jwt_auth::session::{MemoryStore, RevocationStore as _, RotationOutcome, RotationRequest};
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// let store = MemoryStore::new();
    /// let mut request = RotationRequest::new("a-session", "alice", "first-jti", "second-jti", now);
    /// request.grace = Duration::ZERO;
    /// assert!(matches!(store.rotate(request.clone()).await?, RotationOutcome::Rotated { .. }));
    /// assert_eq!(store.rotate(request).await?, RotationOutcome::Reused);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        session_id: &'a str,
        subject: &'a str,
        presented: &'a str,
        successor: &'a str,
        now: SystemTime,
    ) -> Self {
        let issued_at = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let idle = Duration::from_secs(30 * 86_400);
        let token = TokenIdentity {
            issuer: None,
            id: Some(presented),
            subject,
            kind: TokenKind::Refresh,
            key_id: None,
            session_id: Some(session_id),
            session_started_at: None,
            generation: 0,
            issued_at: Some(issued_at),
            expires_at: Some(issued_at + idle),
            clock_tolerance: Duration::ZERO,
            payload: Payload::default(),
        };
        Self {
            token,
            successor,
            session_ends: now + Duration::from_secs(90 * 86_400),
            idle,
            grace: Duration::from_secs(10),
            now,
        }
    }

    /// The session: `sid`, or the `jti` of a token without `sid`.
    ///
    /// ```
    /// # use jwt_auth::session::RotationRequest;
    /// # let now = std::time::UNIX_EPOCH;
    /// let request = RotationRequest::new("a-session", "alice", "first-jti", "second-jti", now);
    /// assert_eq!(request.session_id(), "a-session");
    /// ```
    pub fn session_id(&self) -> &'a str {
        self.token.session_id.unwrap_or_default()
    }

    /// `jti` of the presented token.
    ///
    /// ```
    /// # use jwt_auth::session::RotationRequest;
    /// # let now = std::time::UNIX_EPOCH;
    /// let request = RotationRequest::new("a-session", "alice", "first-jti", "second-jti", now);
    /// assert_eq!(request.presented(), "first-jti");
    /// ```
    pub fn presented(&self) -> &'a str {
        self.token.id.unwrap_or_default()
    }
}

/// How a rotation ended.
///
/// ```
/// use jwt_auth::session::RotationOutcome;
/// assert_ne!(RotationOutcome::Reused, RotationOutcome::Unknown);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationOutcome {
    /// The token is now used up, and the successor is current.
    Rotated {
        /// The start stamp of the session, which every token of the session has.
        started_at: SystemTime,
        /// The absolute end of the session.
        session_ends: SystemTime,
        /// Whether the token was of a later generation than the store's, which lost writes.
        was_behind: bool,
    },
    /// The token is the immediate parent of the current one, within the grace.
    ///
    /// It gets the same successor again.
    Replayed {
        /// `jti` of the current token.
        successor: String,
        /// When it was issued.
        rotated_at: SystemTime,
        /// The start stamp of the session.
        started_at: SystemTime,
        /// The absolute end of the session.
        session_ends: SystemTime,
    },
    /// The token was used before. The store ended the session in this step.
    Reused,
    /// The session ended, or the token was revoked.
    Unknown,
}

/// What a store remembers of a session. Times are in milliseconds since 1970.
///
/// ```
/// use jwt_auth::session::NewSession;
/// use jwt_auth::session::log::SessionState;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let now = UNIX_EPOCH + Duration::from_secs(1_000);
/// let session = NewSession::new("a-session", "alice", "first-jti", now, now + Duration::from_secs(86_400));
/// let state = SessionState::begin(&session, Some(2_000_000));
/// assert_eq!(state.started, 2_000_001, "after the epoch");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    /// `sub`
    pub subject: Box<str>,
    /// The application's name for the device.
    pub device: Option<Box<str>>,
    /// `jti` of the refresh token that is valid now.
    pub current: Box<str>,
    /// `jti` of the refresh token before it; empty for a session that was never refreshed.
    pub parent: Box<str>,
    /// How many rotations precede the current token.
    pub generation: u64,
    /// The start stamp.
    pub started: u64,
    /// When it was last rotated, or began.
    pub rotated: u64,
    /// The absolute end.
    pub ends: u64,
    /// When the store may delete it: its current refresh token has expired.
    pub expires: u64,
    /// Whether the store adopted it, so that it would adopt it again.
    pub is_adopted: bool,
}

impl SessionState {
    /// A new session, which starts after the latest epoch of its subject.
    ///
    /// ```
    /// # use jwt_auth::session::{NewSession, log::SessionState};
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # let now = UNIX_EPOCH + Duration::from_secs(1_000);
    /// let session = NewSession::new("a-session", "alice", "first-jti", now, now + Duration::from_secs(86_400));
    /// assert_eq!(SessionState::begin(&session, None).started, 1_000_000);
    /// ```
    pub fn begin(session: &NewSession<'_>, epoch: Option<Millis>) -> Self {
        let now = millis(session.now);
        let ends = millis(session.ends);
        Self {
            subject: session.subject.into(),
            device: session.device.map(Into::into),
            current: session.refresh_id.into(),
            parent: "".into(),
            generation: 0,
            started: start_stamp(now, epoch),
            rotated: now,
            ends,
            expires: millis(session.now + session.idle).min(ends),
            is_adopted: false,
        }
    }

    /// The session as a list shows it.
    ///
    /// ```
    /// # use jwt_auth::session::{NewSession, log::SessionState};
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # let now = UNIX_EPOCH + Duration::from_secs(1_000);
    /// let session = NewSession::new("a-session", "alice", "first-jti", now, now + Duration::from_secs(86_400));
    /// assert_eq!(SessionState::begin(&session, None).listed("a-session").began_at(), now);
    /// ```
    pub fn listed(&self, id: &str) -> Session {
        let at = from_millis;
        Session::new(id, at(self.started), at(self.rotated), at(self.ends))
            .on_device(self.device.as_deref().map(str::to_owned))
    }
}

/// The start stamp of a session that begins now: after every epoch of its subject.
pub(crate) fn start_stamp(now: Millis, epoch: Option<Millis>) -> Millis {
    epoch.map_or(now, |epoch| now.max(epoch.saturating_add(1)))
}

/// A session that ends, and what decides how long its record is needed.
///
/// ```
/// use jwt_auth::session::log::Ending;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let now = UNIX_EPOCH + Duration::from_secs(1_000);
/// let ending = Ending {
///     started_at: Some(now),
///     until: now + Duration::from_secs(90 * 86_400),
///     created: 1, // long before the session
///     access_life: Duration::from_secs(900),
///     now,
/// };
/// assert_eq!(ending.record_end(None), 1_000 + 900 + 600, "the access tokens have expired on every node");
/// ```
#[derive(Clone, Debug)]
pub struct Ending {
    /// The start stamp of the session, if the caller knows it.
    pub started_at: Option<SystemTime>,
    /// The end of the record of a session that the store neither knows nor can date.
    pub until: SystemTime,
    /// When the store was created, in milliseconds since 1970.
    pub created: u64,
    /// The longest life of an access token that a node announced.
    pub access_life: Duration,
    /// The time now; of the clocks of caller and store, the later one.
    pub now: SystemTime,
}

impl Ending {
    /// When the record may be dropped, in seconds since 1970.
    ///
    /// That is when the last access token of the session has expired, and ten minutes later, the longest leeway. A
    /// session that would be adopted again needs its record until its absolute end.
    ///
    /// ```
    /// # use jwt_auth::session::log::Ending;
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// let (now, until) = (UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(7));
    /// let ending = Ending { started_at: None, until, created: 1, access_life: Duration::ZERO, now };
    /// assert_eq!(ending.record_end(None), 7);
    /// ```
    pub fn record_end(&self, session: Option<&SessionState>) -> u64 {
        if let Some(session) = session
            && (session.is_adopted || session.started <= self.created)
        {
            return end_second(from_millis(session.ends)).saturating_add(SESSION_MARGIN);
        }
        let is_later = |started| millis(started) > self.created;
        if session.is_some() || self.started_at.is_some_and(is_later) {
            end_second(self.now + self.access_life).saturating_add(SESSION_MARGIN)
        } else {
            end_second(self.until)
        }
    }
}

/// What a store knows about a presented token, apart from its session.
///
/// ```
/// let facts = jwt_auth::session::log::Facts { is_named: false, epoch: None, created: 1_700_000_000_000 };
/// # drop(facts);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether a record in force has one of the [`keys_that_name`](crate::session::log::keys_that_name) the token.
    pub is_named: bool,
    /// The later one of the epoch of the subject and the epoch of all, in milliseconds since 1970.
    pub epoch: Option<u64>,
    /// When the store was created, in milliseconds since 1970.
    pub created: u64,
}

impl Facts {
    fn is_revoked(&self, token: &TokenIdentity<'_>) -> bool {
        self.is_named || self.epoch.is_some_and(|epoch| is_covered(token, epoch))
    }
}

/// Whether a store that does not have the session of this refresh token would adopt it.
pub(crate) fn is_adoptable(token: &TokenIdentity<'_>, created: Millis) -> bool {
    match token.session_started_at {
        Some(started) => whole_millis(started) <= created,
        None => token.generation == 0,
    }
}

/// Decides the outcome for a presented refresh token, given the session's state and what else the store knows.
///
/// The state is changed in place. The store writes it back in the same transaction. `Reused` leaves the state, and
/// the store deletes it and writes the record of the session, which lasts until [`Ending::record_end`].
///
/// ```
/// use jwt_auth::session::log::{Facts, decide};
/// use jwt_auth::session::{RotationOutcome, RotationRequest};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let now = UNIX_EPOCH + Duration::from_secs(1_000);
/// let request = RotationRequest::new("a-session", "alice", "first-jti", "second-jti", now);
/// let (mut state, facts) = (None, Facts { is_named: false, epoch: None, created: 0 });
/// assert!(matches!(decide(&mut state, facts, &request), RotationOutcome::Rotated { .. }));
/// assert_eq!(&*state.expect("a session").current, "second-jti");
/// ```
pub fn decide(
    state: &mut Option<SessionState>,
    facts: Facts,
    request: &RotationRequest<'_>,
) -> RotationOutcome {
    let now = millis(request.now);
    if facts.is_revoked(&request.token) {
        return RotationOutcome::Unknown;
    }
    let Some(known) = state else {
        let adopted = adopt(facts, request);
        let outcome = adopted.as_ref().map_or(RotationOutcome::Unknown, |new| rotated(new, false));
        *state = adopted;
        return outcome;
    };
    // The id is another session's, of another issuer: no proof of a reuse.
    if now >= known.ends || *known.subject != *request.token.subject {
        return RotationOutcome::Unknown;
    }
    let is_current = *known.current == *request.presented();
    if is_current || request.token.generation > known.generation {
        known.parent = request.presented().into();
        known.current = request.successor.into();
        known.generation = request.token.generation.saturating_add(1);
        known.rotated = now;
        known.expires = known.expires_after(request);
        return rotated(known, !is_current);
    }
    let age = Duration::from_millis(now.saturating_sub(known.rotated));
    if !known.parent.is_empty() && *known.parent == *request.presented() && age < request.grace {
        return RotationOutcome::Replayed {
            successor: known.current.clone().into(),
            rotated_at: from_millis(known.rotated),
            started_at: from_millis(known.started),
            session_ends: from_millis(known.ends),
        };
    }
    RotationOutcome::Reused
}

impl SessionState {
    fn expires_after(&self, request: &RotationRequest<'_>) -> Millis {
        if self.is_adopted { self.ends } else { millis(request.now + request.idle).min(self.ends) }
    }
}

fn rotated(state: &SessionState, was_behind: bool) -> RotationOutcome {
    RotationOutcome::Rotated {
        started_at: from_millis(state.started),
        session_ends: from_millis(state.ends),
        was_behind,
    }
}

/// The session of a token that the store does not have, if it may have one.
fn adopt(facts: Facts, request: &RotationRequest<'_>) -> Option<SessionState> {
    let (token, now) = (&request.token, millis(request.now));
    // An adopted session stays until no token of it can be valid, so that an older one is found to be a reuse.
    let token_ends = token.expires_at.map_or(0, whole_millis);
    let ends = millis(request.session_ends).max(token_ends);
    if !is_adoptable(token, facts.created) || now >= ends {
        return None;
    }
    // Not the time now: the stamp is no later than an epoch that is being written at this moment, which therefore
    // covers the session.
    let issued_at = Duration::from_secs(token.issued_at.unwrap_or_default().as_secs());
    let issued_at = issued_at.saturating_sub(token.clock_tolerance);
    let stamp = token.session_started_at.map(whole_millis);
    Some(SessionState {
        subject: token.subject.into(),
        device: None,
        current: request.successor.into(),
        parent: request.presented().into(),
        generation: token.generation.saturating_add(1),
        started: stamp.unwrap_or_else(|| start_stamp(whole_millis(issued_at), facts.epoch)),
        rotated: now,
        ends,
        expires: ends,
        is_adopted: true,
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    /// A request for a session that started at second 5 and ends at second 1 000.
    fn request<'a>(
        presented: &'a str,
        successor: &'a str,
        generation: u64,
        now: u64,
    ) -> RotationRequest<'a> {
        let mut request = RotationRequest::new("s", "alice", presented, successor, at(now));
        request.token.session_started_at = Some(Duration::from_secs(5));
        request.token.expires_at = Some(Duration::from_secs(1_000));
        request.token.generation = generation;
        RotationRequest { session_ends: at(1_000), ..request }
    }

    const FACTS: Facts = Facts { is_named: false, epoch: None, created: 1_000 };

    fn registered() -> SessionState {
        let session = NewSession::new("s", "alice", "a", at(5), at(1_000));
        SessionState::begin(&session, None)
    }

    fn rotated(was_behind: bool) -> RotationOutcome {
        RotationOutcome::Rotated { started_at: at(5), session_ends: at(1_000), was_behind }
    }

    #[test]
    fn an_ended_or_revoked_session_rotates_no_token() {
        let mut state = Some(registered());
        let named = Facts { is_named: true, ..FACTS };
        let covered = Facts { epoch: Some(5_000), ..FACTS };
        for facts in [named, covered] {
            assert_eq!(
                decide(&mut state, facts, &request("a", "b", 0, 10)),
                RotationOutcome::Unknown
            );
        }
        let earlier = Facts { epoch: Some(4_999), ..FACTS };
        assert_eq!(decide(&mut state, earlier, &request("a", "b", 0, 10)), rotated(false));
        let mut extended = request("b", "c", 1, 1_000);
        extended.session_ends = at(9_999);
        let ended = decide(&mut state, FACTS, &extended);
        assert_eq!(ended, RotationOutcome::Unknown, "a request cannot extend the session");
    }

    #[test]
    fn a_session_of_another_subject_is_unknown_and_not_reused() {
        let mut state = Some(registered());
        let mut foreign = request("x", "y", 0, 10);
        foreign.token.subject = "mallory";
        assert_eq!(decide(&mut state, FACTS, &foreign), RotationOutcome::Unknown);
        assert_eq!(state, Some(registered()), "the session is unchanged");
    }

    #[test]
    fn the_parent_gets_the_same_successor_within_the_grace() {
        let mut state = Some(registered());
        assert_eq!(decide(&mut state, FACTS, &request("a", "b", 0, 10)), rotated(false));
        let replayed = RotationOutcome::Replayed {
            successor: "b".into(),
            rotated_at: at(10),
            started_at: at(5),
            session_ends: at(1_000),
        };
        assert_eq!(decide(&mut state, FACTS, &request("a", "x", 0, 19)), replayed);
        let backward = decide(&mut state, FACTS, &request("a", "x", 0, 3));
        assert_eq!(backward, replayed, "the clock was set back");
        let late = decide(&mut state, FACTS, &request("a", "x", 0, 20));
        assert_eq!(late, RotationOutcome::Reused, "the grace is over");
        decide(&mut state, FACTS, &request("b", "c", 1, 21));
        let older = decide(&mut state, FACTS, &request("a", "x", 0, 21));
        assert_eq!(older, RotationOutcome::Reused, "an older ancestor");
        let empty = decide(&mut state, FACTS, &request("", "x", 0, 21));
        assert_eq!(empty, RotationOutcome::Reused, "an empty id matches no token");
    }

    #[test]
    fn s5_a_later_generation_moves_the_store_forward() {
        let mut state = Some(registered());
        assert_eq!(decide(&mut state, FACTS, &request("g3", "g4", 3, 10)), rotated(true));
        let known = state.clone().unwrap();
        assert_eq!((&*known.current, &*known.parent, known.generation), ("g4", "g3", 4));
        assert_eq!(decide(&mut state, FACTS, &request("g4", "g5", 4, 11)), rotated(false));
        let same = decide(&mut state, FACTS, &request("other", "x", 5, 12));
        assert_eq!(same, RotationOutcome::Reused, "another token of the current generation");
    }

    #[test]
    fn s7_a_session_that_started_before_the_store_is_adopted_once() {
        let facts = Facts { created: 5_000, ..FACTS };
        let mut state = None;
        assert_eq!(decide(&mut state, facts, &request("g3", "g4", 3, 10)), rotated(false));
        assert_eq!(decide(&mut state, facts, &request("g4", "g5", 4, 11)), rotated(false));
        let older = decide(&mut state, facts, &request("g1", "x", 1, 12));
        assert_eq!(older, RotationOutcome::Reused, "an older generation");
        let later = Facts { created: 4_999, ..FACTS };
        let mut state = None;
        assert_eq!(
            decide(&mut state, later, &request("g3", "g4", 3, 10)),
            RotationOutcome::Unknown
        );
        assert_eq!(state, None, "nothing is remembered");
    }

    #[test]
    fn the_first_token_without_a_session_starts_one_after_every_epoch() {
        let first = |generation, now| {
            let mut request = request("a", "b", generation, now);
            request.token.session_started_at = None;
            request.token.issued_at = Some(Duration::from_secs(now));
            request
        };
        let facts = Facts { epoch: Some(9_999), ..FACTS };
        let mut state = None;
        let later = decide(&mut state, FACTS, &first(1, 10));
        assert_eq!(later, RotationOutcome::Unknown, "not the first token");
        let expired = decide(&mut state, FACTS, &first(0, 1_000));
        assert_eq!(expired, RotationOutcome::Unknown, "it would have ended already");
        let mut tolerated = first(0, 10);
        tolerated.token.clock_tolerance = Duration::from_secs(1);
        let covered = decide(&mut state, facts, &tolerated);
        assert_eq!(covered, RotationOutcome::Unknown, "within the tolerance after the epoch");
        let outcome = decide(&mut state, facts, &first(0, 10));
        assert!(
            matches!(outcome, RotationOutcome::Rotated { started_at, .. } if started_at == at(10))
        );
        let known = state.take().unwrap();
        assert!(known.is_adopted && known.expires == known.ends, "retained until its absolute end");
        let mut delayed = request("a", "b", 0, 500);
        delayed.token.session_started_at = None;
        delayed.token.issued_at = Some(Duration::from_secs(20));
        delayed.token.clock_tolerance = Duration::from_secs(5);
        decide(&mut state, facts, &delayed);
        let started = state.expect("a session").started;
        assert_eq!(started, 15_000, "an epoch that is being written covers it");
    }

    #[test]
    fn a_session_starts_after_every_epoch_and_not_before_now() {
        assert_eq!(start_stamp(10, None), 10);
        assert_eq!(start_stamp(10, Some(5)), 10);
        assert_eq!(start_stamp(10, Some(10)), 11);
        assert_eq!(start_stamp(10, Some(90)), 91);
    }

    #[test]
    fn a_successor_expires_after_the_idle_time_and_at_the_absolute_end() {
        let mut state = Some(registered());
        let idle = |generation, now| RotationRequest {
            idle: Duration::from_secs(100),
            ..request("a", "a", generation, now)
        };
        decide(&mut state, FACTS, &idle(0, 10));
        assert_eq!(state.clone().unwrap().expires, 110_000);
        decide(&mut state, FACTS, &idle(1, 950));
        assert_eq!(state.unwrap().expires, 1_000_000);
    }

    #[test]
    fn a_record_lasts_as_long_as_tokens_that_could_be_accepted() {
        let ending = |started_at, created| Ending {
            started_at,
            until: at(77),
            created,
            access_life: Duration::from_secs(900),
            now: at(10),
        };
        let (short, long) = (10 + 900 + 600, 1_000 + 600);
        let state = registered();
        let session = ending(None, 4_999).record_end(Some(&state));
        assert_eq!(session, short, "access tokens only");
        let session = ending(None, 5_000).record_end(Some(&state));
        assert_eq!(session, long, "it would be adopted again");
        let adopted = SessionState { is_adopted: true, ..state };
        assert_eq!(ending(None, 0).record_end(Some(&adopted)), long);
        assert_eq!(ending(Some(at(5)), 4_999).record_end(None), short);
        assert_eq!(ending(Some(at(5)), 5_000).record_end(None), 77);
        assert_eq!(ending(None, 0).record_end(None), 77);
    }
}
