//! Rewrites the payload of a token that another implementation wrote, so that its claims have the names and types of ours.

use std::borrow::Cow;

use crate::config::{ClaimNames, ClaimPath, KindRule};
use crate::json::{self, NotStrict, Value};
use crate::keys::sha256_text;
use crate::token::object_writer::ObjectWriter;
use crate::token_kind::TokenKind;

/// The claims whose meaning only this crate defines. Those of another implementation would mean something else.
const DROPPED: [&str; 8] = ["fresh", "csrf", "gen", "s_at", "s_exp", "s_idle", "s_tmp", "s_age"];

/// The members of a payload.
pub(super) struct Payload<'a> {
    text: &'a str,
    pub(super) members: Vec<(Cow<'a, str>, Value<'a>, &'a str)>,
}

impl<'a> Payload<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, NotStrict> {
        let mut members = Vec::with_capacity(16);
        json::object_with_names(text, |name, value, raw| {
            members.push((name, value, raw));
            Ok(())
        })?;
        Ok(Self { text, members })
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.members.iter().find(|(known, ..)| known == name).map(|(_, value, _)| *value)
    }

    /// The claim at a path; `None` if any name of it is missing.
    fn at(&self, path: &ClaimPath) -> Result<Option<Value<'a>>, NotStrict> {
        let Some((first, rest)) = path.split_first() else { return Ok(None) };
        rest.iter().try_fold(self.get(first), |value, name| match value {
            Some(Value::Object(raw)) => member(raw, name),
            _ => Ok(None),
        })
    }

    /// The text of a claim.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.get(name)? {
            Value::String(text) => Some(text.value()),
            _ => None,
        }
    }

    /// The texts of a claim that is a string or an array of strings.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<Cow<'a, str>>, NotStrict> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.value()]),
            Some(list) => strings(list),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The payload with our claims. Every other claim stays as it is. An audience that is ignored is replaced by the given
    /// one.
    pub(super) fn rewrite(
        &self,
        token: &str,
        names: &ClaimNames,
        audience: Option<&str>,
    ) -> Result<String, NotStrict> {
        let mut out = ObjectWriter::with_capacity(self.text.len() + 64);
        self.write_own_claims(&mut out, token, names, audience)?;
        let is_replaced = |name: &str| {
            ["sub", "type", "scope", "roles", "jti"].contains(&name)
                || DROPPED.contains(&name)
                || (name == "aud" && names.ignores_audience)
        };
        for (name, _, raw) in self.members.iter().filter(|(name, ..)| !is_replaced(name)) {
            out.raw(name, raw);
        }
        Ok(out.finish())
    }

    /// Writes the claims that have other names or types there.
    fn write_own_claims(
        &self,
        out: &mut ObjectWriter,
        token: &str,
        names: &ClaimNames,
        audience: Option<&str>,
    ) -> Result<(), NotStrict> {
        if let Some(value) = self.at(&names.subject)? {
            out.text("sub", &text_or_number(value)?);
        }
        let kind = match &names.kind {
            Some(KindRule::AllAccess) => Some(TokenKind::Access),
            Some(rule @ KindRule::Claim { name, .. }) => match self.get(name) {
                Some(Value::String(text)) => rule.of(&text.value()),
                Some(_) => return Err(NotStrict),
                None => None,
            },
            None => None,
        };
        if let Some(kind) = kind {
            out.text("type", kind.claim());
        }
        let mut scopes = String::new();
        let mut add_scopes = |text: &str| {
            for scope in text.split_ascii_whitespace() {
                if !scopes.is_empty() {
                    scopes.push(' ');
                }
                scopes.push_str(scope);
            }
        };
        for path in &names.scopes {
            match self.at(path)? {
                None => {}
                Some(Value::String(text)) => add_scopes(&text.value()),
                Some(list) => strings(list)?.iter().for_each(|text| add_scopes(text)),
            }
        }
        if !scopes.is_empty() {
            out.text("scope", &scopes);
        }
        let mut roles = Vec::new();
        for path in &names.roles {
            match self.at(path)? {
                None => {}
                Some(Value::String(text)) => roles.push(text.value()),
                Some(Value::Object(raw)) => roles.extend(member_names(raw)?),
                Some(list) => roles.extend(strings(list)?),
            }
        }
        if !roles.is_empty() {
            out.texts("roles", &roles);
        }
        let mut id = None;
        for path in &names.ids {
            match self.at(path)? {
                Some(Value::String(text)) if id.is_none() => id = Some(text.value()),
                Some(Value::String(_)) | None => {}
                Some(_) => return Err(NotStrict),
            }
        }
        match id {
            Some(id) => out.text("jti", &id),
            // A token without an id is known by its hash.
            None => out.text("jti", &sha256_text(token.as_bytes()).ok_or(NotStrict)?),
        }
        if let Some(audience) = audience.filter(|_| names.ignores_audience) {
            out.text("aud", audience);
        }
        Ok(())
    }
}

/// A member of an object.
fn member<'a>(object: &'a str, name: &str) -> Result<Option<Value<'a>>, NotStrict> {
    let mut found = None;
    json::object(object, |known, value, _| {
        if known == name {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

fn member_names(object: &str) -> Result<Vec<Cow<'_, str>>, NotStrict> {
    let mut names = Vec::new();
    json::object_with_names(object, |name, _, _| {
        names.push(name);
        Ok(())
    })?;
    Ok(names)
}

/// A subject: text, or a whole number as text.
fn text_or_number(value: Value<'_>) -> Result<Cow<'_, str>, NotStrict> {
    match value {
        Value::String(text) => Ok(text.value()),
        Value::Number(number) if number.is_integer() => Ok(number.raw().into()),
        _ => Err(NotStrict),
    }
}

fn strings(value: Value<'_>) -> Result<Vec<Cow<'_, str>>, NotStrict> {
    let Value::Array(raw) = value else { return Err(NotStrict) };
    let mut all = Vec::new();
    json::array(raw, |element| match element {
        Value::String(text) => {
            all.push(text.value());
            Ok(())
        }
        _ => Err(NotStrict),
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ClaimPath {
        text.split('/').map(str::to_owned).collect()
    }

    fn rewrite(
        payload: &str,
        token: &str,
        names: &ClaimNames,
        audience: Option<&str>,
    ) -> Result<String, NotStrict> {
        Payload::read(payload)?.rewrite(token, names, audience)
    }

    fn names() -> ClaimNames {
        ClaimNames {
            subject: path("user_id"),
            kind: Some(KindRule::Claim {
                name: "use".to_owned(),
                access: "a".to_owned(),
                refresh: Some("r".to_owned()),
            }),
            scopes: vec![path("scope"), path("permissions")],
            roles: vec![path("role"), path("groups"), path("realm/roles"), path("a.b/projects")],
            ids: vec![path("jti"), path("uti")],
            ignores_audience: true,
        }
    }

    #[test]
    fn claims_get_our_names_and_types() {
        let payload = r#"{"user_id":7,"sub":"other","use":"a","type":"refresh","scope":"x y","permissions":["z"],
            "role":"admin","groups":["a b"],"roles":["root"],"aud":["z"],"exp":9,"jti":"j","uti":"u","tenant":{"a":[1]},"fresh":true}"#;
        let expected = r#"{"sub":"7","type":"access","scope":"x y z","roles":["admin","a b"],"jti":"j","user_id":7,"use":"a","permissions":["z"],"role":"admin","groups":["a b"],"exp":9,"uti":"u","tenant":{"a":[1]}}"#;
        assert_eq!(rewrite(payload, "a.b.c", &names(), None).unwrap(), expected);
    }

    #[test]
    fn a_path_leads_into_objects_whose_names_have_dots() {
        let payload = r#"{"realm":{"roles":["x"]},"a.b":{"projects":{"y":{"o":1},"z":{}}},"uti":"u","exp":9}"#;
        let rewritten = rewrite(payload, "a.b.c", &names(), None).unwrap();
        assert!(rewritten.starts_with(r#"{"roles":["x","y","z"],"jti":"u","#), "{rewritten}");
        let none =
            rewrite(r#"{"realm":"text","a":{"b":{"projects":{"y":1}}}}"#, "a.b.c", &names(), None);
        assert!(!none.unwrap().contains("roles"));
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
            r#"{"role":true}"#,
            r#"{"groups":[1]}"#,
            r#"{"permissions":1}"#,
            r#"{"user_id":"a","user_id":"b"}"#,
            r#"{"realm":{"roles":7}}"#,
            r#"{"jti":7}"#,
            "[]",
        ] {
            assert_eq!(rewrite(bad, "a.b.c", &names(), None), Err(NotStrict), "{bad}");
        }
    }
}
