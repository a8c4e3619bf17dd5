//! How shared stores file records: a key of each name, and the keys that a token is asked for by.

use serde_json::{Value, json};

use crate::revocation::TokenIdentity;
use crate::revocation::record::About;

impl About {
    /// The key of a table, the same on every node and in every release: a JSON array.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Token { issuer, id } => json!(["token", issuer, id]),
            Self::Family(family) => json!(["family", family]),
            Self::Subject(subject) => json!(["subject", subject]),
            Self::Key(id) => json!(["key", id]),
            Self::All => json!(["all"]),
        }
        .to_string()
    }

    /// The way back; `None` for what a newer release wrote, or nobody did.
    pub(crate) fn read(key: &str) -> Option<Self> {
        let Ok(Value::Array(parts)) = serde_json::from_str(key) else { return None };
        let text = |at: usize| parts.get(at)?.as_str().map(str::to_owned);
        match (parts.first()?.as_str()?, parts.len()) {
            ("token", 3) => {
                let issuer = if parts[1].is_null() { None } else { Some(text(1)?) };
                Some(Self::Token { issuer, id: text(2)? })
            }
            ("family", 2) => Some(Self::Family(text(1)?)),
            ("subject", 2) => Some(Self::Subject(text(1)?)),
            ("key", 2) => Some(Self::Key(text(1)?)),
            ("all", 1) => Some(Self::All),
            _ => None,
        }
    }
}

/// Every key that a record about this token could have, for a store that is asked itself.
pub(crate) fn keys_of(token: &TokenIdentity<'_>) -> Vec<About> {
    let mut keys = vec![About::Subject(token.subject.to_owned()), About::All];
    if let Some(id) = token.id {
        keys.push(About::Token { issuer: None, id: id.to_owned() });
        if let Some(issuer) = token.issuer {
            keys.push(About::Token { issuer: Some(issuer.to_owned()), id: id.to_owned() });
        }
    }
    keys.extend(token.family.map(|family| About::Family(family.to_owned())));
    keys.extend(token.key_id.map(|id| About::Key(id.to_owned())));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::TokenKind;

    #[test]
    fn a_key_is_read_back_and_what_is_unknown_is_not() {
        for about in [
            About::Token { issuer: None, id: "x".into() },
            About::Token { issuer: Some("a\",\"b".into()), id: "\u{e9}".into() },
            About::Family(String::new()),
            About::Subject("null".into()),
            About::Key("k".into()),
            About::All,
        ] {
            assert_eq!(About::read(&about.key()), Some(about));
        }
        for bad in [
            "",
            "x",
            "[]",
            "[1]",
            "[\"tenant\",\"x\"]",
            "[\"all\",1]",
            "[\"token\",\"x\"]",
            "{}",
            "[\"token\",1,\"x\"]",
        ] {
            assert_eq!(About::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_store_is_asked_for_whatever_could_take_a_token_back() {
        let bare = TokenIdentity {
            issuer: None,
            id: None,
            subject: "alice",
            kind: TokenKind::Access,
            key_id: None,
            family: None,
            issued_at: None,
            expires_at: None,
        };
        let everybody = [About::Subject("alice".into()), About::All];
        assert_eq!(keys_of(&bare), everybody);
        assert_eq!(keys_of(&TokenIdentity { issuer: Some("a"), ..bare }), everybody);
        let full = TokenIdentity {
            issuer: Some("a"),
            id: Some("x"),
            key_id: Some("k"),
            family: Some("f"),
            ..bare
        };
        let [subject, all] = everybody;
        let expected = [
            subject,
            all,
            About::Token { issuer: None, id: "x".into() },
            About::Token { issuer: Some("a".into()), id: "x".into() },
            About::Family("f".into()),
            About::Key("k".into()),
        ];
        assert_eq!(keys_of(&full), expected);
    }
}
