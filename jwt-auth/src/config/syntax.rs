//! The characters that names in HTTP may contain.

/// A character of `token` (RFC 9110 §5.6.2): methods, header names, schemes, cookie names.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[byte as usize]
}

/// A table, because each guard looks one up.
const TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut others: &[u8] = b"!#$%&'*+-.^_`|~";
    while let [other, rest @ ..] = others {
        table[*other as usize] = true;
        others = rest;
    }
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// A `token` (RFC 9110 §5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// A name that needs no encoding in a query or a form (RFC 3986 §2.3).
pub(super) fn is_unreserved(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}
