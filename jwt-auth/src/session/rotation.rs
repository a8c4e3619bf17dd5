//! Rotation as one pure step: the outcome for a presented refresh token, given what the store knows.

use std::time::{Duration, SystemTime};

use crate::session::{NewSession, Session};

/// A refresh token that is presented for rotation.
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
    /// The session: `sid`, or the `jti` of a refresh token without `sid`.
    pub session_id: &'a str,
    /// The user it belongs to.
    pub subject: &'a str,
    /// `jti` of the presented token.
    pub presented: &'a str,
    /// How many rotations precede the presented token; 0 for the first of its session.
    pub generation: u64,
    /// `jti` of the successor, if the token is rotated.
    pub successor: &'a str,
    /// The absolute end of a session that starts with this request.
    pub session_ends: SystemTime,
    /// When the record of a reuse may be deleted: no token of the session lives longer.
    pub revoked_until: SystemTime,
    /// How long the parent of the current token gets the same successor again.
    pub grace: Duration,
    /// The time now, by the configured clock.
    pub now: SystemTime,
}

impl<'a> RotationRequest<'a> {
    /// A request of generation 0 with the default times, for tests of a store.
    ///
    /// The session lasts 90 days, and the grace is 10 seconds.
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
        let session_ends = now + Duration::from_secs(90 * 86_400);
        Self {
            session_id,
            subject,
            presented,
            generation: 0,
            successor,
            session_ends,
            revoked_until: session_ends,
            grace: Duration::from_secs(10),
            now,
        }
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
    /// The token was current. It is now used up, and the successor is current.
    Rotated {
        /// The absolute end of the session.
        session_ends: SystemTime,
    },
    /// The token is the immediate parent of the current one, within the grace.
    ///
    /// It gets the same successor again.
    Replayed {
        /// `jti` of the current token.
        successor: String,
        /// When it was issued.
        rotated_at: SystemTime,
        /// The absolute end of the session.
        session_ends: SystemTime,
    },
    /// The token was used before. The store revoked the session in this step.
    Reused,
    /// The session was revoked, or is unknown and this is not its first token.
    Unknown,
}

/// What a store remembers of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionState {
    pub(crate) subject: Box<str>,
    pub(crate) device: Option<Box<str>>,
    /// `jti` of the refresh token that is valid now.
    pub(crate) current: Box<str>,
    /// `jti` of the refresh token before it; empty for a session that was never refreshed.
    pub(crate) parent: Box<str>,
    pub(crate) began: SystemTime,
    /// When it was last rotated, or began.
    pub(crate) rotated_at: SystemTime,
    pub(crate) ends: SystemTime,
}

impl SessionState {
    pub(crate) fn begin(session: &NewSession<'_>) -> Self {
        Self {
            subject: session.subject.into(),
            device: session.device.map(Into::into),
            current: session.refresh_id.into(),
            parent: "".into(),
            began: session.now,
            rotated_at: session.now,
            ends: session.ends,
        }
    }

    pub(crate) fn listed(&self, id: &str) -> Session {
        Session::new(id, self.began, self.rotated_at, self.ends)
            .on_device(self.device.as_deref().map(str::to_owned))
    }
}

/// Decides the outcome for a presented refresh token, given the session's state and whether it was revoked.
///
/// The state is changed in place. A store writes it back, together with the revocation that `Reused` requires, in
/// the same transaction.
pub(crate) fn decide(
    state: &mut Option<SessionState>,
    revoked: bool,
    request: &RotationRequest<'_>,
) -> RotationOutcome {
    if revoked {
        return RotationOutcome::Unknown;
    }
    let Some(known) = state else {
        // The first token of a session that was not registered here: fastapi-jwt-auth issued it, or the store is
        // new.
        if request.now >= request.session_ends || request.generation > 0 {
            return RotationOutcome::Unknown;
        }
        *state = Some(SessionState {
            subject: request.subject.into(),
            device: None,
            current: request.successor.into(),
            parent: request.presented.into(),
            began: request.now,
            rotated_at: request.now,
            ends: request.session_ends,
        });
        return RotationOutcome::Rotated { session_ends: request.session_ends };
    };
    if request.now >= known.ends {
        return RotationOutcome::Unknown;
    }
    if *known.current == *request.presented {
        known.parent = std::mem::replace(&mut known.current, request.successor.into());
        known.rotated_at = request.now;
        return RotationOutcome::Rotated { session_ends: known.ends };
    }
    let age = request.now.duration_since(known.rotated_at).unwrap_or(Duration::ZERO);
    if !known.parent.is_empty() && *known.parent == *request.presented && age < request.grace {
        return RotationOutcome::Replayed {
            successor: known.current.clone().into(),
            rotated_at: known.rotated_at,
            session_ends: known.ends,
        };
    }
    RotationOutcome::Reused
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn request<'a>(
        presented: &'a str,
        successor: &'a str,
        generation: u64,
        now: u64,
    ) -> RotationRequest<'a> {
        RotationRequest {
            generation,
            session_ends: at(1_000),
            revoked_until: at(1_500),
            ..RotationRequest::new("s", "alice", presented, successor, at(now))
        }
    }

    #[test]
    fn a_session_that_ended_or_was_revoked_rotates_no_token() {
        let mut state = None;
        let expired = decide(&mut state, false, &request("a", "b", 0, 1_000));
        assert_eq!(expired, RotationOutcome::Unknown, "it would have ended already");
        let revoked = decide(&mut state, true, &request("a", "b", 0, 10));
        assert_eq!(revoked, RotationOutcome::Unknown);
        let later = decide(&mut state, false, &request("a", "b", 1, 10));
        assert_eq!(later, RotationOutcome::Unknown, "not the first token of its session");
        assert_eq!(state, None, "nothing is remembered");
        let rotated = RotationOutcome::Rotated { session_ends: at(1_000) };
        assert_eq!(decide(&mut state, false, &request("a", "b", 0, 10)), rotated);
        let mut extended = request("b", "c", 1, 1_000);
        extended.session_ends = at(9_999);
        let ended = decide(&mut state, false, &extended);
        assert_eq!(ended, RotationOutcome::Unknown, "a request cannot extend the session");
        let revoked = decide(&mut state, true, &request("b", "c", 1, 20));
        assert_eq!(revoked, RotationOutcome::Unknown);
        assert_eq!(decide(&mut state, false, &request("b", "c", 1, 20)), rotated);
    }

    #[test]
    fn only_the_parent_within_the_grace_gets_the_successor_again() {
        let mut state = None;
        decide(&mut state, false, &request("a", "b", 0, 10));
        let replayed = RotationOutcome::Replayed {
            successor: "b".into(),
            rotated_at: at(10),
            session_ends: at(1_000),
        };
        assert_eq!(decide(&mut state, false, &request("a", "x", 0, 19)), replayed);
        let late = decide(&mut state, false, &request("a", "x", 0, 20));
        assert_eq!(late, RotationOutcome::Reused, "the grace is over");
        decide(&mut state, false, &request("b", "c", 1, 21));
        let older = decide(&mut state, false, &request("a", "x", 0, 21));
        assert_eq!(older, RotationOutcome::Reused, "an older ancestor");
        let empty = decide(&mut state, false, &request("", "x", 0, 21));
        assert_eq!(empty, RotationOutcome::Reused, "an empty id matches no token");
    }
}
