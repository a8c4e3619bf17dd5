//! The writer: turns a draft into a signed token that our own reader accepts.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::base64url;
use crate::clock::since_epoch;
use crate::config::{Hooks, TokenRules};
use crate::error::{AuthErrorKind, Refusal};
use crate::event::{AuthEvent, emit};
use crate::keys::{LONGEST_SIGNATURE, LiveRing, LoadedKey, LoadedRing, RingKey};
use crate::session::WatchedStore;
use crate::token::claims::Claims;
use crate::token::issue::IssuedToken;
use crate::token::issue::draft::{Draft, KeyChoice};
use crate::token::response_mark::mark_response;
use crate::token::verify::{Signed, read_signed};
use crate::token_kind::TokenKind;

/// The parts of the configuration that issuing needs.
#[derive(Clone, Copy)]
pub(crate) struct Issuer<'a> {
    pub(crate) rules: &'a TokenRules,
    pub(crate) ring: &'a LiveRing,
    pub(crate) hooks: &'a Hooks,
    pub(crate) store: &'a WatchedStore,
}

impl Issuer<'_> {
    /// The key that signs.
    fn signing_key<'r>(
        &self,
        ring: &'r LoadedRing,
        choice: &KeyChoice,
    ) -> Result<&'r RingKey, Refusal> {
        let now = self.now();
        let is_revoked = |key: &LoadedKey| {
            key.id.as_deref().is_some_and(|id| self.store.is_key_revoked(id, now))
        };
        match choice {
            KeyChoice::Algorithm(algorithm) => {
                let key = ring.signing_with(*algorithm, now).filter(|key| !is_revoked(key));
                key.ok_or_else(|| {
                    Refusal::cannot_issue(format!("no key of the ring signs with {algorithm}"))
                })
            }
            KeyChoice::Id(id) => {
                let key = ring.signing_by_id(id, now).filter(|key| !is_revoked(key));
                key.ok_or_else(|| {
                    Refusal::cannot_issue(format!("no key of the ring with the id `{id}` signs"))
                })
            }
            KeyChoice::First => ring.signing(now, is_revoked).ok_or_else(|| {
                self.ring.report_missing();
                Refusal::cannot_issue("the configuration has no key that signs")
            }),
        }
    }

    /// Checks that there is a key that signs.
    pub(super) fn check_key(&self, choice: &KeyChoice) -> Result<(), Refusal> {
        self.signing_key(&self.ring.load(), choice).map(|_| ())
    }

    fn now(&self) -> Duration {
        since_epoch(&*self.rules.clock)
    }

    /// Writes and signs a token with a key of this process. A draft that our own reader would refuse is an error.
    pub(super) fn write(&self, draft: &Draft) -> Result<IssuedToken, Refusal> {
        let ring = self.ring.load();
        self.write_with(draft, self.signing_key(&ring, &draft.key)?)
    }

    /// The same with any key, also one that a service signs for.
    pub(super) async fn write_async(&self, draft: &Draft) -> Result<IssuedToken, Refusal> {
        // Not the guard of `load`, which should not be held while a service signs.
        let ring = self.ring.load_full();
        let key = self.signing_key(&ring, &draft.key)?;
        if !key.signs_remotely() {
            return self.write_with(draft, key);
        }
        let mut message = self.checked_message(draft, key)?;
        let deadline = self.rules.hook_deadline;
        let signature = key.sign_remotely(message.as_bytes(), deadline).await;
        let signature = signature.map_err(|error| {
            tracing::error!(target: "jwt_auth", %error, "no token is issued");
            let refusal = Refusal::from(AuthErrorKind::Unavailable).with_source(error);
            refusal.with_detail("No token can be issued now, try again".into())
        })?;
        message.push('.');
        base64url::encode(&signature, &mut message);
        Ok(issued(draft, message))
    }

    fn write_with(&self, draft: &Draft, key: &RingKey) -> Result<IssuedToken, Refusal> {
        let message = self.checked_message(draft, key)?;
        Ok(issued(draft, sign(message, key)?))
    }

    /// The text that is signed, which is not too long.
    fn checked_message(&self, draft: &Draft, key: &RingKey) -> Result<String, Refusal> {
        let message = self.message(draft, key)?;
        self.check_size(draft.kind, message.len(), key, 0)?;
        mark_response();
        Ok(message)
    }

    /// Signs a token of this configuration again, with the claim `s_age`.
    pub(crate) fn with_cookie_age(&self, token: &str, age: Duration) -> Result<String, Refusal> {
        let foreign = || Refusal::cannot_issue("no key of this configuration has signed the token");
        let ring = self.ring.load();
        let signed = read_signed(token.as_bytes(), &ring, self.rules.compat, self.now());
        let Signed { payload, claims, key } = signed.ok_or_else(foreign)?;
        let header = token.split('.').next().unwrap_or_default();
        let before = claims.cookie_age;
        let claim = |age: Duration| format!("\"s_age\":{}", age.as_secs());
        // It stands before custom claims, which could contain the same text.
        let claims = match (before, payload.strip_prefix('{')) {
            (Some(before), _) => payload.replacen(&claim(before), &claim(age), 1),
            (None, Some(others)) => format!("{{{},{others}", claim(age)),
            (None, None) => return Err(foreign()),
        };
        let mut token = format!("{header}.");
        base64url::encode(claims.as_bytes(), &mut token);
        sign(token, key)
    }

    /// Checks that the draft could be written with `room` bytes to spare, without signing it.
    pub(super) fn check_fits(&self, draft: &Draft, room: usize) -> Result<(), Refusal> {
        let ring = self.ring.load();
        let key = self.signing_key(&ring, &draft.key)?;
        self.check_size(draft.kind, self.message(draft, key)?.len(), key, room)
    }

    /// The text that is signed: header and claims, encoded.
    fn message(&self, draft: &Draft, key: &RingKey) -> Result<String, Refusal> {
        draft.check(self.rules.compat)?;
        if let Some(longest) = key.longest_life()
            && draft.life() > longest
        {
            return Err(Refusal::cannot_issue(format!(
                "a token that lives longer than {} s could outlive its key, since the keys of this ring change; \
                 shorten its life, or set `KeyRing::retired_for`",
                longest.as_secs()
            )));
        }
        let claims = draft.claims(self.rules.encode_issuer.as_deref());
        // We do not write custom claims ourselves, so our own reader checks their nesting, numbers and names.
        if !draft.custom.is_empty() && Claims::read(&claims, self.rules.compat).is_err() {
            return Err(Refusal::cannot_issue(
                "custom claims are JSON of at most 64 levels, with unique names and finite numbers",
            ));
        }
        let own_header = key.own_headers().get(draft.kind);
        // The capacity of the whole token, signature included.
        let capacity = own_header.len() + (claims.len() + key.signature_len()) * 4 / 3 + 6;
        let mut message = String::with_capacity(capacity);
        if draft.header.is_empty() {
            message.push_str(own_header);
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

    /// Checks that our own reader accepts a token of this size and, if cookies carry tokens, that browsers store
    /// it.
    fn check_size(
        &self,
        kind: TokenKind,
        message: usize,
        key: &LoadedKey,
        room: usize,
    ) -> Result<(), Refusal> {
        let len = message + 1 + (key.signature_len() * 4).div_ceil(3);
        let longest = *self.rules.longest_token.get(kind);
        if len + room <= longest {
            return Ok(());
        }
        Err(Refusal::cannot_issue(format!(
            "a token has at most {longest} bytes here, and this one would have {len}"
        )))
    }
}

/// 128 bits from the operating system's random number generator, in base64url (ASVS 7.2.3). Under `Compat` they have the
/// form of a UUID, which the columns of such applications expect.
pub(crate) fn random_id(rules: &TokenRules) -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Refusal::cannot_issue("the operating system returns no random bytes"))?;
    if rules.compat.is_some() {
        let digits = format!("{:032x}", u128::from_be_bytes(bytes));
        let groups =
            [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        return Ok(groups.join("-"));
    }
    let mut id = String::with_capacity(22);
    base64url::encode(&bytes, &mut id);
    Ok(id)
}

fn issued(draft: &Draft, token: String) -> IssuedToken {
    emit(AuthEvent::Issued { kind: draft.kind });
    let token =
        IssuedToken::new(draft.kind, token, draft.id.clone(), draft.issued_at, draft.expires_at);
    token.bound(draft.bound_to.is_some())
}

/// Appends the signature.
fn sign(mut message: String, key: &LoadedKey) -> Result<String, Refusal> {
    if key.signs_remotely() {
        return Err(Refusal::cannot_issue(
            "a service signs for the key: `.await` the builder instead of `.issue()`",
        ));
    }
    let mut signature = [0; LONGEST_SIGNATURE];
    let len = key
        .sign(message.as_bytes(), &mut signature)
        .ok_or_else(|| Refusal::from(AuthErrorKind::CannotIssue))?;
    message.push('.');
    base64url::encode(&signature[..len], &mut message);
    Ok(message)
}
