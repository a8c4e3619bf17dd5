//! Loading a key: every rule about key material (RFC 7518 §3, RFC 8037, our R10) is judged here, once.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::EllipticCurve;
use jsonwebtoken::{DecodingKey, EncodingKey};
use zeroize::Zeroizing;

use crate::keys::backend::{self, LONGEST_SIGNATURE, Signer, Verifier};
use crate::keys::key::{Material, Source};
use crate::keys::known::KnownHeaders;
use crate::keys::thumbprint::thumbprint;
use crate::keys::{Algorithm, Family, Key, KeyMaterial, jwk, weak};

/// What is wrong with a key, and the line to write; never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyProblem {
    pub(crate) rule: String,
    pub(crate) fix: String,
}

impl KeyProblem {
    pub(crate) fn new(rule: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { rule: rule.into(), fix: fix.into() }
    }
}

/// Which of the load's rules `danger` has lifted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leniency {
    pub(crate) short_secrets: bool,
}

/// A key that has passed every rule, ready to verify and perhaps to sign.
pub(crate) struct LoadedKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) id: Option<Arc<str>>,
    /// The public material, or the secret: what tells two keys apart.
    fingerprint: Zeroizing<Vec<u8>>,
    verifier: Verifier,
    signer: Option<Signer>,
    signature_len: usize,
    known_headers: KnownHeaders,
}

impl LoadedKey {
    /// The headers that this key's tokens bear when nothing is added to them.
    pub(crate) fn known_headers(&self) -> &KnownHeaders {
        &self.known_headers
    }

    pub(crate) fn can_sign(&self) -> bool {
        self.signer.is_some()
    }

    /// Bytes of a signature.
    pub(crate) fn signature_len(&self) -> usize {
        self.signature_len
    }

    pub(crate) fn same_material(&self, other: &Self) -> bool {
        crate::secret::same_bytes(&self.fingerprint, &other.fingerprint)
    }

    /// Whether the signature is this key's over the message.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_len && self.verifier.verify(message, signature)
    }

    /// Fills the room with the key's signature over the message, and says how long it is; `None` when the
    /// key cannot sign.
    pub(crate) fn sign(&self, message: &[u8], room: &mut [u8; LONGEST_SIGNATURE]) -> Option<usize> {
        let signer = self.signer.as_ref()?;
        signer.sign(message, room.get_mut(..self.signature_len)?).then_some(self.signature_len)
    }
}

impl fmt::Debug for LoadedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .field("can_sign", &self.can_sign())
            .finish_non_exhaustive()
    }
}

/// Judges a key and makes it ready.
pub(crate) fn load(key: &Key, leniency: Leniency) -> Result<LoadedKey, KeyProblem> {
    let mut id = key.id.clone();
    let loaded = match &key.source {
        Source::Secret(algorithm, material) => from_secret(*algorithm, &read(material)?, leniency),
        Source::Pem { algorithm, private, public } => {
            from_pem(*algorithm, private.as_ref(), public.as_ref())
        }
        Source::Jwk(json) => {
            let text = read(json)?;
            let jwk = jwk::Jwk::read(&text)?;
            id = id.or_else(|| jwk.id.clone());
            from_jwk(&jwk, leniency)
        }
    }?;
    if key.thumbprint_id {
        let LoadedKey { algorithm, fingerprint, signature_len, .. } = &loaded;
        id = Some(thumbprint(*algorithm, fingerprint, *signature_len).ok_or_else(|| {
            KeyProblem::new(
                "a shared secret has no thumbprint that may be shown (RFC 7638 §7)",
                "give the key an id of its own: `.id(\"2026-01\")`",
            )
        })?);
    }
    if id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 256) {
        return Err(KeyProblem::new(
            "a key id has 1 to 256 bytes",
            "give the key a short id: `.id(\"2026-01\")`",
        ));
    }
    let known_headers = KnownHeaders::new(loaded.algorithm, id.as_deref());
    Ok(LoadedKey { id: id.map(Into::into), known_headers, ..loaded })
}

fn from_jwk(jwk: &jwk::Jwk, leniency: Leniency) -> Result<LoadedKey, KeyProblem> {
    match &jwk.material {
        jwk::Material::Secret(bytes) => {
            let mut loaded = from_secret(jwk.algorithm, bytes, leniency)?;
            loaded.signer = loaded.signer.filter(|_| jwk.may_sign);
            Ok(loaded)
        }
        jwk::Material::Rsa { n, e } => public_rsa(jwk.algorithm, n, e),
        jwk::Material::Point(bytes) => public_point(jwk.algorithm, bytes),
    }
}

fn from_secret(
    algorithm: Algorithm,
    secret: &[u8],
    leniency: Leniency,
) -> Result<LoadedKey, KeyProblem> {
    if algorithm.family() != Family::Hmac {
        return Err(KeyProblem::new(
            format!("{algorithm} takes a key pair, not a shared secret"),
            format!(
                "use HS256, or load a pair: `Config::from_pem(Algorithm::{algorithm}, private, public)`"
            ),
        ));
    }
    if secret.windows(10).any(|window| window == b"-----BEGIN") {
        return Err(KeyProblem::new(
            "a PEM is no shared secret: its public half is everybody's",
            "load a pair: `Config::from_pem(Algorithm::RS256, private, public)`, or set JWT_AUTH_ALGORITHM",
        ));
    }
    let least = algorithm.size();
    if secret.is_empty() || (secret.len() < least && !leniency.short_secrets) {
        return Err(KeyProblem::new(
            format!(
                "the secret of {algorithm} has at least {least} bytes (RFC 7518 §3.2); this one has {}",
                secret.len()
            ),
            format!("make one: {}", secret_command(least)),
        ));
    }
    let unfit = || KeyProblem::new("the secret cannot be used", secret_command(least));
    let verifier = Verifier::secret(algorithm, secret).ok_or_else(unfit)?;
    let signer = Signer::secret(algorithm, secret).ok_or_else(unfit)?;
    // HMAC fills a key up with zeros: two that differ by those alone are one.
    let end = secret.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(finish(algorithm, secret[..end].to_vec(), (verifier, Some(signer)), least))
}

/// The command that makes a secret of so many bytes, for the places that tell the user to run it.
pub(crate) fn secret_command(bytes: usize) -> String {
    format!(
        "export JWT_AUTH_SECRET_KEY=\"base64:$(head -c {bytes} /dev/urandom | base64 | tr -d '\\n')\""
    )
}

/// What the backend verifies: `RustCrypto` takes no larger keys.
const MOST_RSA_BITS: usize = if cfg!(feature = "aws_lc_rs") { 8192 } else { 4096 };

fn public_rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<LoadedKey, KeyProblem> {
    let strip =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().skip_while(|b| *b == 0).collect() };
    let (n, e) = (strip(n), strip(e));
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if !(2048..=MOST_RSA_BITS).contains(&bits) {
        return Err(KeyProblem::new(
            format!(
                "an RSA key has 2048 to {MOST_RSA_BITS} bits (RFC 7518 §3.3); this one has {bits}"
            ),
            "make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem",
        ));
    }
    let odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
    if !odd(&n) || !odd(&e) || e.len() > 4 || e == [1] {
        return Err(KeyProblem::new(
            "an RSA key has an odd modulus and an odd public exponent between 3 and 2^32",
            "make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem",
        ));
    }
    if weak::is_roca(&n) {
        return Err(KeyProblem::new(
            "an RSA key does not come from a generator whose keys are broken (CVE-2017-15361)",
            pair_command(algorithm),
        ));
    }
    let len = n.len();
    let verifier = Verifier::rsa(algorithm, &n, &e).ok_or_else(|| rsa_unfit(algorithm))?;
    Ok(finish(algorithm, [n, e].concat(), (verifier, None), len))
}

fn public_point(algorithm: Algorithm, bytes: &[u8]) -> Result<LoadedKey, KeyProblem> {
    let size = algorithm.size();
    // The length comes first: a short key panics further down (RustCrypto's verifier).
    let fits = match algorithm.family() {
        Family::Ec => bytes.len() == 1 + 2 * size && bytes.first() == Some(&4),
        _ => bytes.len() == size && !weak::is_of_small_order(bytes),
    };
    let verifier = if fits { Verifier::point(algorithm, bytes) } else { None };
    let verifier = verifier.ok_or_else(|| {
        KeyProblem::new(
            format!("the key is not a point on the curve of {algorithm}"),
            pair_command(algorithm),
        )
    })?;
    Ok(finish(algorithm, bytes.to_vec(), (verifier, None), 2 * size))
}

fn finish(
    algorithm: Algorithm,
    fingerprint: Vec<u8>,
    (verifier, signer): (Verifier, Option<Signer>),
    signature_len: usize,
) -> LoadedKey {
    LoadedKey {
        algorithm,
        id: None,
        fingerprint: Zeroizing::new(fingerprint),
        verifier,
        signer,
        signature_len: algorithm.signature_len().unwrap_or(signature_len),
        known_headers: KnownHeaders::new(algorithm, None),
    }
}

fn pair_command(algorithm: Algorithm) -> String {
    let options = match algorithm {
        Algorithm::ES256 => "EC -pkeyopt ec_paramgen_curve:P-256",
        Algorithm::ES384 => "EC -pkeyopt ec_paramgen_curve:P-384",
        Algorithm::EdDSA => "ED25519",
        _ => "RSA -pkeyopt rsa_keygen_bits:2048",
    };
    format!(
        "make a pair: openssl genpkey -algorithm {options} -out private.pem && openssl pkey -in private.pem -pubout -out public.pem"
    )
}

fn from_pem(
    algorithm: Algorithm,
    private: Option<&KeyMaterial>,
    public: Option<&KeyMaterial>,
) -> Result<LoadedKey, KeyProblem> {
    if algorithm.family() == Family::Hmac {
        return Err(KeyProblem::new(
            format!("{algorithm} takes a shared secret, not PEM"),
            "use RS256, ES256 or EdDSA, or `Config::hs256(secret)`",
        ));
    }
    let unfit = || {
        KeyProblem::new(format!("the PEM holds no key for {algorithm}"), pair_command(algorithm))
    };
    let public = match public {
        None => None,
        Some(material) => {
            let pem = Pem::read(material, &["PUBLIC KEY", "RSA PUBLIC KEY"], "public")?;
            Some(match algorithm.family() {
                Family::Rsa => {
                    let key = DecodingKey::from_rsa_pem(&pem.text).map_err(|_| unfit())?;
                    let der = key.try_get_as_bytes().map_err(|_| unfit())?;
                    let (n, e) = (backend::utils().rsa_pub_components_from_public_key)(der)
                        .map_err(|_| rsa_unfit(algorithm))?;
                    public_rsa(algorithm, &n, &e)?
                }
                Family::Ec => {
                    let key = DecodingKey::from_ec_pem(&pem.text).map_err(|_| unfit())?;
                    public_point(algorithm, key.try_get_as_bytes().map_err(|_| unfit())?)?
                }
                _ => {
                    let key = DecodingKey::from_ed_pem(&pem.text).map_err(|_| unfit())?;
                    public_point(algorithm, key.try_get_as_bytes().map_err(|_| unfit())?)?
                }
            })
        }
    };
    let Some(private) = private else { return public.ok_or_else(unfit) };
    let pem = Pem::read(private, &["PRIVATE KEY", "RSA PRIVATE KEY"], "private")?;
    let utils = backend::utils();
    let (signing, derived) = match algorithm.family() {
        Family::Rsa => {
            let key = EncodingKey::from_rsa_pem(&pem.text).map_err(|_| unfit())?;
            let (n, e) = (utils.rsa_pub_components_from_private_key)(key.as_bytes())
                .map_err(|_| rsa_unfit(algorithm))?;
            (key, public_rsa(algorithm, &n, &e)?)
        }
        Family::Ec => {
            let key = EncodingKey::from_ec_pem(&pem.text).map_err(|_| unfit())?;
            let (_, x, y) =
                (utils.ec_pub_components_from_private_key)(key.as_bytes(), algorithm.backend())
                    .map_err(|_| unfit())?;
            (key, public_point(algorithm, &[&[4], x.as_slice(), &y].concat())?)
        }
        _ => {
            let key = EncodingKey::from_ed_pem(&pem.text).map_err(|_| unfit())?;
            let x =
                (utils.ed_pub_components_from_private_key)(key.as_bytes(), &EllipticCurve::Ed25519)
                    .map_err(|_| unfit())?;
            (key, public_point(algorithm, &x)?)
        }
    };
    if public.is_some_and(|public| !public.same_material(&derived)) {
        return Err(KeyProblem::new(
            "the public key does not belong to the private key",
            "derive it: openssl pkey -in private.pem -pubout -out public.pem",
        ));
    }
    let signer = Signer::private(algorithm, signing.as_bytes()).ok_or_else(unfit)?;
    let loaded = LoadedKey { signer: Some(signer), ..derived };
    // The first signature is made now, so that a key that cannot sign is found before serving.
    let mut room = [0; LONGEST_SIGNATURE];
    match loaded.sign(b"probe", &mut room) {
        Some(len) if loaded.verify(b"probe", &room[..len]) => Ok(loaded),
        _ => Err(unfit()),
    }
}

fn rsa_unfit(algorithm: Algorithm) -> KeyProblem {
    KeyProblem::new(
        format!("an RSA key has 2048 to {MOST_RSA_BITS} bits and two primes (RFC 7518 §3.3)"),
        pair_command(algorithm),
    )
}

struct Pem {
    text: Zeroizing<Vec<u8>>,
}

impl Pem {
    fn read(material: &KeyMaterial, labels: &[&str], half: &str) -> Result<Self, KeyProblem> {
        let mut text = read(material)?;
        // One line in an environment variable, with `\n` written out.
        if let Ok(line) = std::str::from_utf8(&text)
            && !line.contains('\n')
            && line.contains("\\n")
        {
            text = Zeroizing::new(line.replace("\\n", "\n").into_bytes());
        }
        let label = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.trim_start().strip_prefix("-----BEGIN "))
            .and_then(|rest| rest.split_once("-----"))
            .map(|(label, _)| label.to_owned());
        let fix = match label.as_deref() {
            Some(label) if labels.contains(&label) => return Ok(Self { text }),
            Some("EC PRIVATE KEY") => {
                "convert it: openssl pkcs8 -topk8 -nocrypt -in key.pem -out private.pem".to_owned()
            }
            Some("ENCRYPTED PRIVATE KEY") => {
                "decrypt it: openssl pkcs8 -in key.pem -out private.pem".to_owned()
            }
            Some("CERTIFICATE") => {
                "take its key out: openssl x509 -in cert.pem -pubkey -noout > public.pem".to_owned()
            }
            _ => format!("write the PEM itself, or `file:{half}.pem`"),
        };
        Err(KeyProblem::new(format!("the {half} key is a PEM of `{}`", labels.join("` or `")), fix))
    }
}

/// The bytes behind a material: prefixes resolved, at most one `file:` deep.
pub(crate) fn read(material: &KeyMaterial) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    match &material.0 {
        Material::Bytes(bytes) => Ok(Zeroizing::new(bytes.expose().to_vec())),
        Material::Text(text) => match text.expose().strip_prefix("file:") {
            Some(path) => read_file(Path::new(path)),
            None => read_text(text.expose()),
        },
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    let content = std::fs::read(path).map(Zeroizing::new).map_err(|error| {
        KeyProblem::new(
            format!("the file {} cannot be read: {}", path.display(), error.kind()),
            "check the path after `file:`; it is taken from the working directory",
        )
    })?;
    match std::str::from_utf8(&content) {
        Ok(text) => {
            let text = text.strip_suffix('\n').unwrap_or(text);
            read_text(text.strip_suffix('\r').unwrap_or(text))
        }
        Err(_) => Ok(content),
    }
}

fn read_text(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyProblem> {
    if let Some(encoded) = text.strip_prefix("base64:") {
        let plain: Zeroizing<String> = Zeroizing::new(
            encoded.trim().trim_end_matches('=').replace('-', "+").replace('_', "/"),
        );
        let padded = Zeroizing::new(format!("{}{}", *plain, "=".repeat((4 - plain.len() % 4) % 4)));
        return STANDARD.decode(padded.as_bytes()).map(Zeroizing::new).map_err(|_| {
            KeyProblem::new(
                "what follows `base64:` is base64",
                format!("make one: {}", secret_command(32)),
            )
        });
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        return hex(digits.trim()).map(Zeroizing::new).ok_or_else(|| {
            KeyProblem::new(
                "what follows `hex:` is pairs of hexadecimal digits",
                "make one: export JWT_AUTH_SECRET_KEY=\"hex:$(openssl rand -hex 32)\"",
            )
        });
    }
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let value =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}
