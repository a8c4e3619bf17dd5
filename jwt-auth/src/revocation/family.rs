//! A session: which refresh token is its current one, and the step that decides each presentation.

use std::time::{Duration, SystemTime};

use crate::revocation::{NewSession, Rotate, Rotation};

/// A session that is alive, as [`JwtAuth::sessions`](crate::JwtAuth::sessions) lists it.
///
/// ```
/// use jwt_auth::Config;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let auth = Config::hs256([7; 32]).build()?;
/// auth.log_in("alice").device("Firefox on Linux").await?;
/// let sessions = auth.sessions("alice").await?;
/// assert_eq!(sessions[0].device(), Some("Firefox on Linux"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub(crate) family: String,
    pub(crate) device: Option<String>,
    pub(crate) began: SystemTime,
    pub(crate) used: SystemTime,
    pub(crate) ends: SystemTime,
}

impl Session {
    /// A session, as a store of your own lists it.
    pub fn new(
        family: impl Into<String>,
        began: SystemTime,
        used: SystemTime,
        ends: SystemTime,
    ) -> Self {
        Self { family: family.into(), device: None, began, used, ends }
    }

    /// With the name of its device.
    #[must_use]
    pub fn on_device(mut self, device: Option<String>) -> Self {
        self.device = device;
        self
    }

    /// What [`JwtAuth::revoke_family`](crate::JwtAuth::revoke_family) takes to end it; `fam` of its tokens.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// What the application called the device at log-in.
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// When the user logged in.
    pub fn began_at(&self) -> SystemTime {
        self.began
    }

    /// When it was last refreshed, or begun.
    pub fn last_used_at(&self) -> SystemTime {
        self.used
    }

    /// Its absolute end.
    pub fn ends_at(&self) -> SystemTime {
        self.ends
    }
}

/// What a store keeps of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) subject: Box<str>,
    pub(crate) device: Option<Box<str>>,
    /// `jti` of the refresh token that counts.
    pub(crate) current: Box<str>,
    /// `jti` of the one before it; empty for a session that was never refreshed.
    pub(crate) parent: Box<str>,
    pub(crate) began: SystemTime,
    /// When it was last rotated, or begun.
    pub(crate) rotated_at: SystemTime,
    pub(crate) ends: SystemTime,
}

impl Family {
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

    pub(crate) fn session(&self, family: &str) -> Session {
        Session::new(family, self.began, self.rotated_at, self.ends)
            .on_device(self.device.as_deref().map(str::to_owned))
    }
}

/// The one step: given what is kept of the family and whether it was revoked, what the presentation means.
/// The family is changed in place; a store writes it back, and the revocation that `Reused` asks for, in the
/// same transaction.
pub(crate) fn decide(family: &mut Option<Family>, revoked: bool, request: &Rotate<'_>) -> Rotation {
    if revoked {
        return Rotation::Unknown;
    }
    let Some(known) = family else {
        // The first token of a family that nobody began here: one of fastapi-jwt-auth, or of a store before.
        if request.now >= request.family_ends || request.generation > 0 {
            return Rotation::Unknown;
        }
        *family = Some(Family {
            subject: request.subject.into(),
            device: None,
            current: request.successor.into(),
            parent: request.presented.into(),
            began: request.now,
            rotated_at: request.now,
            ends: request.family_ends,
        });
        return Rotation::Rotated { family_ends: request.family_ends };
    };
    if request.now >= known.ends {
        return Rotation::Unknown;
    }
    if *known.current == *request.presented {
        known.parent = std::mem::replace(&mut known.current, request.successor.into());
        known.rotated_at = request.now;
        return Rotation::Rotated { family_ends: known.ends };
    }
    let age = request.now.duration_since(known.rotated_at).unwrap_or(Duration::ZERO);
    if !known.parent.is_empty() && *known.parent == *request.presented && age < request.grace {
        return Rotation::Replayed {
            successor: known.current.clone().into(),
            rotated_at: known.rotated_at,
            family_ends: known.ends,
        };
    }
    Rotation::Reused
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn rotate<'a>(presented: &'a str, successor: &'a str, generation: u64, now: u64) -> Rotate<'a> {
        Rotate {
            family: "f",
            subject: "alice",
            presented,
            generation,
            successor,
            family_ends: at(1_000),
            dead_until: at(1_500),
            grace: Duration::from_secs(10),
            now: at(now),
        }
    }

    #[test]
    fn a_family_that_is_over_or_revoked_decides_nothing() {
        let mut family = None;
        assert_eq!(
            decide(&mut family, false, &rotate("a", "b", 0, 1_000)),
            Rotation::Unknown,
            "over before it began"
        );
        assert_eq!(
            decide(&mut family, true, &rotate("a", "b", 0, 10)),
            Rotation::Unknown,
            "revoked"
        );
        assert_eq!(
            decide(&mut family, false, &rotate("a", "b", 1, 10)),
            Rotation::Unknown,
            "not its first"
        );
        assert_eq!(family, None, "and nothing is kept");
        let rotated = Rotation::Rotated { family_ends: at(1_000) };
        assert_eq!(decide(&mut family, false, &rotate("a", "b", 0, 10)), rotated);
        let mut later = rotate("b", "c", 1, 1_000);
        later.family_ends = at(9_999);
        assert_eq!(
            decide(&mut family, false, &later),
            Rotation::Unknown,
            "over, whatever is asked"
        );
        assert_eq!(
            decide(&mut family, true, &rotate("b", "c", 1, 20)),
            Rotation::Unknown,
            "revoked meanwhile"
        );
        assert_eq!(decide(&mut family, false, &rotate("b", "c", 1, 20)), rotated, "and else not");
    }

    #[test]
    fn the_parent_within_the_grace_and_nobody_else_gets_the_successor_again() {
        let mut family = None;
        decide(&mut family, false, &rotate("a", "b", 0, 10));
        let again = Rotation::Replayed {
            successor: "b".into(),
            rotated_at: at(10),
            family_ends: at(1_000),
        };
        assert_eq!(decide(&mut family, false, &rotate("a", "x", 0, 19)), again);
        assert_eq!(decide(&mut family, false, &rotate("a", "x", 0, 20)), Rotation::Reused);
        decide(&mut family, false, &rotate("b", "c", 1, 21));
        assert_eq!(
            decide(&mut family, false, &rotate("a", "x", 0, 21)),
            Rotation::Reused,
            "an older one"
        );
        assert_eq!(
            decide(&mut family, false, &rotate("", "x", 0, 21)),
            Rotation::Reused,
            "no id is nobody's"
        );
    }
}
