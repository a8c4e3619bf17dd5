//! A strict reader of JSON objects, in one pass and without copies.
//!
//! It refuses duplicate member names at every depth, and text after the object, as RFC 7515 §4 and RFC 7519 §4
//! require for headers and claims. Serde checks for duplicates only in the structs that it deserialises.

use std::borrow::Cow;

use crate::json::names::Names;

/// Deeper nesting is refused, which bounds the recursion.
const MAX_DEPTH: usize = 64;
/// A word whose bytes are all 1.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of each byte of a word.
const HIGH: u64 = ONES << 7;

/// The text is not a JSON object (RFC 8259), its member names are not unique, it is nested too deeply, or a number is too
/// large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotStrict;

/// A string in the text.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    whole: &'a str,
    /// The position after the quote.
    start: usize,
    /// The position of the last quote.
    end: usize,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The position and length of the string in the text, if it has no escape.
    pub(crate) fn span(self) -> Option<(usize, usize)> {
        (!self.escaped).then_some((self.start, self.end - self.start))
    }

    /// The string's value.
    #[inline]
    pub(crate) fn value(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw())) } else { Cow::Borrowed(self.raw()) }
    }

    fn raw(self) -> &'a str {
        &self.whole[self.start..self.end]
    }

    /// The same as bytes, which needs no search for the boundaries of characters.
    fn raw_bytes(self) -> &'a [u8] {
        &self.whole.as_bytes()[self.start..self.end]
    }
}

/// A number in the text.
#[derive(Clone, Copy)]
pub(crate) struct Number<'a> {
    whole: &'a str,
    start: usize,
    end: usize,
    /// Its value, if it is written with digits alone, and at most 2^64 - 1.
    pub(crate) natural: Option<u64>,
}

impl<'a> Number<'a> {
    pub(crate) fn raw(&self) -> &'a str {
        &self.whole[self.start..self.end]
    }

    /// The position and length of the number in the text.
    pub(crate) fn span(&self) -> (usize, usize) {
        (self.start, self.end - self.start)
    }

    /// Whether it has neither a fraction nor an exponent.
    pub(crate) fn is_integer(&self) -> bool {
        self.raw().bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    }
}

/// A value. Arrays and objects are checked, and returned as text.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    String(Text<'a>),
    Number(Number<'a>),
    Bool(bool),
    Null,
    Array(&'a str),
    Object(&'a str),
}

/// Reads an object, and calls `member` for each of its members in order: name, value, and the value's text.
pub(crate) fn object<'a>(
    text: &'a str,
    mut member: impl FnMut(&str, Value<'a>, &'a str) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    object_with_names(text, |name, value, raw| member(&name, value, raw))
}

/// The same, for a reader that keeps the names.
pub(crate) fn object_with_names<'a>(
    text: &'a str,
    mut member: impl FnMut(Cow<'a, str>, Value<'a>, &'a str) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    members(text, |reader, _, name| {
        let from = reader.at;
        let value = reader.value()?;
        member(name.value(), value, &text[from..reader.at])
    })
}

/// Reads an object, and calls `member` for each of its members in order, with the name as bytes and as text. `member` reads
/// the value.
pub(crate) fn members<'a>(
    text: &'a str,
    member: impl FnMut(&mut Reader<'a>, &[u8], Text<'a>) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    let mut reader = Reader::new(text);
    reader.skip_blank();
    reader.members(member)?;
    reader.skip_blank();
    if reader.at == text.len() { Ok(()) } else { Err(NotStrict) }
}

/// Reads an array that [`object`] returned, and calls `element` for each of its elements.
pub(crate) fn array<'a>(
    raw: &'a str,
    mut element: impl FnMut(Value<'a>) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    Reader::new(raw).elements(|reader| element(reader.value()?))
}

/// A position in the text. Each method reads what it names, or fails.
///
/// The methods are short, and what is longer is a function that takes the position and returns another. The compiler can
/// then keep the position in a register.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The number of arrays and objects around the position.
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 1 }
    }

    /// The text that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte, which tells the type of a value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotStrict> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(NotStrict)
        }
    }

    /// An object. `member` reads the value.
    fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8], Text<'a>) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        let mut names = Names::new();
        self.list(b'{', b'}', |reader| {
            let text = reader.string()?;
            let unescaped;
            let name = if text.escaped {
                unescaped = unescape(text.raw());
                unescaped.as_bytes()
            } else {
                text.raw_bytes()
            };
            reader.skip_blank();
            reader.expect(b':')?;
            reader.skip_blank();
            member(reader, name, text)?;
            names.insert(name)
        })
    }

    /// An array. `element` reads the value.
    pub(crate) fn elements(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        self.list(b'[', b']', element)
    }

    fn list(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        self.expect(open)?;
        self.skip_blank();
        if self.peek() != Some(close) {
            loop {
                item(self)?;
                self.skip_blank();
                if self.peek() != Some(b',') {
                    break;
                }
                self.at += 1;
                self.skip_blank();
            }
        }
        self.expect(close)
    }

    /// Any value.
    pub(crate) fn value(&mut self) -> Result<Value<'a>, NotStrict> {
        let from = self.at;
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b't' | b'f') => self.boolean().map(Value::Bool),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            first => {
                self.skip_value()?;
                let raw = &self.text[from..self.at];
                Ok(match first {
                    Some(b'{') => Value::Object(raw),
                    Some(b'[') => Value::Array(raw),
                    _ => Value::Null,
                })
            }
        }
    }

    #[inline]
    pub(crate) fn skip_value(&mut self) -> Result<(), NotStrict> {
        self.at = match self.peek() {
            Some(b'"') => string_end(self.text, self.at)?.0,
            _ => value_end(*self)?,
        };
        Ok(())
    }

    pub(crate) fn string(&mut self) -> Result<Text<'a>, NotStrict> {
        let start = self.at + 1;
        let (end, escaped) = string_end(self.text, self.at)?;
        self.at = end;
        Ok(Text { whole: self.text, start, end: end - 1, escaped })
    }

    pub(crate) fn number(&mut self) -> Result<Number<'a>, NotStrict> {
        let number = number_at(self.text, self.at)?;
        self.at = number.end;
        Ok(number)
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, NotStrict> {
        let flag = self.peek() == Some(b't');
        self.literal(if flag { b"true" } else { b"false" }).map(|()| flag)
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), NotStrict> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(NotStrict)
        }
    }
}

/// The end of a value that is no string.
fn value_end(mut reader: Reader<'_>) -> Result<usize, NotStrict> {
    reader.depth += 1;
    match reader.peek() {
        Some(b'{' | b'[') if reader.depth > MAX_DEPTH => return Err(NotStrict),
        Some(b'{') => reader.members(|reader, _, _| reader.skip_value())?,
        Some(b'[') => reader.elements(Reader::skip_value)?,
        Some(b't' | b'f') => reader.boolean().map(|_| ())?,
        Some(b'n') => reader.literal(b"null")?,
        _ => reader.number().map(|_| ())?,
    }
    Ok(reader.at)
}

fn number_at(text: &str, start: usize) -> Result<Number<'_>, NotStrict> {
    let byte = |at: usize| text.as_bytes().get(at);
    let is_negative = byte(start) == Some(&b'-');
    let first = start + usize::from(is_negative);
    let (value, mut end) = match byte(first) {
        Some(b'0') => (Some(0), first + 1),
        _ => digits_at(text, first)?,
    };
    let is_integer = !matches!(byte(end), Some(b'.' | b'e' | b'E'));
    if is_integer && value.is_some() {
        let natural = value.filter(|_| !is_negative);
        return Ok(Number { whole: text, start, end, natural });
    }
    if byte(end) == Some(&b'.') {
        end = digits_at(text, end + 1)?.1;
    }
    if matches!(byte(end), Some(b'e' | b'E')) {
        let has_sign = matches!(byte(end + 1), Some(b'+' | b'-'));
        end = digits_at(text, end + 1 + usize::from(has_sign))?.1;
    }
    // A number too large for a double would have another value in other readers. The limit is a little below the
    // largest double, where readers round in different ways.
    let number = Number { whole: text, start, end, natural: None };
    let fits = |number: f64| number.abs() <= 1e308;
    if number.raw().parse().is_ok_and(fits) { Ok(number) } else { Err(NotStrict) }
}

/// The value of at least one digit, if it fits, and their end.
fn digits_at(text: &str, start: usize) -> Result<(Option<u64>, usize), NotStrict> {
    let (mut value, mut end) = (Some(0_u64), start);
    while let Some(digit @ b'0'..=b'9') = text.as_bytes().get(end) {
        let digit = u64::from(digit - b'0');
        value = value.and_then(|value| value.checked_mul(10)?.checked_add(digit));
        end += 1;
    }
    if end > start { Ok((value, end)) } else { Err(NotStrict) }
}

/// The position after a string, and whether it has an escape.
fn string_end(text: &str, start: usize) -> Result<(usize, bool), NotStrict> {
    let bytes = text.as_bytes();
    let mut escaped = false;
    if bytes.get(start) != Some(&b'"') {
        return Err(NotStrict);
    }
    let mut at = start + 1;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => at = escape_end(text, at)?,
            _ => return Err(NotStrict),
        }
        escaped = true;
    }
}

/// The end of the plain characters of a string. It reads eight bytes twice, then sixteen at a time up to the last sixteen,
/// and starts again.
#[allow(clippy::needless_bitwise_bool, reason = "`||` is a branch for each byte")]
fn plain_end(bytes: &[u8], start: usize) -> usize {
    // With the wide instructions that the compiler finds for it.
    let is_special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    let is_plain = |chunk: &[u8; 16]| !chunk.iter().fold(false, |any, byte| any | is_special(byte));
    let rest = |at: usize| bytes.get(at..).unwrap_or_default();
    let mut at = start;
    loop {
        for _ in 0..2 {
            let Some(word) = rest(at).first_chunk() else {
                let last = rest(at).iter().position(is_special);
                return at + last.unwrap_or(rest(at).len());
            };
            let special = special_bytes(u64::from_le_bytes(*word));
            if special != 0 {
                return at + special.trailing_zeros() as usize / 8;
            }
            // A constant, so that the next word does not wait for this one.
            at += 8;
        }
        while rest(at).first_chunk().is_some_and(is_plain) {
            at += 16;
        }
    }
}

/// The bytes of a word that are no plain characters. The lowest bit that is set belongs to the first of them. Higher bits may
/// be wrong.
fn special_bytes(word: u64) -> u64 {
    // The subtraction borrows into the highest bit of an ASCII byte that is smaller than `than`, and maybe into the bytes
    // above it.
    let less = |word: u64, than: u64| word.wrapping_sub(ONES * than);
    let is = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, 0x20) | is(b'"') | is(b'\\')) & !word & HIGH
}

/// The position after an escape.
fn escape_end(text: &str, start: usize) -> Result<usize, NotStrict> {
    match text.as_bytes().get(start + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(start + 2),
        Some(b'u') => {
            let end = start + 6;
            match code_unit_at(text, start)? {
                0xd800..=0xdbff => {
                    let second = code_unit_at(text, end)?;
                    if (0xdc00..=0xdfff).contains(&second) { Ok(end + 6) } else { Err(NotStrict) }
                }
                0xdc00..=0xdfff => Err(NotStrict),
                _ => Ok(end),
            }
        }
        _ => Err(NotStrict),
    }
}

/// Reads the four digits of a `\uXXXX`.
fn code_unit_at(text: &str, start: usize) -> Result<u16, NotStrict> {
    let unit = text.as_bytes().get(start..start + 6).ok_or(NotStrict)?;
    if !unit.starts_with(b"\\u") || !unit[2..].iter().all(u8::is_ascii_hexdigit) {
        return Err(NotStrict);
    }
    u16::from_str_radix(&text[start + 2..start + 6], 16).map_err(|_| NotStrict)
}

/// Decodes a string whose escapes [`escape_end`] has checked.
#[cold]
#[inline(never)]
fn unescape(raw: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let value = if c == '\\' {
            match chars.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xfffd));
                    continue;
                }
                Some(other) => other,
                None => break,
            }
        } else {
            c
        };
        units.extend_from_slice(value.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn reads(text: &str) -> bool {
        object(text, |_, _, _| Ok(())).is_ok()
    }

    #[test]
    fn only_objects_are_accepted() {
        for good in [
            "{}",
            " { } ",
            r#"{"a":1,"b":[1,{"a":null}],"c":"\u00e9\ud83d\ude00\n"}"#,
            r#"{"":-0.5e+10}"#,
        ] {
            assert!(reads(good), "{good}");
        }
        for bad in [
            "",
            "[]",
            "1",
            "null",
            "\"a\"",
            "{",
            "{}x",
            "{} {}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r"{a:1}",
            r"{'a':1}",
            r#"{"a":01}"#,
            r#"{"a":+1}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e}"#,
            r#"{"a":NaN}"#,
            r#"{"a":tru}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00"}"#,
            r#"{"a":"\u00g0"}"#,
            r#"{"a":"\u+123"}"#,
            r#"{"a":"\ud83d__de00"}"#,
            r#"{"a":"\ud83d\n0de00"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[}"#,
            "\u{feff}{}",
            r#"{"a":-}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1e999}"#,
            r#"{"a":[-1e400]}"#,
        ] {
            assert!(!reads(bad), "{bad}");
        }
    }

    #[test]
    fn duplicate_names_are_refused_at_every_depth() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"\u0061":1,"a":2}"#,
            r#"{"\u0061":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[[{"a":1,"b":2,"a":3}]]}"#,
        ] {
            assert!(!reads(bad), "{bad}");
        }
        assert!(reads(r#"{"a":{"a":1},"b":{"a":1}}"#));
        let many = |last: &str| {
            let names: Vec<String> = (0..200).map(|n| format!("\"n{n}\":{n}")).collect();
            format!("{{{},\"{last}\":0}}", names.join(","))
        };
        assert!(reads(&many("fresh")));
        assert!(!reads(&many("n3")), "the first is in the list");
        assert!(!reads(&many("n150")), "the first is in the set");
        let escaped_first = many("a").replacen('{', r#"{"\u0061":0,"#, 1);
        assert!(!reads(&escaped_first), "the first has an escape");
    }

    #[test]
    fn a_special_byte_is_found_at_every_place_of_a_string() {
        for at in 0..70 {
            for special in (0..0x20).chain([b'"', b'\\']) {
                let mut bytes = [b'-'; 70];
                bytes[at] = special;
                let text = std::str::from_utf8(&bytes).unwrap();
                assert!(!reads(&format!(r#"{{"a":"{text}"}}"#)), "{special} at {at}");
            }
            let escaped = format!("{}\\n{}", "é".repeat(at), "-".repeat(70 - at));
            assert!(reads(&format!(r#"{{"a":"{escaped}"}}"#)), "an escape at {at}");
        }
    }

    #[test]
    fn names_of_other_lengths_are_other_names() {
        for (one, other) in [
            ("a", "\\u0000b"),
            ("1000", "10000"),
            ("lana", "lanana"),
            ("Larson", "Larsson"),
            ("00000000", "100000000"),
            ("ayyyyyyyz", "byyyyyyyyz"),
        ] {
            assert!(reads(&format!(r#"{{"{one}":1,"{other}":2}}"#)), "{one} {other}");
        }
        let numbers: Vec<String> = (0..20_000).map(|number| format!("\"{number}\":1")).collect();
        assert!(reads(&format!("{{{}}}", numbers.join(","))));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
        assert!(reads(&nested(63)) && reads(&objects(64)), "64 levels");
        assert!(!reads(&nested(64)) && !reads(&objects(65)));
        let side_by_side = |of: &str| format!("{{\"a\":[{}1]}}", of.repeat(100));
        assert!(reads(&side_by_side("[],")) && reads(&side_by_side("[1],{\"a\":{}},")));
        assert!(!reads(&nested(100_000)), "and does not overflow the stack");
    }

    #[test]
    fn spans_are_the_positions_of_values() {
        let text = r#"{ "a" : "xyz", "b":["p","q\n"], "n": 12 }"#;
        let mut seen = Vec::new();
        object(text, |name, value, _| {
            match value {
                Value::String(s) => {
                    seen.push((name.to_owned(), s.span().map(|(at, len)| &text[at..at + len])));
                }
                Value::Array(raw) => array(raw, |element| {
                    if let Value::String(s) = element {
                        seen.push((
                            s.value().into_owned(),
                            s.span().map(|(at, len)| &raw[at..at + len]),
                        ));
                    }
                    Ok(())
                })?,
                Value::Number(number) => {
                    let (at, len) = number.span();
                    seen.push((number.raw().to_owned(), Some(&text[at..at + len])));
                }
                _ => {}
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(
            seen,
            [
                ("a".to_owned(), Some("xyz")),
                ("p".to_owned(), Some("p")),
                ("q\n".to_owned(), None),
                ("12".to_owned(), Some("12")),
            ]
        );
    }

    /// Whether `serde_json` reads the text as an object whose names are unique at every depth.
    fn serde_json_reads(text: &str) -> bool {
        use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
        struct Unique;
        struct UniqueVisitor;
        impl<'de> Deserialize<'de> for Unique {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(UniqueVisitor)
            }
        }
        impl<'de> Visitor<'de> for UniqueVisitor {
            type Value = Unique;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
                while seq.next_element::<Unique>()?.is_some() {}
                Ok(Unique)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut names = HashSet::new();
                while let Some((name, _)) = map.next_entry::<String, Unique>()? {
                    if !names.insert(name) {
                        return Err(serde::de::Error::custom("duplicate name"));
                    }
                }
                Ok(Unique)
            }
        }
        text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{')
            && serde_json::from_str::<Unique>(text).is_ok()
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(|number| serde_json::json!(number)),
            ".{0,20}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map("[ab\"\\\\é]{0,3}", inner, 0..8)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn serde_json_accepts_the_same_texts(
            members in prop::collection::vec(("[a-d]{1,2}|.{0,10}", json()), 0..30),
            edits in prop::collection::vec(
                (any::<prop::sample::Index>(), 0_usize..3, "[\\[\\]{}:,\"\\\\0-9eE+.u -]{0,3}|.?"), 0..3,
            ),
        ) {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}:{value}", serde_json::json!(name)))
                .collect();
            let mut text = format!("{{{}}}", members.join(","));
            for (at, cut, put) in &edits {
                let at = text.floor_char_boundary(at.index(text.len() + 1));
                let end = text.ceil_char_boundary((at + cut).min(text.len()));
                text.replace_range(at..end, put);
            }
            // Numbers near the largest double are refused here, and accepted by `serde_json`.
            let accepts = serde_json_reads(&text);
            if reads(&text) != accepts {
                let text = text.to_ascii_lowercase().replace('+', "");
                prop_assert!(accepts && text.contains("e30"), "{}", text);
            }
        }
    }

    proptest! {
        /// With names that differ in their last letters only, and escapes at any place.
        #[test]
        fn a_name_is_accepted_once_however_many_there_are(
            numbers in prop::collection::vec((0_u32..2_000, prop::bool::weighted(0.03)), 1..80),
        ) {
            let name = |(number, escaped): &(u32, bool)| match escaped {
                true => format!("\\u0063laim{number:04}"),
                false => format!("claim{number:04}"),
            };
            let members: Vec<_> = numbers.iter().map(|one| format!("\"{}\":1", name(one))).collect();
            let mut names: Vec<u32> = numbers.iter().map(|(number, _)| *number).collect();
            names.sort_unstable();
            let is_unique = names.windows(2).all(|pair| pair[0] != pair[1]);
            prop_assert_eq!(reads(&format!("{{{}}}", members.join(","))), is_unique);
        }

        /// With names of few letters and many lengths, which differ in one place or only in their length.
        #[test]
        fn similar_names_are_told_apart(names in prop::collection::vec("[01]{0,20}", 1..80)) {
            let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":1")).collect();
            let unique: HashSet<&String> = names.iter().collect();
            prop_assert_eq!(reads(&format!("{{{}}}", members.join(","))), unique.len() == names.len());
        }
    }

    #[test]
    fn escapes_are_decoded_as_serde_json_does() {
        for raw in [r"\u0061b", r#"\"\\\/\b\f\n\r\t"#, r"\ud83d\ude00", "é\\u00e9"] {
            let expected: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(unescape(raw), expected);
        }
    }
}
