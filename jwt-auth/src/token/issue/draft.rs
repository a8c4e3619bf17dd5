//! A token before it is signed: its claims as values, checked and written as JSON.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::HUNDRED_YEARS;
use crate::error::{Compat, Refusal};
use crate::keys::{Algorithm, Thumbprint};
use crate::session::{MAX_NAME, is_revocable, whole_millis};
use crate::token::claims::{Claims, Freshness, LAST_SECOND, OWN, RESERVED};
use crate::token::object_writer::ObjectWriter;
use crate::token_kind::TokenKind;

/// Header parameters that jwt-auth writes, or that would change the meaning of the token.
const RESERVED_HEADER: [&str; 13] = [
    "alg", "typ", "kid", "crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256",
];

/// How much the tokens of a session may grow: by `gen`, `sid`, `s_at`, `s_age` and `"fresh":false`, encoded.
pub(super) const ROOM_TO_GROW: usize = 190;

/// Which key of the ring signs.
#[derive(Clone, Debug, Default)]
pub(super) enum KeyChoice {
    /// The first.
    #[default]
    First,
    /// The first of an algorithm.
    Algorithm(Algorithm),
    Id(String),
}

/// One token to be written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(super) kind: TokenKind,
    pub(super) subject: String,
    pub(super) id: String,
    pub(super) issued_at: Duration,
    /// `None` for a token that never expires (`danger`).
    pub(super) expires_at: Option<Duration>,
    pub(super) fresh: Freshness,
    pub(super) auth_time: Option<Duration>,
    pub(super) audience: Vec<String>,
    pub(super) scope: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) session_id: Option<String>,
    pub(super) generation: u64,
    /// `s_at`, of a registered session.
    pub(super) session_started_at: Option<Duration>,
    /// `s_exp`, of a refresh token, and of the access tokens of a session with an end of its own.
    pub(super) session_ends_at: Option<Duration>,
    /// `s_idle`, of a session with an idle time of its own.
    pub(super) session_idle: Option<Duration>,
    /// `s_tmp`, of a session that ends with the browser.
    pub(super) is_temporary: bool,
    /// `s_age`, of a session whose log-in said how long browsers store its cookies.
    pub(super) cookie_age: Option<Duration>,
    pub(super) csrf: Option<String>,
    /// The key to which the token is bound.
    pub(super) bound_to: Option<Thumbprint>,
    /// Names, and values as JSON text.
    pub(super) custom: Vec<(String, String)>,
    pub(super) header: Map<String, Value>,
    pub(super) key: KeyChoice,
}

impl Draft {
    /// How long the token lives. One without an expiry counts as a hundred years, the longest life of a record.
    pub(super) fn life(&self) -> Duration {
        self.expires_at.map_or(HUNDRED_YEARS, |end| end.saturating_sub(self.issued_at))
    }

    /// Checks for reserved names, for names that no store could revoke (R19), and for an expiry after the year 9999.
    pub(super) fn check(&self, compat: Option<Compat>) -> Result<(), Refusal> {
        let reserved = |what: &str, name: &str| {
            Refusal::cannot_issue(format!(
                "the {what} `{name}` is reserved for jwt-auth; use another name"
            ))
        };
        let mut custom = self.custom.iter();
        // A name that the token has as well occurs twice, which our own reader refuses.
        let is_reserved = |(name, value): &&(String, String)| {
            RESERVED.contains(&name.as_str()) && !(compat.is_some() && is_foreign(name, value))
        };
        if let Some((name, _)) = custom.find(is_reserved) {
            return Err(reserved("claim", name));
        }
        if let Some(name) = self.header.keys().find(|name| RESERVED_HEADER.contains(&name.as_str()))
        {
            return Err(reserved("header parameter", name));
        }
        if !is_revocable(&self.subject, MAX_NAME)
            || !is_revocable(self.session_id.as_deref().unwrap_or_default(), MAX_NAME)
        {
            return Err(Refusal::cannot_issue(
                "a subject and a session id have at most 1024 bytes and no NUL, so that they can be revoked",
            ));
        }
        if self.expires_at.is_some_and(|exp| exp.as_secs() > LAST_SECOND) {
            return Err(Refusal::cannot_issue("a token must expire before the year 10000"));
        }
        Ok(())
    }

    /// The draft of the token that a rotation would issue for this one: the ring's first key signs, and no header
    /// is added.
    pub(super) fn as_successor(&self) -> Self {
        Self { key: KeyChoice::First, header: Map::new(), ..self.clone() }
    }

    /// The claims as JSON.
    pub(super) fn claims(&self, issuer: Option<&str>) -> String {
        let mut out = ObjectWriter::with_capacity(320);
        out.text("sub", &self.subject);
        out.number("iat", self.issued_at.as_secs());
        out.number("nbf", self.issued_at.as_secs());
        if let Some(exp) = self.expires_at {
            out.number("exp", exp.as_secs());
        }
        out.text("jti", &self.id);
        out.text("type", self.kind.claim());
        if self.kind == TokenKind::Access {
            match self.fresh {
                Freshness::No => out.raw("fresh", "false"),
                Freshness::Always => out.raw("fresh", "true"),
                Freshness::Until(end) => out.number("fresh", end.as_secs()),
            }
        }
        if let Some(issuer) = issuer {
            out.text("iss", issuer);
        }
        match self.audience.as_slice() {
            [] => {}
            [one] => out.text("aud", one),
            many => out.value("aud", &many.into()),
        }
        if let Some(scope) = &self.scope {
            out.text("scope", scope);
        }
        if !self.roles.is_empty() {
            out.value("roles", &self.roles.as_slice().into());
        }
        if let Some(at) = self.auth_time {
            out.number("auth_time", at.as_secs());
        }
        if let Some(session_id) = &self.session_id {
            out.text("sid", session_id);
        }
        if self.generation > 0 {
            out.number("gen", self.generation);
        }
        if let Some(at) = self.session_started_at {
            out.number("s_at", whole_millis(at));
        }
        if let Some(at) = self.session_ends_at {
            out.number("s_exp", at.as_secs());
        }
        if let Some(idle) = self.session_idle {
            out.number("s_idle", idle.as_secs());
        }
        if self.is_temporary {
            out.raw("s_tmp", "true");
        }
        if let Some(age) = self.cookie_age {
            out.number("s_age", age.as_secs());
        }
        if let Some(csrf) = &self.csrf {
            out.text("csrf", csrf);
        }
        if let Some(key) = self.bound_to {
            out.raw("cnf", &format!("{{\"jkt\":\"{key}\"}}"));
        }
        for (name, value) in &self.custom {
            out.raw(name, value);
        }
        out.finish()
    }
}

/// Whether a claim with a name of ours has another type than ours, so that it can only be a custom claim.
fn is_foreign(name: &str, value: &str) -> bool {
    OWN.contains(&name) && Claims::read(&format!("{{\"{name}\":{value}}}"), None).is_err()
}
