//! Record keys as shared stores write them, and the keys that can revoke a token.

use serde_json::{Value, json};

use crate::session::TokenIdentity;
use crate::session::record::RecordKey;
use crate::token_kind::TokenKind;

impl RecordKey {
    /// The session that the record covers, if it covers one.
    pub(crate) fn session_id(&self) -> Option<&str> {
        match self {
            Self::Session(id) => Some(id),
            _ => None,
        }
    }

    /// The key as text, the same on every node and in every release: a JSON array.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Token { issuer, id } => json!(["token", issuer, id]),
            Self::Session(id) => json!(["session", id]),
            Self::EarlierAccess(id) => json!(["access", id]),
            Self::Subject(subject) => json!(["subject", subject]),
            Self::SigningKey(id) => json!(["key", id]),
            Self::All => json!(["all"]),
        }
        .to_string()
    }

    /// Parses a key; `None` for one that a newer release wrote, or that is malformed.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        let Ok(Value::Array(parts)) = serde_json::from_str(key) else { return None };
        let text = |at: usize| parts.get(at)?.as_str().map(str::to_owned);
        match (parts.first()?.as_str()?, parts.len()) {
            ("token", 3) => {
                let issuer = if parts[1].is_null() { None } else { Some(text(1)?) };
                Some(Self::Token { issuer, id: text(2)? })
            }
            ("session", 2) => Some(Self::Session(text(1)?)),
            ("access", 2) => Some(Self::EarlierAccess(text(1)?)),
            ("subject", 2) => Some(Self::Subject(text(1)?)),
            ("key", 2) => Some(Self::SigningKey(text(1)?)),
            ("all", 1) => Some(Self::All),
            _ => None,
        }
    }

    /// Every key whose record could revoke the token, for a strict look-up.
    pub(crate) fn that_cover(token: &TokenIdentity<'_>) -> Vec<Self> {
        let mut keys = vec![Self::Subject(token.subject.to_owned()), Self::All];
        keys.extend(Self::that_name(token));
        if let (TokenKind::Access, Some(id)) = (token.kind, token.session_id) {
            keys.push(Self::EarlierAccess(id.to_owned()));
        }
        keys
    }

    /// The keys of records that name the token, its session or its key.
    pub(crate) fn that_name(token: &TokenIdentity<'_>) -> Vec<Self> {
        let mut keys = Vec::new();
        if let Some(id) = token.id {
            keys.push(Self::Token { issuer: None, id: id.to_owned() });
            if let Some(issuer) = token.issuer {
                keys.push(Self::Token { issuer: Some(issuer.to_owned()), id: id.to_owned() });
            }
        }
        keys.extend(token.session_id.map(|id| Self::Session(id.to_owned())));
        keys.extend(token.key_id.map(|id| Self::SigningKey(id.to_owned())));
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_parses_from_its_own_text_and_unknown_keys_do_not() {
        for key in [
            RecordKey::Token { issuer: None, id: "x".into() },
            RecordKey::Token { issuer: Some("a\",\"b".into()), id: "\u{e9}".into() },
            RecordKey::Session(String::new()),
            RecordKey::EarlierAccess("s".into()),
            RecordKey::Subject("null".into()),
            RecordKey::SigningKey("k".into()),
            RecordKey::All,
        ] {
            assert_eq!(RecordKey::parse(&key.text()), Some(key));
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
            assert_eq!(RecordKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_strict_look_up_covers_every_way_to_revoke_a_token() {
        let bare =
            TokenIdentity { id: None, ..TokenIdentity::for_test(TokenKind::Access, "alice", "") };
        let epochs = [RecordKey::Subject("alice".into()), RecordKey::All];
        assert_eq!(RecordKey::that_cover(&bare), epochs);
        let issued = TokenIdentity { issuer: Some("a"), ..bare };
        assert_eq!(RecordKey::that_cover(&issued), epochs);
        let full =
            TokenIdentity { id: Some("x"), key_id: Some("k"), session_id: Some("s"), ..issued };
        let [subject, all] = epochs;
        let expected = [
            subject,
            all,
            RecordKey::Token { issuer: None, id: "x".into() },
            RecordKey::Token { issuer: Some("a".into()), id: "x".into() },
            RecordKey::Session("s".into()),
            RecordKey::SigningKey("k".into()),
            RecordKey::EarlierAccess("s".into()),
        ];
        assert_eq!(RecordKey::that_cover(&full), expected);
        let refresh = TokenIdentity { kind: TokenKind::Refresh, ..full };
        assert_eq!(RecordKey::that_cover(&refresh), expected[..6]);
    }
}
