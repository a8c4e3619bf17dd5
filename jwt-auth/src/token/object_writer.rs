//! Writes a JSON object, member by member.

use std::fmt::Write as _;

use serde_json::Value;

/// An object that is written. Its names are fixed, or come from a map, so each occurs once.
pub(super) struct ObjectWriter(String);

impl ObjectWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// A member whose value is this JSON.
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.string(value);
    }

    pub(super) fn texts<T: AsRef<str>>(&mut self, name: &str, values: &[T]) {
        self.name(name);
        self.0.push('[');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            self.string(value.as_ref());
        }
        self.0.push(']');
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    pub(super) fn value(&mut self, name: &str, value: &Value) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    /// The object.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.string(name);
        self.0.push(':');
    }

    fn string(&mut self, text: &str) {
        let needs_no_escape = text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
        if needs_no_escape {
            self.0.push('"');
            self.0.push_str(text);
            self.0.push('"');
        } else {
            let _ = write!(self.0, "{}", Value::from(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_object_can_be_read() {
        let mut out = ObjectWriter::with_capacity(0);
        out.text("a\"b", "c\\d\n");
        out.texts("list", &["x", "y\""]);
        out.texts::<&str>("none", &[]);
        out.number("n", 7);
        out.raw("o", "{}");
        let text = out.finish();
        assert_eq!(text, r#"{"a\"b":"c\\d\n","list":["x","y\""],"none":[],"n":7,"o":{}}"#);
        assert_eq!(ObjectWriter::with_capacity(0).finish(), "{}");
    }
}
