//! Key material: where the bytes of a key come from, and how they are read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::keys::load::{KeyProblem, secret_command};
use crate::keys::pem;
use crate::secret::{Secret, SecretBytes};

/// The material of a key: a secret, a PEM or a JWK, or where to read one.
///
/// | created by | the material is |
/// |---|---|
/// | `From<&str>`, `From<String>` | the string itself |
/// | `From<[u8; N]>`, `From<&[u8]>`, `From<Vec<u8>>`, [`raw`](Self::raw) | the bytes themselves |
/// | [`file`](Self::file) | the content of the file |
/// | [`base64`](Self::base64), [`hex`](Self::hex) | the decoded bytes |
///
/// Environment variables ([`Config::from_env`](crate::Config::from_env)) use prefixes instead: `file:private.pem`,
/// `base64:…`, `hex:…`; the last two also work in key files. A string in code that starts with a prefix is
/// refused, and the error names the constructor to use: otherwise the program would sign with the prefix as part
/// of its secret.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
///
/// # let encoded = "dGhlIHNlY3JldCBvZiBvbmUgaGlkZGVuIGV4YW1wbGU=";
/// let secret = KeyMaterial::base64(encoded);
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert!(Config::hs256(secret).build().is_ok());
/// assert!(Config::hs256(KeyMaterial::file("no-such-file")).build().is_err());
/// assert!(Config::hs256(format!("base64:{encoded}")).build().is_err());
/// ```
#[derive(Clone)]
pub struct KeyMaterial(Source);

#[derive(Clone)]
enum Source {
    Bytes(SecretBytes),
    Text(Secret),
    Base64(Secret),
    Hex(Secret),
    File(PathBuf),
    /// The value of a variable, or the content of a file, which may have a prefix.
    Prefixed(Secret),
}

impl KeyMaterial {
    /// The content of a file, read when the configuration is built.
    ///
    /// The path is relative to the working directory. One line break at the end is removed, and the prefixes
    /// `base64:` and `hex:` are interpreted.
    ///
    /// ```no_run
    /// use jwt_auth::{Algorithm, Config, KeyMaterial};
    ///
    /// let private = KeyMaterial::file("private.pem");
    /// let auth = Config::from_pem(Algorithm::EdDSA, private, KeyMaterial::file("public.pem")).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// Bytes in base64, in either alphabet, padded or not.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    /// assert!(Config::hs256(KeyMaterial::base64("not base64!")).build().is_err());
    /// ```
    pub fn base64(text: impl Into<String>) -> Self {
        Self(Source::Base64(text.into().into()))
    }

    /// Bytes as pairs of hexadecimal digits.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    /// assert!(Config::hs256(KeyMaterial::hex("not hex")).build().is_err());
    /// ```
    pub fn hex(digits: impl Into<String>) -> Self {
        Self(Source::Hex(digits.into().into()))
    }

    /// The bytes themselves.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    /// # let secret = *b"the secret of one hidden example";
    /// assert!(Config::hs256(KeyMaterial::raw(secret)).build().is_ok());
    /// ```
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Source::Bytes(SecretBytes::new(bytes.into())))
    }

    /// A random secret of 64 bytes, which this process creates once.
    ///
    /// Every call returns the same secret. Tokens that it signed end with the process, so it is for tests, examples and
    /// prototypes.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    /// assert!(Config::hs512(KeyMaterial::ephemeral()).build().is_ok());
    /// ```
    ///
    /// # Panics
    ///
    /// If the system has no random bytes.
    pub fn ephemeral() -> Self {
        static SECRET: OnceLock<KeyMaterial> = OnceLock::new();
        SECRET
            .get_or_init(|| {
                let mut bytes = Zeroizing::new([0; 64]);
                getrandom::fill(&mut *bytes).expect("the system has random bytes");
                Self::raw(bytes.to_vec())
            })
            .clone()
    }

    /// The value of an environment variable, which may have a prefix.
    pub(crate) fn prefixed(text: &str) -> Self {
        Self(Source::Prefixed(text.into()))
    }

    /// The bytes of the material.
    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
        match &self.0 {
            Source::Bytes(bytes) => Ok(Zeroizing::new(bytes.expose().to_vec())),
            Source::Text(text) => read_literal(text.expose()),
            Source::Base64(text) => decode_base64(text.expose()),
            Source::Hex(digits) => decode_hex(digits.expose()),
            Source::File(path) => read_file(path),
            Source::Prefixed(text) => match text.expose().strip_prefix("file:") {
                Some(path) => read_file(Path::new(path)),
                None => read_prefixed(text.expose()),
            },
        }
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<&str> for KeyMaterial {
    fn from(text: &str) -> Self {
        Self(Source::Text(text.into()))
    }
}

impl From<String> for KeyMaterial {
    fn from(text: String) -> Self {
        Self(Source::Text(text.into()))
    }
}

impl From<&String> for KeyMaterial {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Vec<u8>> for KeyMaterial {
    fn from(bytes: Vec<u8>) -> Self {
        Self::raw(bytes)
    }
}

impl From<&[u8]> for KeyMaterial {
    fn from(bytes: &[u8]) -> Self {
        Self::raw(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for KeyMaterial {
    fn from(bytes: &[u8; N]) -> Self {
        Self::raw(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for KeyMaterial {
    fn from(bytes: [u8; N]) -> Self {
        Self::raw(bytes)
    }
}

/// What is wrong with the ends of a value that came from outside, and the fix: quotes, white space, or a reference that
/// nothing replaced. Other tools remove the first two, and `docker --env-file` does not. White space around a PEM or a JWK
/// has no meaning.
pub(crate) fn stray_ends(value: &str) -> Option<(&'static str, &'static str)> {
    let is_between = |open: &str, close: char| {
        value.len() > open.len() && value.starts_with(open) && value.ends_with(close)
    };
    if is_between("\"", '"') || is_between("'", '\'') || is_between("`", '`') {
        return Some((
            "the value is in quotes, which are a part of it",
            "write it without quotes; a shell removes them, `docker --env-file` does not",
        ));
    }
    if is_between("$(", ')') || is_between("${", '}') {
        return Some((
            "the value is a reference to another variable, and nothing has replaced it",
            "define that variable; Kubernetes passes `$(NAME)` on if it does not know the name",
        ));
    }
    let is_blank = |end: Option<char>| end.is_some_and(|c| c.is_whitespace() || c == '\u{feff}');
    let mut ends = value.chars();
    let has_blank = is_blank(ends.next()) || is_blank(ends.next_back());
    let ignores_space = pem::is_pem(value.as_bytes()) || value.trim_start().starts_with('{');
    (has_blank && !ignores_space).then_some((
        "the value has white space at an end",
        "remove it; a secret from a file is written `file:` and its path, which drops one line break",
    ))
}

/// Reads a string from code. A prefix in it is a mistake: prefixes are for variables.
fn read_literal(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    for (prefix, constructor) in [("file:", "file"), ("base64:", "base64"), ("hex:", "hex")] {
        if text.starts_with(prefix) {
            return Err(KeyProblem::new(
                format!("a string in code is the key itself, and this one starts with `{prefix}`"),
                format!("write `KeyMaterial::{constructor}(…)` without the prefix"),
            ));
        }
    }
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

fn read_prefixed(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    if let Some(encoded) = text.strip_prefix("base64:") {
        return decode_base64(encoded);
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        return decode_hex(digits);
    }
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    let content = std::fs::read(path).map(Zeroizing::new).map_err(|error| {
        KeyProblem::new(
            format!("cannot read the file {}: {}", path.display(), error.kind()),
            "check the path; it is relative to the working directory",
        )
    })?;
    match std::str::from_utf8(&content) {
        Ok(text) if text.starts_with("file:") => Err(KeyProblem::new(
            format!("the file {} contains a path (`file:…`) instead of a key", path.display()),
            "write the key into the file, or name the other file directly",
        )),
        Ok(text) => {
            let text = text.strip_suffix('\n').unwrap_or(text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            match stray_ends(text) {
                Some((rule, fix)) => {
                    Err(KeyProblem::new(format!("the file {}: {rule}", path.display()), fix))
                }
                None => read_prefixed(text),
            }
        }
        Err(_) => Ok(content),
    }
}

fn decode_base64(encoded: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    let plain: Zeroizing<String> =
        Zeroizing::new(encoded.trim().trim_end_matches('=').replace('-', "+").replace('_', "/"));
    let padded = Zeroizing::new(format!("{}{}", *plain, "=".repeat((4 - plain.len() % 4) % 4)));
    STANDARD.decode(padded.as_bytes()).map(Zeroizing::new).map_err(|_| {
        KeyProblem::new(
            "the key is not valid base64",
            format!("create one and load it with `Config::from_env()`: {}", secret_command(32)),
        )
    })
}

fn decode_hex(digits: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    let digits = digits.trim().as_bytes();
    let value =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let bytes = if digits.len().is_multiple_of(2) {
        digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
    } else {
        None
    };
    bytes.map(Zeroizing::new).ok_or_else(|| {
        KeyProblem::new(
            "the key is not valid hex: it must be pairs of hexadecimal digits",
            "create one and load it with `Config::from_env()`: export JWT_AUTH_SECRET_KEY=\"hex:$(openssl rand -hex 32)\"",
        )
    })
}
