//! The address of a request, in one form for every way to write it (RFC 3986 §6.2, RFC 9449 §4.3).

/// The address without query and fragment: scheme and host in lower case, no default port, a path, and percent-encoding only
/// where it is needed. `None` if it is no http address, or contains a user.
pub(super) fn normalized(address: &str) -> Option<String> {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = address.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    if authority.is_empty() || authority.contains(['@', ' ']) {
        return None;
    }
    let path = if path.is_empty() { "/".to_owned() } else { normalized_path(path)? };
    Some(format!("{scheme}://{authority}{path}"))
}

/// Decodes what needs no encoding, and writes the other triplets in upper case. `None` for a broken triplet.
fn normalized_path(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&digits.to_ascii_uppercase());
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn one_address_has_one_form() {
        for same in [
            "https://api.example/notes/1",
            "HTTPS://API.example/notes/1",
            "https://api.example:443/notes/1",
            "https://api.example/notes/1?page=2",
            "https://api.example/notes/1#top",
            "https://api.example/notes/1?a=%zz#b?c",
            "https://api.example/%6eotes/%31",
        ] {
            assert_eq!(normalized(same).as_deref(), Some("https://api.example/notes/1"), "{same}");
        }
        assert_eq!(normalized("http://[::1]:80").as_deref(), Some("http://[::1]/"));
        assert_eq!(normalized("http://h/%2f%e4").as_deref(), Some("http://h/%2F%E4"));
        for other in [
            "https://api.example/notes/1/",
            "https://api.example/Notes/1",
            "https://api.example:8443/notes/1",
            "http://api.example/notes/1",
            "https://api.example//notes/1",
        ] {
            assert_ne!(
                normalized(other).as_deref(),
                Some("https://api.example/notes/1"),
                "{other}"
            );
        }
        for bad in [
            "",
            "/notes/1",
            "https://",
            "ftp://api.example/",
            "https://a@b/",
            "https://a/%4",
            "https://a/%zz",
        ] {
            assert_eq!(normalized(bad), None, "{bad}");
        }
    }
}
