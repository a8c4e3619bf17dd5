//! A strict reader of JSON objects, in one pass and without copies.
//!
//! It refuses duplicate member names at every depth, and text after the object, as RFC 7515 §4 and RFC 7519 §4
//! require for headers and claims. Serde checks for duplicates only in the structs that it deserialises.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::LazyLock;

/// Deeper nesting is refused, which bounds the recursion.
const MAX_DEPTH: u32 = 64;
/// Up to this many names are in a list. A larger object uses a set, so that the time is proportional to its length even
/// with thousands of names.
const INLINE_NAMES: usize = 48;
/// A word whose bytes are all 1.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of each byte of a word.
const HIGH: u64 = ONES << 7;

/// The text is not a JSON object (RFC 8259), or its member names are not unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotStrict;

/// A string as written in the text, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    start: usize,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The position and length of the string in the text, if it has no escape.
    pub(crate) fn span(&self) -> Option<(usize, usize)> {
        (!self.escaped).then_some((self.start, self.raw.len()))
    }

    /// The string's value.
    pub(crate) fn value(&self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

/// A value. Arrays and objects are checked, but not parsed further.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    String(Text<'a>),
    Number {
        raw: &'a str,
        start: usize,
    },
    Bool(bool),
    Null,
    Array {
        raw: &'a str,
        start: usize,
    },
    /// With its text.
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
    member: impl FnMut(Cow<'a, str>, Value<'a>, &'a str) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, offset: 0 };
    reader.skip_blank();
    reader.read_members(0, member)?;
    reader.skip_blank();
    if reader.at == reader.bytes.len() { Ok(()) } else { Err(NotStrict) }
}

/// Reads an array that [`object`] returned, and calls `element` for each of its elements.
pub(crate) fn array<'a>(
    raw: &'a str,
    start: usize,
    element: impl FnMut(Value<'a>) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    let mut reader = Reader { text: raw, bytes: raw.as_bytes(), at: 0, offset: start };
    reader.read_elements(0, element)
}

/// The type of a value, without its text.
#[derive(Clone, Copy)]
enum Shape {
    String { escaped: bool },
    Number,
    Bool(bool),
    Null,
    Array,
    Object,
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The position of `text` in the whole text, which spans refer to.
    offset: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
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

    fn read_members(
        &mut self,
        depth: u32,
        mut member: impl FnMut(Cow<'a, str>, Value<'a>, &'a str) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        self.expect(b'{')?;
        self.skip_blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut names = Names::new(self.text);
        loop {
            self.skip_blank();
            let from = self.at;
            let escaped = self.skip_string()?;
            let (start, name) = (from + 1, &self.text[from + 1..self.at - 1]);
            self.skip_blank();
            self.expect(b':')?;
            self.skip_blank();
            let (value, raw) = self.read_value(depth)?;
            if escaped {
                let name = unescape(name);
                member(Cow::Owned(name.clone()), value, raw)?;
                names.insert_escaped(name)?;
            } else {
                member(Cow::Borrowed(name), value, raw)?;
                names.insert(name, start)?;
            }
            self.skip_blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(NotStrict),
            }
        }
    }

    fn read_elements(
        &mut self,
        depth: u32,
        mut element: impl FnMut(Value<'a>) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        self.expect(b'[')?;
        self.skip_blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.skip_blank();
            element(self.read_value(depth)?.0)?;
            self.skip_blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(NotStrict),
            }
        }
    }

    /// Reads a value, and returns it with its text.
    fn read_value(&mut self, depth: u32) -> Result<(Value<'a>, &'a str), NotStrict> {
        let from = self.at;
        let shape = self.skip_value(depth)?;
        let raw = &self.text[from..self.at];
        let start = self.offset + from;
        let value = match shape {
            Shape::String { escaped } => {
                Value::String(Text { raw: &raw[1..raw.len() - 1], start: start + 1, escaped })
            }
            Shape::Number => Value::Number { raw, start },
            Shape::Bool(flag) => Value::Bool(flag),
            Shape::Null => Value::Null,
            Shape::Array => Value::Array { raw, start },
            Shape::Object => Value::Object(raw),
        };
        Ok((value, raw))
    }

    /// Skips a value, and returns its type.
    fn skip_value(&mut self, depth: u32) -> Result<Shape, NotStrict> {
        if depth >= MAX_DEPTH {
            return Err(NotStrict);
        }
        match self.peek().ok_or(NotStrict)? {
            b'"' => self.skip_string().map(|escaped| Shape::String { escaped }),
            b'{' => self.read_members(depth + 1, |_, _, _| Ok(())).map(|()| Shape::Object),
            b'[' => self.read_elements(depth + 1, |_| Ok(())).map(|()| Shape::Array),
            b't' => self.skip_literal("true").map(|()| Shape::Bool(true)),
            b'f' => self.skip_literal("false").map(|()| Shape::Bool(false)),
            b'n' => self.skip_literal("null").map(|()| Shape::Null),
            _ => self.skip_number().map(|()| Shape::Number),
        }
    }

    fn skip_literal(&mut self, word: &str) -> Result<(), NotStrict> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(NotStrict)
        }
    }

    fn skip_digits(&mut self) -> Result<(), NotStrict> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { Err(NotStrict) }
    }

    fn skip_number(&mut self) -> Result<(), NotStrict> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.skip_digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        let exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        // A number too large for a double would have another value in other readers. The limit is a little below the
        // largest double, where readers round in different ways.
        let raw = &self.text[from..self.at];
        let fits = |number: f64| number.abs() <= 1e308;
        if raw.len() < 16 && !exponent || raw.parse().is_ok_and(fits) {
            Ok(())
        } else {
            Err(NotStrict)
        }
    }

    /// Skips a string, and returns whether it has an escape.
    fn skip_string(&mut self) -> Result<bool, NotStrict> {
        self.expect(b'"')?;
        let mut escaped = false;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.skip_escape()?;
                }
                _ => return Err(NotStrict),
            }
        }
    }

    /// Skips the plain characters of a string: eight bytes at a time, and sixteen if there are more.
    #[allow(clippy::needless_bitwise_bool, reason = "`||` is a branch for each byte")]
    fn skip_plain(&mut self) {
        while let Some(word) = self.bytes[self.at..].first_chunk().copied().map(u64::from_le_bytes)
        {
            // The subtraction borrows into the highest bit of an ASCII byte that is smaller than `than`. The
            // borrow may also set that bit in the bytes above, so only the lowest set bit counts.
            let less = |word: u64, than: u64| word.wrapping_sub(ONES * than);
            let is = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
            let special = (less(word, 0x20) | is(b'"') | is(b'\\')) & !word & HIGH;
            self.at += special.trailing_zeros() as usize / 8;
            if special != 0 {
                return;
            }
            // With the wide instructions that the compiler finds for it.
            let is_special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
            let has_special =
                |chunk: &[u8; 16]| chunk.iter().fold(false, |any, byte| any | is_special(byte));
            while self.bytes[self.at..].first_chunk().is_some_and(|chunk| !has_special(chunk)) {
                self.at += 16;
            }
        }
        while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
            self.at += 1;
        }
    }

    fn skip_escape(&mut self) -> Result<(), NotStrict> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let first = self.read_code_unit(self.at)?;
                self.at += 6;
                match first {
                    0xd800..=0xdbff => {
                        let second = self.read_code_unit(self.at)?;
                        self.at += 6;
                        if (0xdc00..=0xdfff).contains(&second) { Ok(()) } else { Err(NotStrict) }
                    }
                    0xdc00..=0xdfff => Err(NotStrict),
                    _ => Ok(()),
                }
            }
            _ => Err(NotStrict),
        }
    }

    /// Reads the four digits of the `\uXXXX` at `at`.
    fn read_code_unit(&self, at: usize) -> Result<u16, NotStrict> {
        let unit = self.bytes.get(at..at + 6).ok_or(NotStrict)?;
        if !unit.starts_with(b"\\u") || !unit[2..].iter().all(u8::is_ascii_hexdigit) {
            return Err(NotStrict);
        }
        u16::from_str_radix(&self.text[at + 2..at + 6], 16).map_err(|_| NotStrict)
    }
}

/// Decodes a string whose escapes [`Reader::skip_escape`] has checked.
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

/// The names seen in one object: a short list with a filter of 64 bits, or a set.
struct Names<'a> {
    text: &'a str,
    filter: u64,
    /// The fingerprints of the first names.
    fingerprints: [u32; INLINE_NAMES],
    /// Their positions and lengths.
    list: [(u16, u16); INLINE_NAMES],
    len: usize,
    /// Every name, as soon as there are many, or one has an escape.
    set: Option<HashSet<Cow<'a, str>, BuildHasherDefault<NameHasher>>>,
}

impl<'a> Names<'a> {
    fn new(text: &'a str) -> Self {
        let (fingerprints, list) = ([0; INLINE_NAMES], [(0, 0); INLINE_NAMES]);
        Self { text, filter: 0, fingerprints, list, len: 0, set: None }
    }

    /// Inserts a name without an escape. An error if it was seen before.
    fn insert(&mut self, name: &'a str, start: usize) -> Result<(), NotStrict> {
        let span = (u16::try_from(start), u16::try_from(name.len()));
        let is_short = self.set.is_none() && self.len < INLINE_NAMES;
        if let (true, (Ok(start), Ok(len))) = (is_short, span) {
            let fingerprint = fingerprint(name.as_bytes());
            if self.is_listed(name, fingerprint) {
                return Err(NotStrict);
            }
            self.fingerprints[self.len] = fingerprint;
            self.list[self.len] = (start, len);
            self.len += 1;
            return Ok(());
        }
        self.insert_into_set(Cow::Borrowed(name))
    }

    /// Inserts a name with an escape.
    fn insert_escaped(&mut self, name: String) -> Result<(), NotStrict> {
        self.insert_into_set(Cow::Owned(name))
    }

    fn insert_into_set(&mut self, name: Cow<'a, str>) -> Result<(), NotStrict> {
        let (text, list) = (self.text, &self.list[..self.len]);
        let all = self.set.get_or_insert_with(|| {
            // There may be many more.
            let mut all =
                HashSet::with_capacity_and_hasher(2 * INLINE_NAMES, BuildHasherDefault::default());
            all.extend(list.iter().map(|span| Cow::Borrowed(at(text, *span))));
            all
        });
        if all.insert(name) { Ok(()) } else { Err(NotStrict) }
    }

    #[allow(clippy::needless_bitwise_bool, reason = "`||` is a branch for each entry")]
    fn is_listed(&mut self, name: &str, fingerprint: u32) -> bool {
        let bit = 1_u64 << (fingerprint >> 26);
        let maybe_seen = self.filter & bit != 0;
        self.filter |= bit;
        // All entries, with the wide instructions that the compiler finds for them.
        maybe_seen
            && self.fingerprints.iter().fold(false, |found, other| found | (*other == fingerprint))
            && self.list[..self.len].iter().any(|span| at(self.text, *span) == name)
    }
}

/// A number that names with another beginning, end or length seldom share.
fn fingerprint(name: &[u8]) -> u32 {
    let (head, tail) = match (name.first_chunk(), name.last_chunk()) {
        (Some(head), Some(tail)) => (u32::from_le_bytes(*head), u32::from_le_bytes(*tail)),
        _ => (name.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)), 0),
    };
    #[allow(clippy::cast_possible_truncation, reason = "names are shorter")]
    let len = name.len() as u32;
    (head ^ tail.rotate_left(15) ^ len).wrapping_mul(0x9e37_79b1)
}

/// The text at a position, with a length.
fn at(text: &str, (start, len): (u16, u16)) -> &str {
    let (start, len) = (usize::from(start), usize::from(len));
    text.get(start..start + len).unwrap_or_default()
}

/// The secret of this process, so that no sender can construct names with one hash.
static SECRET: LazyLock<[u64; 2]> =
    LazyLock::new(|| [0, 1].map(|n| RandomState::new().hash_one(n)));

/// A hash of a name, by multiplications of whole words: much faster than `SipHash` for short names.
fn hash(name: &[u8]) -> u64 {
    let [start, factor] = *SECRET;
    let mix = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(factor | 1);
        #[allow(clippy::cast_possible_truncation, reason = "both halves are folded into one")]
        let folded = (product >> 64) as u64 ^ product as u64;
        folded
    };
    let mut state = start ^ name.len() as u64;
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
    mix(state, last)
}

/// Hashes a name for the set.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= hash(bytes);
    }

    /// The end of a string, which its length in the hash shows already.
    fn write_u8(&mut self, _: u8) {}
}

#[cfg(test)]
mod tests {
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
        assert!(!reads(&escaped_first), "the first is in the set, and has an escape");
        let far = |last: &str| format!(r#"{{"x":"{}","far":1,"{last}":2}}"#, "-".repeat(70_000));
        assert!(reads(&far("farther")));
        assert!(!reads(&far("far")), "the first is past the positions that the list can store");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(reads(&nested(60)));
        assert!(!reads(&nested(100)));
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
                Value::Array { raw, start } => array(raw, start, |element| {
                    if let Value::String(s) = element {
                        seen.push((
                            s.value().into_owned(),
                            s.span().map(|(at, len)| &text[at..at + len]),
                        ));
                    }
                    Ok(())
                })?,
                Value::Number { raw, start } => {
                    seen.push((raw.to_owned(), Some(&text[start..start + raw.len()])));
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
    }

    #[test]
    fn escapes_are_decoded_as_serde_json_does() {
        for raw in [r"\u0061b", r#"\"\\\/\b\f\n\r\t"#, r"\ud83d\ude00", "é\\u00e9"] {
            let expected: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(unescape(raw), expected);
        }
    }
}
