//! The keys of this service and of the issuers that it trusts: which of them a token is for.

use std::time::Duration;

use crate::base64url;
use crate::config::{ErasedIntrospect, IssuerRules, IssuerSource, MAX_TOKEN};
use crate::error::AuthErrorKind;
use crate::json::{self, NotStrict, Value};
use crate::keys::{LiveRing, next_version};
use crate::token::foreign::Payload;
use crate::token::introspection;
use crate::token::verify::Verified;
use crate::token_kind::TokenKind;

/// A trusted issuer with its keys.
#[derive(Debug)]
pub(crate) struct Trusted {
    /// A number that no other issuer and no ring of this process has.
    pub(super) id: u64,
    pub(crate) rules: IssuerRules,
    pub(crate) source: IssuerSource,
}

impl Trusted {
    pub(crate) fn new(rules: IssuerRules, source: IssuerSource) -> Self {
        Self { id: next_version(), rules, source }
    }

    /// Whether the token is one of this issuer, and was verified for this `JwtAuth`.
    pub(crate) fn issued(&self, verified: &Verified) -> bool {
        verified.issuer == Some(self.id)
    }

    /// Whether the key that verified the token is still one of its issuer, or its response is still cached.
    fn still_verifies(&self, verified: &Verified, now: Duration) -> bool {
        let version = match &self.source {
            IssuerSource::Introspection(_) => Some(self.id),
            source => source.version(),
        };
        version.is_some_and(|version| verified.is_of(version, now))
    }

    /// Checks what tells the tokens for us from the other tokens of the issuer: audience, client, marks, profile.
    pub(super) fn check(
        &self,
        payload: &Payload<'_>,
        typ: Option<TokenKind>,
    ) -> Result<(), AuthErrorKind> {
        let rules = &self.rules;
        let has_mark = |(claim, value): &(String, String)| {
            payload.text(claim).is_some_and(|text| text == *value)
        };
        if !rules.required.iter().all(has_mark) {
            return Err(AuthErrorKind::AccessTokenRequired);
        }
        if rules.is_rfc9068 {
            let is_complete =
                ["sub", "client_id", "iat", "jti"].iter().all(|name| payload.has(name));
            if typ != Some(TokenKind::Access) {
                return Err(AuthErrorKind::AccessTokenRequired);
            }
            if !is_complete {
                return Err(AuthErrorKind::InvalidClaims);
            }
        }
        let audience = payload.texts("aud").map_err(|_| AuthErrorKind::InvalidClaims)?;
        let is_in = |list: &[String], name: &str| list.iter().any(|known| known == name);
        let is_for_us = audience.iter().any(|name| is_in(&rules.audience, name));
        let client = || IssuerRules::client_claims().iter().find_map(|name| payload.text(name));
        // A client's token that names another audience is for that one.
        let is_of_client = || {
            audience.is_empty() && client().is_some_and(|client| is_in(&rules.client_ids, &client))
        };
        if is_for_us || is_of_client() {
            return Ok(());
        }
        Err(if audience.is_empty() {
            AuthErrorKind::AudienceMissing
        } else {
            AuthErrorKind::WrongAudience
        })
    }
}

/// An introspection that has to be made.
pub(crate) struct Question<'a, 't> {
    pub(crate) issuer: &'a Trusted,
    /// The name by which a JWT names the issuer.
    pub(crate) named: Option<&'a str>,
    pub(crate) introspect: &'a dyn ErasedIntrospect,
    pub(crate) token: &'t str,
}

/// Every key that may verify a token.
#[derive(Clone, Copy)]
pub(crate) struct AllKeys<'a> {
    pub(crate) own: &'a LiveRing,
    pub(crate) trusted: &'a [Trusted],
}

impl<'a> AllKeys<'a> {
    /// Our own keys alone.
    #[cfg(test)]
    pub(crate) fn own(own: &'a LiveRing) -> Self {
        Self { own, trusted: &[] }
    }

    /// Whether the key that verified the token is still one of these.
    pub(super) fn still_verify(self, verified: &Verified, now: Duration) -> bool {
        let is_issuer = |trusted: &&Trusted| trusted.issued(verified);
        match verified.issuer {
            None => verified.is_of(self.own.version(), now),
            Some(_) => self
                .trusted
                .iter()
                .find(is_issuer)
                .is_some_and(|issuer| issuer.still_verifies(verified, now)),
        }
    }

    /// The introspection of a token, if its issuer has one. An opaque token names no issuer, so only one issuer may have
    /// those.
    pub(crate) fn to_introspect<'t>(self, token: &'t [u8]) -> Option<Question<'a, 't>> {
        let token = std::str::from_utf8(token).ok().filter(|token| token.len() <= MAX_TOKEN)?;
        let (issuer, named) = if introspection::is_opaque(token) {
            let introspects = |trusted: &&Trusted| trusted.source.introspection().is_some();
            (self.trusted.iter().find(introspects)?, None)
        } else {
            let (issuer, name) = self.named_by(token.as_bytes())?;
            (issuer, Some(name))
        };
        Some(Question { issuer, named, introspect: issuer.source.introspection()?, token })
    }

    /// The trusted issuer that a token names.
    pub(crate) fn issuer_of_token(self, token: &[u8]) -> Option<&'a Trusted> {
        self.named_by(token).map(|(issuer, _)| issuer)
    }

    /// The same, with the name that the token has.
    fn named_by(self, token: &[u8]) -> Option<(&'a Trusted, &'a str)> {
        if self.trusted.is_empty() {
            return None;
        }
        let payload = std::str::from_utf8(token).ok()?.split('.').nth(1)?;
        let mut buffer = Vec::new();
        self.issuer_of(base64url::decode(payload, &mut buffer).ok()?)
    }

    /// The trusted issuer that the payload names, and by which of its names. Nothing else of it is used before its signature is
    /// checked.
    pub(super) fn issuer_of(self, payload: &[u8]) -> Option<(&'a Trusted, &'a str)> {
        let mut issuer = None;
        let _ = json::object(std::str::from_utf8(payload).ok()?, |name, value, _| {
            if let ("iss", Value::String(text)) = (name, value) {
                let text = text.value();
                issuer = self.trusted.iter().find_map(|one| Some((one, one.rules.name(&text)?)));
                // The rest is read after the signature, and a second `iss` is refused then.
                return Err(NotStrict);
            }
            Ok(())
        });
        issuer
    }
}
