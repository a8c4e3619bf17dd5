//! The writer: claims to JSON, JSON to base64url, and the signature over both.

use std::any::Any;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::base64url;
use crate::claims::{Claims, LAST_SECOND, RESERVED, TokenKind};
use crate::config::{CookieSettings, Settings, TokenCookie, TokenLocation};
use crate::error::{AuthError, AuthErrorKind};
use crate::keys::{Algorithm, LONGEST_SIGNATURE, LoadedKey, LoadedRing};
use crate::no_store;
use crate::verify::MAX_TOKEN;

/// Header parameters that the framework writes, or that would change the meaning of the token.
const RESERVED_HEADER: [&str; 13] = [
    "alg", "typ", "kid", "crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256",
];

/// What every token is made with.
#[derive(Clone, Copy)]
pub(crate) struct Issuer<'a> {
    pub(crate) settings: &'a Arc<Settings>,
    pub(crate) ring: &'a LoadedRing,
    /// The request that is being answered, for the error hook.
    pub(crate) request: Option<&'a Arc<dyn Any + Send + Sync>>,
}

/// Browsers drop a cookie that is larger, attributes and all (RFC 6265 §6.1).
pub(crate) const MAX_COOKIE: usize = 4096;

/// The name and the attributes of a cookie, at their longest.
fn cookie_overhead(cookies: &CookieSettings, kind: TokenKind) -> usize {
    let TokenCookie { key, path, .. } = cookies.of(kind);
    let domain = cookies.domain.as_ref().map_or(0, |domain| domain.len() + "; Domain=".len());
    let rest = "=; HttpOnly; SameSite=Strict; Secure; Path=; Max-Age=3153600000".len();
    key.len() + path.len() + domain + rest
}

/// One token to be written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: TokenKind,
    pub(crate) subject: String,
    pub(crate) id: String,
    pub(crate) issued_at: Duration,
    /// `None` for a token that never expires (`danger`).
    pub(crate) expires_at: Option<Duration>,
    pub(crate) fresh: bool,
    pub(crate) auth_time: Option<Duration>,
    pub(crate) audience: Vec<String>,
    pub(crate) scope: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) family: Option<String>,
    pub(crate) generation: u64,
    pub(crate) csrf: Option<String>,
    /// Names, and values as JSON text.
    pub(crate) custom: Vec<(String, String)>,
    pub(crate) header: Map<String, Value>,
    pub(crate) algorithm: Option<Algorithm>,
}

impl Issuer<'_> {
    /// Tells an error by which settings, and for which request, it is to be answered.
    pub(crate) fn told<T>(&self, result: Result<T, AuthError>) -> Result<T, AuthError> {
        result.map_err(|error| {
            let settings: Arc<dyn Any + Send + Sync> = self.settings.clone();
            error.with_answer(Some(settings)).with_request(self.request.cloned())
        })
    }

    /// The key that a draft is signed by.
    pub(crate) fn signing_key(
        &self,
        algorithm: Option<Algorithm>,
    ) -> Result<&LoadedKey, AuthError> {
        match algorithm {
            Some(algorithm) => self.ring.signing_with(algorithm).ok_or_else(|| {
                AuthError::cannot_issue(format!("no key of the ring signs with {algorithm}"))
            }),
            None => self
                .ring
                .signing()
                .ok_or_else(|| AuthError::cannot_issue("the configuration has no key that signs")),
        }
    }

    /// Writes and signs; refuses what our own reader would refuse.
    pub(crate) fn write(&self, draft: &Draft) -> Result<String, AuthError> {
        let key = self.signing_key(draft.algorithm)?;
        let mut token = self.message(draft, key)?;
        self.within_size(draft.kind, token.len(), key, 0)?;
        no_store::note();
        let mut room = [0; LONGEST_SIGNATURE];
        let len = key
            .sign(token.as_bytes(), &mut room)
            .ok_or_else(|| AuthError::from(AuthErrorKind::CannotIssue))?;
        token.push('.');
        base64url::encode(&room[..len], &mut token);
        Ok(token)
    }

    /// Whether the draft could be written, with that much room to spare.
    pub(crate) fn measure(&self, draft: &Draft, room: usize) -> Result<(), AuthError> {
        let key = self.signing_key(draft.algorithm)?;
        self.within_size(draft.kind, self.message(draft, key)?.len(), key, room)
    }

    /// What is signed: header and claims, encoded.
    fn message(&self, draft: &Draft, key: &LoadedKey) -> Result<String, AuthError> {
        check(draft)?;
        let claims = self.claims(draft);
        // Our own reader has the last word on what is not written here: nesting, numbers, names.
        if !draft.custom.is_empty() && Claims::read(&claims).is_err() {
            return Err(AuthError::cannot_issue(
                "the claims are JSON of at most 64 levels, with unique names and finite numbers",
            ));
        }
        let written = key.known_headers().of(draft.kind);
        // All that the token will hold, the signature too.
        let room = written.len() + (claims.len() + key.signature_len()) * 4 / 3 + 6;
        let mut message = String::with_capacity(room);
        if draft.header.is_empty() {
            message.push_str(written);
        } else {
            let mut header = Map::new();
            header.insert("alg".to_owned(), key.algorithm.name().into());
            header.insert("typ".to_owned(), draft.kind.typ().into());
            if let Some(id) = &key.id {
                header.insert("kid".to_owned(), (**id).into());
            }
            header.extend(draft.header.clone());
            base64url::encode(Value::Object(header).to_string().as_bytes(), &mut message);
        }
        message.push('.');
        base64url::encode(claims.as_bytes(), &mut message);
        Ok(message)
    }

    /// What our own reader takes, and, where cookies bear tokens, what a browser keeps.
    fn within_size(
        &self,
        kind: TokenKind,
        message: usize,
        key: &LoadedKey,
        room: usize,
    ) -> Result<(), AuthError> {
        let len = message + 1 + (key.signature_len() * 4).div_ceil(3);
        let most = if self.settings.reads(TokenLocation::Cookie) {
            MAX_COOKIE.saturating_sub(cookie_overhead(&self.settings.cookies, kind))
        } else {
            MAX_TOKEN
        };
        if len + room <= most {
            return Ok(());
        }
        Err(AuthError::cannot_issue(format!(
            "a token has at most {most} bytes here, and this one would have {len}"
        )))
    }

    fn claims(&self, draft: &Draft) -> String {
        let mut out = Object(String::with_capacity(320));
        out.text("sub", &draft.subject);
        out.number("iat", draft.issued_at.as_secs());
        out.number("nbf", draft.issued_at.as_secs());
        if let Some(exp) = draft.expires_at {
            out.number("exp", exp.as_secs());
        }
        out.text("jti", &draft.id);
        out.text("type", draft.kind.claim());
        if draft.kind == TokenKind::Access {
            out.raw("fresh", if draft.fresh { "true" } else { "false" });
        }
        if let Some(issuer) = &self.settings.encode_issuer {
            out.text("iss", issuer);
        }
        match draft.audience.as_slice() {
            [] => {}
            [one] => out.text("aud", one),
            many => out.value("aud", &many.into()),
        }
        if let Some(scope) = &draft.scope {
            out.text("scope", scope);
        }
        if !draft.roles.is_empty() {
            out.value("roles", &draft.roles.as_slice().into());
        }
        if let Some(at) = draft.auth_time {
            out.number("auth_time", at.as_secs());
        }
        if let Some(family) = &draft.family {
            out.text("fam", family);
        }
        if draft.generation > 0 {
            out.number("gen", draft.generation);
        }
        if let Some(csrf) = &draft.csrf {
            out.text("csrf", csrf);
        }
        for (name, value) in &draft.custom {
            out.raw(name, value);
        }
        out.0.push('}');
        out.0
    }
}

fn check(draft: &Draft) -> Result<(), AuthError> {
    let reserved = |what: &str, name: &str| {
        AuthError::cannot_issue(format!(
            "the {what} `{name}` is written by the framework; rename yours"
        ))
    };
    if let Some(name) =
        draft.custom.iter().map(|(name, _)| name).find(|name| RESERVED.contains(&name.as_str()))
    {
        return Err(reserved("claim", name));
    }
    if let Some(name) = draft.header.keys().find(|name| RESERVED_HEADER.contains(&name.as_str())) {
        return Err(reserved("header parameter", name));
    }
    if draft.expires_at.is_some_and(|exp| exp.as_secs() > LAST_SECOND) {
        return Err(AuthError::cannot_issue("a token expires before the year 10000"));
    }
    Ok(())
}

/// A JSON object in the making; names are our own or come out of a map, so each stands once.
struct Object(String);

impl Object {
    fn raw(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.string(name);
        self.0.push(':');
        self.0.push_str(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, "");
        self.string(value);
    }

    fn number(&mut self, name: &str, value: u64) {
        self.raw(name, "");
        let _ = write!(self.0, "{value}");
    }

    fn value(&mut self, name: &str, value: &Value) {
        self.raw(name, "");
        let _ = write!(self.0, "{value}");
    }

    fn string(&mut self, text: &str) {
        let plain = text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
        if plain {
            self.0.push('"');
            self.0.push_str(text);
            self.0.push('"');
        } else {
            let _ = write!(self.0, "{}", Value::from(text));
        }
    }
}

/// 128 random bits of the system's generator, in base64url (ASVS 7.2.3).
pub(crate) fn random_id() -> Result<String, AuthError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| AuthError::cannot_issue("the system's generator gives no random bytes"))?;
    let mut id = String::with_capacity(22);
    base64url::encode(&bytes, &mut id);
    Ok(id)
}
