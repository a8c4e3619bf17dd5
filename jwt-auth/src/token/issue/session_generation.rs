//! The position of a pair in its session: the first pair of a log-in, or a successor.

use std::time::Duration;

use crate::clock::since_epoch;
use crate::config::TokenRules;
use crate::error::Refusal;
use crate::token::issue::random_id;

/// One generation of a session's tokens.
#[derive(Clone, Debug)]
pub(crate) struct SessionGeneration {
    pub(crate) session_id: String,
    /// The start stamp; `None` for a session that no store has registered. The `jti` of its first refresh token is its
    /// id.
    pub(crate) started_at: Option<Duration>,
    pub(crate) session_ends: Duration,
    /// How many rotations precede the pair.
    pub(crate) generation: u64,
    pub(crate) refresh_id: String,
    /// When the refresh token is issued.
    pub(crate) refresh_issued_at: Duration,
    /// When the access token is issued.
    pub(crate) issued_at: Duration,
    /// How long the session may be idle.
    pub(crate) idle: Duration,
    /// Whether the log-in set the idle time, so that no setting changes it.
    pub(crate) has_own_idle: bool,
    /// Whether the session ends with the browser.
    pub(crate) is_temporary: bool,
    /// How long browsers store the cookies, if the log-in said so.
    pub(crate) cookie_age: Option<Duration>,
}

impl SessionGeneration {
    /// The first pair of a new session.
    pub(crate) fn first(rules: &TokenRules) -> Result<Self, Refusal> {
        let now = since_epoch(&*rules.clock);
        let refresh_id = random_id(rules)?;
        Ok(Self {
            session_id: refresh_id.clone(),
            started_at: None,
            session_ends: now.saturating_add(rules.session_expires),
            generation: 0,
            refresh_id,
            refresh_issued_at: now,
            issued_at: now,
            idle: rules.expires.refresh,
            has_own_idle: false,
            is_temporary: false,
            cookie_age: None,
        })
    }
}
