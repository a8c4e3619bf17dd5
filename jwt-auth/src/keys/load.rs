//! Loads a key. This is the only place that checks the rules for key material (RFC 7518 §3, RFC 8037, R10).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::jwk::EllipticCurve;
use zeroize::Zeroizing;

use crate::keys::backend::{self, LONGEST_SIGNATURE, Signer, Verifier};
use crate::keys::jwk_set::PublicMembers;
use crate::keys::key::Source;
use crate::keys::own_headers::OwnHeaders;
use crate::keys::pem::{self, Half, KeyType, Pem};
use crate::keys::thumbprint::{Thumbprint, public_members};
use crate::keys::{Algorithm, Family, Key, KeyMaterial, RemoteSigner, SignError, jwk, weak_keys};

/// What is wrong with a key, and the line to write. It never contains key material.
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

/// The rules of loading that `danger` has lifted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leniency {
    /// For test vectors: the HMAC key of Wycheproof has 32 zero bytes.
    #[cfg(test)]
    pub(crate) uniform_secrets: bool,
    pub(crate) short_secrets: bool,
    pub(crate) short_rsa_keys: bool,
}

/// A key that has passed every rule. It can verify, and may be able to sign.
pub(crate) struct LoadedKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) id: Option<Arc<str>>,
    /// Whether it also verifies tokens without `kid` if it has an id.
    also_without_id: bool,
    /// Whether tokens of its algorithm are accepted (`danger` can refuse them).
    pub(crate) verifies: bool,
    pub(super) is_jwk: bool,
    /// The public key, or the secret: two keys are the same if these are.
    fingerprint: Zeroizing<Vec<u8>>,
    verifier: Verifier,
    signer: Option<Signer>,
    remote: Option<RemoteSigner>,
    signature_len: usize,
    own_headers: OwnHeaders,
}

impl LoadedKey {
    /// The headers of the key's tokens, without additional parameters.
    pub(crate) fn own_headers(&self) -> &OwnHeaders {
        &self.own_headers
    }

    /// Whether it signs, here or by a service.
    pub(crate) fn can_sign(&self) -> bool {
        self.signer.is_some() || self.remote.is_some()
    }

    /// Whether a service signs for it.
    pub(crate) fn signs_remotely(&self) -> bool {
        self.remote.is_some()
    }

    /// Whether the key verifies tokens without `kid`, beside others that do.
    pub(super) fn serves_without_id(&self) -> bool {
        self.id.is_none() || self.also_without_id
    }

    /// The length of a signature in bytes.
    pub(crate) fn signature_len(&self) -> usize {
        self.signature_len
    }

    /// The public members of the key; `None` for a shared secret.
    pub(super) fn public_members(&self) -> Option<PublicMembers> {
        public_members(self.algorithm, &self.fingerprint, self.signature_len)
    }

    /// The hash of the public key; `None` for a shared secret.
    pub(crate) fn thumbprint(&self) -> Option<Thumbprint> {
        Thumbprint::of(self.algorithm, &self.fingerprint, self.signature_len)
    }

    pub(crate) fn same_material(&self, other: &Self) -> bool {
        crate::secret::same_bytes(&self.fingerprint, &other.fingerprint)
    }

    /// Whether the signature is a valid signature of the message by this key.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_len && self.verifier.verify(message, signature)
    }

    /// Writes the signature of the message into the buffer, and returns its length; `None` if the key cannot sign.
    pub(crate) fn sign(
        &self,
        message: &[u8],
        buffer: &mut [u8; LONGEST_SIGNATURE],
    ) -> Option<usize> {
        let signer = self.signer.as_ref()?;
        signer.sign(message, buffer.get_mut(..self.signature_len)?).then_some(self.signature_len)
    }

    /// The signature of the message by the service that signs for the key. It is verified, since a service may be set to
    /// another key, or may hash what was hashed already.
    pub(crate) async fn sign_remotely(
        &self,
        message: &[u8],
        deadline: Duration,
    ) -> Result<Vec<u8>, SignError> {
        let Some(remote) = &self.remote else {
            return Err(SignError::new("no service signs for the key"));
        };
        let signature = remote.sign(message, self.algorithm, deadline).await?;
        if self.verify(message, &signature) {
            return Ok(signature);
        }
        Err(SignError::new(format!(
            "its signature does not verify with the public key and {}; it gets the message, not its hash",
            self.algorithm
        )))
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

/// Checks a key, and prepares it for use.
pub(crate) fn load(key: &Key, leniency: Leniency) -> Result<LoadedKey, KeyProblem> {
    let mut id = key.id.clone();
    let loaded = match &key.source {
        Source::Secret(algorithm, material) => from_secret(*algorithm, &material.read()?, leniency),
        Source::Pem { algorithm, private, public } => {
            from_pem(*algorithm, private.as_ref(), public.as_ref(), leniency)
        }
        Source::Jwk(json) => from_jwk(&json.read()?, &mut id, leniency),
        Source::Detect(preferred, material) => {
            detect(*preferred, &material.read()?, &mut id, leniency)
        }
        Source::Der(algorithm, material) => {
            let halves = [Half::Private, Half::Public, Half::Certificate];
            from_der(*algorithm, &material.read()?, &halves, leniency)
        }
        Source::Certificate(algorithm, material) => {
            let bytes = material.read()?;
            if pem::is_pem(&bytes) {
                of_half(*algorithm, &Pem::parse(&bytes, &[Half::Certificate])?, leniency)
            } else {
                from_der(*algorithm, &bytes, &[Half::Certificate], leniency)
            }
        }
    }?;
    if key.remote.is_some() && (loaded.can_sign() || loaded.algorithm.family() == Family::Hmac) {
        return Err(KeyProblem::new(
            "a service signs for the key, and the configuration contains what signs as well",
            "give it the public half alone: `Key::public_pem(…).signed_by(…)`",
        ));
    }
    if key.thumbprint_id {
        let thumbprint = loaded.thumbprint().map(|thumbprint| thumbprint.to_string());
        id = Some(thumbprint.ok_or_else(|| {
            KeyProblem::new(
                "a shared secret has no thumbprint id, because its hash would let others guess the secret (RFC 7638 §7)",
                "give the key another id: `.id(\"2026-01\")`",
            )
        })?);
    }
    if id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 256 || id.contains('\0')) {
        return Err(KeyProblem::new(
            "a key id has 1 to 256 bytes, and no NUL",
            "give the key a short id: `.id(\"2026-01\")`",
        ));
    }
    let own_headers = OwnHeaders::new(loaded.algorithm, id.as_deref());
    let also_without_id = key.also_without_id;
    let remote = key.remote.clone();
    Ok(LoadedKey { id: id.map(Into::into), also_without_id, own_headers, remote, ..loaded })
}

/// Loads a secret, a PEM or a JWK.
fn detect(
    preferred: Algorithm,
    bytes: &[u8],
    id: &mut Option<String>,
    leniency: Leniency,
) -> Result<LoadedKey, KeyProblem> {
    if pem::is_pem(bytes) {
        let pem = Pem::parse(bytes, &[Half::Private, Half::Public, Half::Certificate])?;
        let Some(algorithm) = pem.key_type.algorithm(preferred) else {
            return Err(wrong_type(preferred, pem.key_type));
        };
        return of_half(Some(algorithm), &pem, leniency);
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        return from_jwk(bytes, id, leniency);
    }
    let is_secret = preferred.family() == Family::Hmac;
    from_secret(if is_secret { preferred } else { Algorithm::HS256 }, bytes, leniency)
}

/// Loads a key in DER.
fn from_der(
    algorithm: Option<Algorithm>,
    bytes: &[u8],
    halves: &[Half],
    leniency: Leniency,
) -> Result<LoadedKey, KeyProblem> {
    let key = Pem::from_der(bytes, halves).ok_or_else(|| {
        let expected = if halves.contains(&Half::Private) {
            "a private key in PKCS#8, a public key or a certificate"
        } else {
            "a certificate"
        };
        KeyProblem::new(
            format!("the bytes are not {expected} in DER"),
            "look at them: openssl asn1parse -inform DER -in file",
        )
    })?;
    of_half(algorithm, &key, leniency)
}

/// Loads the half that was found, for the algorithm or for the usual one of its type.
fn of_half(
    algorithm: Option<Algorithm>,
    key: &Pem,
    leniency: Leniency,
) -> Result<LoadedKey, KeyProblem> {
    let usual = || key.key_type.algorithm(Algorithm::RS256);
    let Some(algorithm) = algorithm.or_else(usual) else {
        return Err(wrong_type(Algorithm::RS256, key.key_type));
    };
    match key.half {
        Half::Private => private(algorithm, key),
        Half::Public | Half::Certificate => public(algorithm, key, leniency),
    }
}

/// Loads a JWK. Its `kid` is the id of the key, unless the key has one.
fn from_jwk(
    text: &[u8],
    id: &mut Option<String>,
    leniency: Leniency,
) -> Result<LoadedKey, KeyProblem> {
    let jwk = jwk::Jwk::read(text)?;
    if id.is_none() {
        id.clone_from(&jwk.id);
    }
    let loaded = match &jwk.material {
        jwk::Material::Secret(bytes) => {
            let mut loaded = from_secret(jwk.algorithm, bytes, leniency)?;
            loaded.signer = loaded.signer.filter(|_| jwk.may_sign);
            loaded
        }
        jwk::Material::Rsa { n, e } => public_rsa(jwk.algorithm, n, e, leniency)?,
        jwk::Material::Point(bytes) => public_point(jwk.algorithm, bytes)?,
    };
    Ok(LoadedKey { is_jwk: true, ..loaded })
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
                "use HS256, or load a key pair: `Config::from_pem(Algorithm::{algorithm}, private, public)`"
            ),
        ));
    }
    if pem::is_pem(secret) {
        return Err(KeyProblem::new(
            "a PEM is not a shared secret, because its public key is not secret",
            "load a key pair: `Config::from_pem(Algorithm::RS256, private, public)`, or set JWT_AUTH_ALGORITHM",
        ));
    }
    let min_len = algorithm.size();
    if secret.is_empty() || (secret.len() < min_len && !leniency.short_secrets) {
        return Err(KeyProblem::new(
            format!(
                "the secret of {algorithm} has at least {min_len} bytes (RFC 7518 §3.2); this one has {}",
                secret.len()
            ),
            format!(
                "create one and load it with `Config::from_env()`: {}",
                secret_command(min_len)
            ),
        ));
    }
    let problem = |rule: &str| {
        KeyProblem::new(rule, format!("create another one: {}", secret_command(min_len)))
    };
    #[cfg(test)]
    let may_be_uniform = leniency.uniform_secrets;
    #[cfg(not(test))]
    let may_be_uniform = false;
    if weak_keys::is_uniform(secret) && !may_be_uniform {
        return Err(problem("all bytes of the secret are equal"));
    }
    if weak_keys::is_published(secret) {
        return Err(problem("the secret is printed in public documentation, so everyone knows it"));
    }
    let problem = || problem("the cryptography backend refuses the secret");
    let verifier = Verifier::secret(algorithm, secret).ok_or_else(problem)?;
    let signer = Signer::secret(algorithm, secret).ok_or_else(problem)?;
    // HMAC pads a key with zeros, so secrets that differ only in trailing zeros are the same key.
    let end = secret.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(finish(algorithm, secret[..end].to_vec(), (verifier, Some(signer)), min_len))
}

/// The command that creates a secret of that many bytes, for messages.
pub(crate) fn secret_command(bytes: usize) -> String {
    format!(
        "export JWT_AUTH_SECRET_KEY=\"base64:$(head -c {bytes} /dev/urandom | base64 | tr -d '\\n')\""
    )
}

/// The size of the largest RSA key that the backend accepts.
const MAX_RSA_BITS: usize = if cfg!(feature = "aws_lc_rs") { 8192 } else { 4096 };

fn public_rsa(
    algorithm: Algorithm,
    n: &[u8],
    e: &[u8],
    leniency: Leniency,
) -> Result<LoadedKey, KeyProblem> {
    let strip =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().skip_while(|b| *b == 0).collect() };
    let (n, e) = (strip(n), strip(e));
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    let may_be_short =
        leniency.short_rsa_keys && matches!(algorithm, Algorithm::RS256 | Algorithm::RS512);
    let min_bits = if may_be_short { 1024 } else { 2048 };
    if !(min_bits..=MAX_RSA_BITS).contains(&bits) {
        return Err(KeyProblem::new(
            format!(
                "an RSA key has 2048 to {MAX_RSA_BITS} bits (RFC 7518 §3.3); this one has {bits}"
            ),
            "create one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem",
        ));
    }
    let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
    if !is_odd(&n) || !is_odd(&e) || e.len() > 4 || e == [1] {
        return Err(KeyProblem::new(
            "an RSA key has an odd modulus and an odd public exponent between 3 and 2^32; this one does not",
            "create one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem",
        ));
    }
    if weak_keys::is_roca(&n) {
        return Err(KeyProblem::new(
            "the RSA key comes from a generator whose keys can be factored (CVE-2017-15361)",
            pair_command(algorithm),
        ));
    }
    let len = n.len();
    let verifier = Verifier::rsa(algorithm, &n, &e).ok_or_else(|| unusable_rsa(algorithm))?;
    Ok(finish(algorithm, [n, e].concat(), (verifier, None), len))
}

fn public_point(algorithm: Algorithm, bytes: &[u8]) -> Result<LoadedKey, KeyProblem> {
    let size = algorithm.size();
    if algorithm == Algorithm::ES512 && !cfg!(feature = "aws_lc_rs") {
        return Err(KeyProblem::new(
            "ES512 needs the cryptography of AWS-LC",
            "write `jwt-auth = { version = \"0.1\", features = [\"aws_lc_rs\"] }`, or use ES384",
        ));
    }
    if algorithm.family() == Family::Ec && matches!(bytes, [2 | 3, ..]) {
        return Err(KeyProblem::new(
            "the public key is a compressed point",
            "write it in full: openssl ec -pubin -in public.pem -conv_form uncompressed -pubout -out full.pem",
        ));
    }
    // The length is checked first, because RustCrypto's verifier panics on a short key.
    let fits = match algorithm.family() {
        Family::Ec => bytes.len() == 1 + 2 * size && bytes.first() == Some(&4),
        _ => bytes.len() == size && !weak_keys::is_of_small_order(bytes),
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
        also_without_id: false,
        verifies: true,
        is_jwk: false,
        fingerprint: Zeroizing::new(fingerprint),
        verifier,
        signer,
        remote: None,
        signature_len: algorithm.signature_len().unwrap_or(signature_len),
        own_headers: OwnHeaders::new(algorithm, None),
    }
}

/// The command that creates a key pair for the algorithm, for messages.
fn pair_command(algorithm: Algorithm) -> String {
    let options = match algorithm {
        Algorithm::ES256 => "EC -pkeyopt ec_paramgen_curve:P-256",
        Algorithm::ES384 => "EC -pkeyopt ec_paramgen_curve:P-384",
        Algorithm::ES512 => "EC -pkeyopt ec_paramgen_curve:P-521",
        Algorithm::EdDSA => "ED25519",
        _ => "RSA -pkeyopt rsa_keygen_bits:2048",
    };
    format!(
        "create a pair: openssl genpkey -algorithm {options} -out private.pem && openssl pkey -in private.pem -pubout -out public.pem"
    )
}

fn from_pem(
    algorithm: Algorithm,
    private_half: Option<&KeyMaterial>,
    public_half: Option<&KeyMaterial>,
    leniency: Leniency,
) -> Result<LoadedKey, KeyProblem> {
    if algorithm.family() == Family::Hmac {
        return Err(KeyProblem::new(
            format!("{algorithm} takes a shared secret, not a PEM"),
            "use an algorithm with a key pair: `Algorithm::RS256`, or JWT_AUTH_ALGORITHM=RS256",
        ));
    }
    let public_key = match public_half {
        Some(material) => Some(public(algorithm, &Pem::read(material, Half::Public)?, leniency)?),
        None => None,
    };
    let Some(material) = private_half else {
        return public_key
            .ok_or_else(|| KeyProblem::new("there is no key", pair_command(algorithm)));
    };
    let private_key = private(algorithm, &Pem::read(material, Half::Private)?)?;
    if public_key.is_some_and(|public| !public.same_material(&private_key)) {
        return Err(KeyProblem::new(
            "the public key does not belong to the private key",
            "derive the public key: openssl pkey -in private.pem -pubout -out public.pem",
        ));
    }
    Ok(private_key)
}

/// Refuses a PEM whose key is of another type than the algorithm's.
fn check_type(algorithm: Algorithm, found: KeyType) -> Result<(), KeyProblem> {
    if found.algorithm(algorithm) == Some(algorithm) {
        Ok(())
    } else {
        Err(wrong_type(algorithm, found))
    }
}

fn wrong_type(algorithm: Algorithm, found: KeyType) -> KeyProblem {
    KeyProblem::new(
        format!("the PEM contains no key for {algorithm}, but {}", found.description()),
        match found.algorithm(algorithm) {
            Some(fitting) => format!(
                "write `Algorithm::{fitting}` or JWT_AUTH_ALGORITHM={fitting}, or {}",
                pair_command(algorithm)
            ),
            None => pair_command(algorithm),
        },
    )
}

fn public(algorithm: Algorithm, pem: &Pem, leniency: Leniency) -> Result<LoadedKey, KeyProblem> {
    check_type(algorithm, pem.key_type)?;
    if pem.key_type != KeyType::Rsa {
        return public_point(algorithm, &pem.content);
    }
    let (n, e) = pem::rsa_numbers(&pem.content).ok_or_else(|| unusable_rsa(algorithm))?;
    public_rsa(algorithm, &n, &e, leniency)
}

fn private(algorithm: Algorithm, pem: &Pem) -> Result<LoadedKey, KeyProblem> {
    check_type(algorithm, pem.key_type)?;
    let unusable =
        || KeyProblem::new("the backend cannot read the private key", pair_command(algorithm));
    let utils = backend::utils();
    let der = &pem.content;
    let derived = match pem.key_type {
        KeyType::Rsa => {
            let (n, e) = (utils.rsa_pub_components_from_private_key)(der)
                .map_err(|_| unusable_rsa(algorithm))?;
            public_rsa(algorithm, &n, &e, Leniency::default())?
        }
        KeyType::Ed25519 => {
            let x = (utils.ed_pub_components_from_private_key)(der, &EllipticCurve::Ed25519)
                .map_err(|_| unusable())?;
            public_point(algorithm, &x)?
        }
        _ => {
            let point = backend::public_point(algorithm, der).ok_or_else(unusable)?;
            public_point(algorithm, &point)?
        }
    };
    let signer = Signer::private(algorithm, der).ok_or_else(unusable)?;
    let loaded = LoadedKey { signer: Some(signer), ..derived };
    // The key signs once now, so that a key that cannot sign is an error at startup.
    let mut buffer = [0; LONGEST_SIGNATURE];
    match loaded.sign(b"probe", &mut buffer) {
        Some(len) if loaded.verify(b"probe", &buffer[..len]) => Ok(loaded),
        _ => Err(unusable()),
    }
}

fn unusable_rsa(algorithm: Algorithm) -> KeyProblem {
    KeyProblem::new(
        format!(
            "an RSA key has 2048 to {MAX_RSA_BITS} bits and two primes (RFC 7518 §3.3); the backend refuses this one"
        ),
        pair_command(algorithm),
    )
}
