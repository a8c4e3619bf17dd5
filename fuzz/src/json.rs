//! JSON objects with unique names, parsed by serde.

use std::fmt;

use jwt_auth::TokenKind;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The expected result of parsing a text.
#[derive(Debug)]
pub enum Reading<T> {
    /// It is accepted, with this meaning.
    Good(T),
    /// It is refused.
    Bad,
    /// Two correct parsers may differ.
    Unsure,
}

/// The parameters of a header.
#[derive(Debug)]
pub struct Header {
    /// `alg`
    pub alg: String,
    /// `kid`
    pub kid: Option<String>,
    /// The kind that `typ` names.
    pub typ: Option<TokenKind>,
}

/// Parses a header.
#[must_use]
pub fn header(bytes: &[u8]) -> Reading<Header> {
    match object(bytes) {
        Reading::Good(members) => read_header(&members).map_or(Reading::Bad, Reading::Good),
        Reading::Bad => Reading::Bad,
        Reading::Unsure => Reading::Unsure,
    }
}

fn read_header(members: &Map<String, Value>) -> Option<Header> {
    if ["crit", "zip", "enc"].iter().any(|name| members.contains_key(*name))
        || members.get("b64").is_some_and(|b64| *b64 != Value::Bool(true))
    {
        return None;
    }
    let text = |name| match members.get(name) {
        None => Some(None),
        Some(value) => value.as_str().map(Some),
    };
    let typ = text("typ")?.map(str::to_ascii_lowercase);
    let typ = match typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ)) {
        None | Some("jwt") => None,
        Some("at+jwt") => Some(TokenKind::Access),
        Some("rt+jwt") => Some(TokenKind::Refresh),
        Some(_) => return None,
    };
    Some(Header { alg: text("alg")??.to_owned(), kid: text("kid")?.map(str::to_owned), typ })
}

/// Parses an object.
#[must_use]
pub fn object(bytes: &[u8]) -> Reading<Map<String, Value>> {
    let mut is_unsure = false;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: None, is_unsure: &mut is_unsure }.deserialize(&mut reader);
    match value.and_then(|value| reader.end().map(|()| value)) {
        _ if is_unsure => Reading::Unsure,
        Ok(Value::Object(members)) => Reading::Good(members),
        _ => Reading::Bad,
    }
}

/// A value with unique names, at most 64 levels, and numbers up to 1e308.
struct Strict<'a> {
    /// The number of containers around this value, without the outermost; `None` for the outermost itself.
    depth: Option<u32>,
    is_unsure: &'a mut bool,
}

impl Strict<'_> {
    fn inner(&mut self) -> Strict<'_> {
        Strict { depth: Some(self.depth.map_or(0, |depth| depth + 1)), is_unsure: self.is_unsure }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        if self.depth.is_some_and(|depth| depth >= 64) {
            return Err(D::Error::custom("too deep"));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // Parsers round such numbers differently.
        *self.is_unsure |= (0.999e308..1.001e308).contains(&value.abs());
        if value.abs() <= 1e308 { Ok(value.into()) } else { Err(E::custom("too large")) }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = elements.next_element_seed(self.inner())? {
            all.push(value);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner())?;
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a duplicate name"));
            }
        }
        Ok(all.into())
    }
}
