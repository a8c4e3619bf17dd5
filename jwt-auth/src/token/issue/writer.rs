//! The writer: turns a draft into a signed token that our own reader accepts.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::base64url;
use crate::config::{Hooks, TokenRules};
use crate::error::{AuthErrorKind, Refusal};
use crate::keys::{LONGEST_SIGNATURE, LoadedKey, LoadedRing};
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
    pub(crate) ring: &'a LoadedRing,
    pub(crate) hooks: &'a Hooks,
    pub(crate) store: &'a WatchedStore,
}

impl Issuer<'_> {
    /// The key that signs.
    pub(super) fn signing_key(&self, choice: &KeyChoice) -> Result<&LoadedKey, Refusal> {
        match choice {
            KeyChoice::Algorithm(algorithm) => {
                self.ring.signing_with(*algorithm).ok_or_else(|| {
                    Refusal::cannot_issue(format!("no key of the ring signs with {algorithm}"))
                })
            }
            KeyChoice::Id(id) => {
                self.ring.by_id(id).filter(|key| key.can_sign()).ok_or_else(|| {
                    Refusal::cannot_issue(format!("no key of the ring with the id `{id}` signs"))
                })
            }
            KeyChoice::First => self
                .ring
                .signing()
                .ok_or_else(|| Refusal::cannot_issue("the configuration has no key that signs")),
        }
    }

    /// Writes and signs a token. A draft that our own reader would refuse is an error.
    pub(super) fn write(&self, draft: &Draft) -> Result<IssuedToken, Refusal> {
        let key = self.signing_key(&draft.key)?;
        let message = self.message(draft, key)?;
        self.check_size(draft.kind, message.len(), key, 0)?;
        mark_response();
        let token = sign(message, key)?;
        Ok(IssuedToken::new(draft.kind, token, draft.id.clone(), draft.issued_at, draft.expires_at))
    }

    /// Signs a token of this configuration again, with the claim `s_age`.
    pub(crate) fn with_cookie_age(&self, token: &str, age: Duration) -> Result<String, Refusal> {
        let foreign = || Refusal::cannot_issue("no key of this configuration has signed the token");
        let Signed { payload, claims, key } =
            read_signed(token.as_bytes(), self.ring, self.rules.compat).ok_or_else(foreign)?;
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
        let key = self.signing_key(&draft.key)?;
        self.check_size(draft.kind, self.message(draft, key)?.len(), key, room)
    }

    /// The text that is signed: header and claims, encoded.
    fn message(&self, draft: &Draft, key: &LoadedKey) -> Result<String, Refusal> {
        draft.check(self.rules.compat)?;
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

/// Appends the signature.
fn sign(mut message: String, key: &LoadedKey) -> Result<String, Refusal> {
    let mut signature = [0; LONGEST_SIGNATURE];
    let len = key
        .sign(message.as_bytes(), &mut signature)
        .ok_or_else(|| Refusal::from(AuthErrorKind::CannotIssue))?;
    message.push('.');
    base64url::encode(&signature[..len], &mut message);
    Ok(message)
}
