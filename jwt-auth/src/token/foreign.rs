//! Rewrites the payload of a token that another implementation wrote, so that its claims have the names and types of ours.

use jsonwebtoken::jwk::ThumbprintHash;
use serde_json::Value as Json;

use crate::base64url;
use crate::config::{ClaimNames, KindRule};
use crate::json::{self, NotStrict, Value};
use crate::keys::digest;
use crate::token_kind::TokenKind;

/// The claims whose meaning only this crate defines. Those of another implementation would mean something else.
const DROPPED: [&str; 8] = ["fresh", "csrf", "gen", "s_at", "s_exp", "s_idle", "s_tmp", "s_age"];

/// The payload with our claims. Every other claim stays as it is. An audience that is ignored is replaced by the given one.
pub(super) fn rewrite(
    payload: &str,
    token: &str,
    names: &ClaimNames,
    audience: Option<&str>,
) -> Result<String, NotStrict> {
    let mut members: Vec<(String, Value<'_>, &str)> = Vec::new();
    json::object(payload, |name, value, raw| {
        members.push((name.to_owned(), value, raw));
        Ok(())
    })?;
    let find =
        |name: &str| members.iter().find(|(known, ..)| known == name).map(|(_, value, _)| *value);
    let mut own: Vec<(&str, Json)> = Vec::new();
    if let Some(value) = find(&names.subject) {
        own.push(("sub", text_or_number(value)?.into()));
    }
    let kind = match &names.kind {
        Some(KindRule::AllAccess) => Some(TokenKind::Access),
        Some(rule @ KindRule::Claim { name, .. }) => match find(name) {
            Some(Value::String(text)) => rule.of(&text.value()),
            Some(_) => return Err(NotStrict),
            None => None,
        },
        None => None,
    };
    own.extend(kind.map(|kind| ("type", kind.claim().into())));
    let mut scopes = Vec::new();
    for value in names.scopes.iter().filter_map(|name| find(name)) {
        match value {
            Value::String(text) => {
                scopes.extend(text.value().split_ascii_whitespace().map(str::to_owned));
            }
            list => scopes.extend(strings(list)?),
        }
    }
    if !scopes.is_empty() {
        own.push(("scope", scopes.join(" ").into()));
    }
    let mut roles = Vec::new();
    for value in names.roles.iter().filter_map(|name| find(name)) {
        match value {
            Value::String(text) => roles.push(text.value().into_owned()),
            list => roles.extend(strings(list)?),
        }
    }
    if !roles.is_empty() {
        own.push(("roles", roles.into()));
    }
    if find("jti").is_none() {
        own.push(("jti", hash(token).ok_or(NotStrict)?.into()));
    }
    if names.ignores_audience {
        own.extend(audience.map(|audience| ("aud", audience.into())));
    }
    let is_replaced = |name: &str| {
        ["sub", "type", "scope", "roles"].contains(&name)
            || DROPPED.contains(&name)
            || (name == "aud" && names.ignores_audience)
    };
    let mut out = String::with_capacity(payload.len() + 64);
    let mut add = |name: &str, raw: &str| {
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(&Json::from(name).to_string());
        out.push(':');
        out.push_str(raw);
    };
    for (name, value) in &own {
        add(name, &value.to_string());
    }
    for (name, _, raw) in members.iter().filter(|(name, ..)| !is_replaced(name)) {
        add(name, raw);
    }
    out.push('}');
    Ok(out)
}

/// A subject: text, or a whole number as text.
fn text_or_number(value: Value<'_>) -> Result<String, NotStrict> {
    match value {
        Value::String(text) => Ok(text.value().into_owned()),
        Value::Number { raw, .. } if raw.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
            Ok(raw.to_owned())
        }
        _ => Err(NotStrict),
    }
}

fn strings(value: Value<'_>) -> Result<Vec<String>, NotStrict> {
    let Value::Array { raw, start } = value else { return Err(NotStrict) };
    let mut all = Vec::new();
    json::array(raw, start, |element| match element {
        Value::String(text) => {
            all.push(text.value().into_owned());
            Ok(())
        }
        _ => Err(NotStrict),
    })?;
    Ok(all)
}

/// The id of a token that has none.
fn hash(token: &str) -> Option<String> {
    let mut id = String::new();
    base64url::encode(&digest(token.as_bytes(), ThumbprintHash::SHA256)?, &mut id);
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> ClaimNames {
        ClaimNames {
            subject: "user_id".to_owned(),
            kind: Some(KindRule::Claim {
                name: "use".to_owned(),
                access: "a".to_owned(),
                refresh: Some("r".to_owned()),
            }),
            scopes: vec!["scope".to_owned(), "permissions".to_owned()],
            roles: vec!["role".to_owned(), "groups".to_owned()],
            ignores_audience: true,
        }
    }

    #[test]
    fn claims_get_our_names_and_types() {
        let payload = r#"{"user_id":7,"sub":"other","use":"a","type":"refresh","scope":"x y","permissions":["z"],
            "role":"admin","groups":["a b"],"roles":["root"],"aud":["z"],"exp":9,"jti":"j","tenant":{"a":[1]},"fresh":true}"#;
        let expected = r#"{"sub":"7","type":"access","scope":"x y z","roles":["admin","a b"],"user_id":7,"use":"a","permissions":["z"],"role":"admin","groups":["a b"],"exp":9,"jti":"j","tenant":{"a":[1]}}"#;
        assert_eq!(rewrite(payload, "a.b.c", &names(), None).unwrap(), expected);
    }

    #[test]
    fn what_is_missing_stays_missing_and_a_wrong_type_is_an_error() {
        let rewritten = rewrite(r#"{"exp":9}"#, "a.b.c", &names(), None).unwrap();
        assert!(rewritten.starts_with(r#"{"jti":""#) && rewritten.ends_with(r#"","exp":9}"#));
        assert_ne!(rewritten, rewrite(r#"{"exp":9}"#, "a.b.d", &names(), None).unwrap());
        for bad in [
            r#"{"user_id":true}"#,
            r#"{"user_id":1.5}"#,
            r#"{"user_id":null}"#,
            r#"{"use":1}"#,
            r#"{"role":{}}"#,
            r#"{"groups":[1]}"#,
            r#"{"permissions":1}"#,
            r#"{"user_id":"a","user_id":"b"}"#,
            "[]",
        ] {
            assert_eq!(rewrite(bad, "a.b.c", &names(), None), Err(NotStrict), "{bad}");
        }
    }
}
