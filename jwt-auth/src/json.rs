//! A strict reader of JSON objects: one pass, nothing copied, every member name unique.
//!
//! What RFC 7515 §4 and RFC 7519 §4 ask of a header and of claims, and serde does not do for types it
//! was not told about: duplicate names are refused at every depth, nothing may follow the object.

use std::borrow::Cow;
use std::collections::HashSet;

/// Deeper nesting than this is refused; it bounds the recursion.
const MAX_DEPTH: u32 = 64;
/// Up to this many names are compared one by one; a larger object uses a set, so that a header of
/// thousands of names costs no more than its length.
const INLINE_NAMES: usize = 24;
/// A byte in each place of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// The text is not an object as RFC 8259 has it, or not with unique names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotStrict;

/// A string as it stands in the text, quotes taken off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    start: usize,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Where the string stands in the text, when it holds no escape.
    pub(crate) fn span(&self) -> Option<(usize, usize)> {
        (!self.escaped).then_some((self.start, self.raw.len()))
    }

    /// The string's value.
    pub(crate) fn value(&self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

/// A value; arrays and objects are checked and left as text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    String(Text<'a>),
    Number { raw: &'a str, start: usize },
    Bool(bool),
    Null,
    Array { raw: &'a str, start: usize },
    Object,
}

/// Reads an object, and hands its members over in their order: name, value, and the value's own text.
pub(crate) fn object<'a>(
    text: &'a str,
    member: impl FnMut(&str, Value<'a>, &'a str) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, offset: 0 };
    reader.blank();
    reader.members(0, member)?;
    reader.blank();
    if reader.at == reader.bytes.len() { Ok(()) } else { Err(NotStrict) }
}

/// Reads the elements of an array that [`object`] handed over.
pub(crate) fn array<'a>(
    raw: &'a str,
    start: usize,
    element: impl FnMut(Value<'a>) -> Result<(), NotStrict>,
) -> Result<(), NotStrict> {
    let mut reader = Reader { text: raw, bytes: raw.as_bytes(), at: 0, offset: start };
    reader.elements(0, element)
}

/// What a value was, its text aside.
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
    /// Where `text` stands in the text that spans are counted in.
    offset: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
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

    fn members(
        &mut self,
        depth: u32,
        mut member: impl FnMut(&str, Value<'a>, &'a str) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        self.expect(b'{')?;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut names = Names::new(self.text);
        loop {
            self.blank();
            let from = self.at;
            let escaped = self.string()?;
            let (start, name) = (from + 1, &self.text[from + 1..self.at - 1]);
            self.blank();
            self.expect(b':')?;
            self.blank();
            let (value, raw) = self.value(depth)?;
            if escaped {
                let name = unescape(name);
                member(&name, value, raw)?;
                names.insert_other(name)?;
            } else {
                member(name, value, raw)?;
                names.insert(name, start)?;
            }
            self.blank();
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

    fn elements(
        &mut self,
        depth: u32,
        mut element: impl FnMut(Value<'a>) -> Result<(), NotStrict>,
    ) -> Result<(), NotStrict> {
        self.expect(b'[')?;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            element(self.value(depth)?.0)?;
            self.blank();
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

    /// A value, and its own text.
    fn value(&mut self, depth: u32) -> Result<(Value<'a>, &'a str), NotStrict> {
        let from = self.at;
        let shape = self.shape(depth)?;
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
            Shape::Object => Value::Object,
        };
        Ok((value, raw))
    }

    /// Passes over a value, and says what it was.
    fn shape(&mut self, depth: u32) -> Result<Shape, NotStrict> {
        if depth >= MAX_DEPTH {
            return Err(NotStrict);
        }
        match self.peek().ok_or(NotStrict)? {
            b'"' => self.string().map(|escaped| Shape::String { escaped }),
            b'{' => self.members(depth + 1, |_, _, _| Ok(())).map(|()| Shape::Object),
            b'[' => self.elements(depth + 1, |_| Ok(())).map(|()| Shape::Array),
            b't' => self.literal("true").map(|()| Shape::Bool(true)),
            b'f' => self.literal("false").map(|()| Shape::Bool(false)),
            b'n' => self.literal("null").map(|()| Shape::Null),
            _ => self.number().map(|()| Shape::Number),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), NotStrict> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(NotStrict)
        }
    }

    fn digits(&mut self) -> Result<(), NotStrict> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { Err(NotStrict) }
    }

    fn number(&mut self) -> Result<(), NotStrict> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // What no double holds would read as something else further on. A little room below the largest
        // double, since readers round there in different ways.
        let raw = &self.text[from..self.at];
        let holds = |number: f64| number.abs() <= 1e308;
        if raw.len() < 16 && !exponent || raw.parse().is_ok_and(holds) {
            Ok(())
        } else {
            Err(NotStrict)
        }
    }

    /// Passes over a string, and says whether there was an escape in it.
    fn string(&mut self) -> Result<bool, NotStrict> {
        self.expect(b'"')?;
        let mut escaped = false;
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(NotStrict),
            }
        }
    }

    /// Passes over what stands for itself in a string, eight bytes at a time.
    fn plain(&mut self) {
        while let Some(word) = self.bytes[self.at..].first_chunk().copied().map(u64::from_le_bytes)
        {
            // A byte of ASCII that is less borrows into its highest bit. So may the bytes above one that
            // did; the lowest is what counts.
            let less = |word: u64, than: u64| word.wrapping_sub(ONES * than);
            let is = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
            let special = (less(word, 0x20) | is(b'"') | is(b'\\')) & !word & HIGH;
            self.at += special.trailing_zeros() as usize / 8;
            if special != 0 {
                return;
            }
        }
        while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<(), NotStrict> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let first = self.code_unit(self.at)?;
                self.at += 6;
                match first {
                    0xd800..=0xdbff => {
                        let second = self.code_unit(self.at)?;
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

    /// The four digits of `\uXXXX` at `at`.
    fn code_unit(&self, at: usize) -> Result<u16, NotStrict> {
        let unit = self.bytes.get(at..at + 6).ok_or(NotStrict)?;
        if !unit.starts_with(b"\\u") || !unit[2..].iter().all(u8::is_ascii_hexdigit) {
            return Err(NotStrict);
        }
        u16::from_str_radix(&self.text[at + 2..at + 6], 16).map_err(|_| NotStrict)
    }
}

/// The value of a string whose escapes [`Reader::escape`] has checked.
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

/// The names seen in one object: a filter of 64 bits, then a short list, then a set.
struct Names<'a> {
    text: &'a str,
    filter: u64,
    /// Where each stands, and how long it is.
    list: [(u16, u16); INLINE_NAMES],
    len: usize,
    /// Those past the list, and those whose text had an escape.
    rest: Option<HashSet<Cow<'a, str>>>,
}

impl<'a> Names<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, filter: 0, list: [(0, 0); INLINE_NAMES], len: 0, rest: None }
    }

    /// A name as it stands in the text.
    fn insert(&mut self, name: &'a str, start: usize) -> Result<(), NotStrict> {
        self.refuse_seen(name)?;
        let place = (u16::try_from(start), u16::try_from(name.len()));
        if let ((Ok(start), Ok(len)), Some(free)) = (place, self.list.get_mut(self.len)) {
            *free = (start, len);
            self.len += 1;
        } else {
            // Whoever has more than the list holds may have many more.
            let rest = self.rest.get_or_insert_with(|| HashSet::with_capacity(4 * INLINE_NAMES));
            rest.insert(Cow::Borrowed(name));
        }
        Ok(())
    }

    /// A name whose text had an escape.
    fn insert_other(&mut self, name: String) -> Result<(), NotStrict> {
        self.refuse_seen(&name)?;
        self.rest.get_or_insert_default().insert(Cow::Owned(name));
        Ok(())
    }

    fn refuse_seen(&mut self, name: &str) -> Result<(), NotStrict> {
        let bytes = name.as_bytes();
        let ends =
            [bytes.first(), bytes.last()].map(|byte| byte.map_or(0, |byte| u64::from(*byte)));
        let bit = 1_u64 << ((ends[0].wrapping_mul(7) ^ ends[1] ^ (name.len() as u64) << 2) % 64);
        let maybe_seen = self.filter & bit != 0;
        self.filter |= bit;
        let same = |(start, len): &(u16, u16)| {
            let start = usize::from(*start);
            self.text.get(start..start + usize::from(*len)) == Some(name)
        };
        let seen = maybe_seen
            && (self.list[..self.len].iter().any(same)
                || self.rest.as_ref().is_some_and(|rest| rest.contains(name)));
        if seen { Err(NotStrict) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reads(text: &str) -> bool {
        object(text, |_, _, _| Ok(())).is_ok()
    }

    #[test]
    fn objects_and_nothing_else() {
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
    fn duplicate_names_at_every_depth() {
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
        assert!(!reads(&many("n3")), "in the list");
        assert!(!reads(&many("n150")), "in the set");
        let escaped_first = many("a").replacen('{', r#"{"\u0061":0,"#, 1);
        assert!(!reads(&escaped_first), "in the set, and escaped");
        let far = |last: &str| format!(r#"{{"x":"{}","far":1,"{last}":2}}"#, "-".repeat(70_000));
        assert!(reads(&far("farther")));
        assert!(!reads(&far("far")), "beyond what the list can point at");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(reads(&nested(60)));
        assert!(!reads(&nested(100)));
        assert!(!reads(&nested(100_000)), "no stack overflow");
    }

    #[test]
    fn spans_point_at_the_value() {
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

    /// What another reader makes of the text: whether it is an object whose names are unique at every depth.
    fn reads_elsewhere(text: &str) -> bool {
        use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
        struct Unique;
        struct Reads;
        impl<'de> Deserialize<'de> for Unique {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reads)
            }
        }
        impl<'de> Visitor<'de> for Reads {
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
                        return Err(serde::de::Error::custom("twice"));
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
        fn another_reader_takes_the_same_texts(
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
            // Numbers near the largest double are read here by a rule of our own, narrower than the others'.
            let elsewhere = reads_elsewhere(&text);
            if reads(&text) != elsewhere {
                let text = text.to_ascii_lowercase().replace('+', "");
                prop_assert!(elsewhere && text.contains("e30"), "{}", text);
            }
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
