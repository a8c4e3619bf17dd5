//! Reads a PEM: finds its key among other text and blocks, and names what it contains instead of a usable key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use simple_asn1::{ASN1Block, ASN1Class, BigUint, OID, oid};
use zeroize::Zeroizing;

use crate::keys::{Algorithm, Family, KeyMaterial, KeyProblem};

/// Which half of a key pair a PEM is expected to contain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Private,
    Public,
    /// The public half, in a certificate.
    Certificate,
}

impl Half {
    fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public | Self::Certificate => "public",
        }
    }

    fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Private => &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"],
            Self::Public => &["PUBLIC KEY", "RSA PUBLIC KEY"],
            Self::Certificate => &["CERTIFICATE"],
        }
    }
}

/// The type of a key, as its PEM states it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyType {
    Rsa,
    Ec(Curve),
    Ed25519,
    /// A type that no algorithm here uses, for the message.
    Other(&'static str),
}

/// The curve of an EC key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    Other(&'static str),
}

impl KeyType {
    /// The algorithm that a key of this type is for: the preferred one, if the type fits it.
    pub(super) fn algorithm(self, preferred: Algorithm) -> Option<Algorithm> {
        match self {
            Self::Rsa if preferred.family() == Family::Rsa => Some(preferred),
            Self::Rsa => Some(Algorithm::RS256),
            Self::Ec(Curve::P256) => Some(Algorithm::ES256),
            Self::Ec(Curve::P384) => Some(Algorithm::ES384),
            Self::Ec(Curve::P521) => Some(Algorithm::ES512),
            Self::Ed25519 => Some(Algorithm::EdDSA),
            Self::Ec(Curve::Other(_)) | Self::Other(_) => None,
        }
    }

    /// For messages.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Rsa => "an RSA key",
            Self::Ec(Curve::P256) => "an EC key on P-256",
            Self::Ec(Curve::P384) => "an EC key on P-384",
            Self::Ec(Curve::P521) => "an EC key on P-521",
            Self::Ed25519 => "an Ed25519 key",
            Self::Ec(Curve::Other(text)) | Self::Other(text) => text,
        }
    }
}

/// A key in a PEM.
pub(super) struct Pem {
    pub(super) key_type: KeyType,
    pub(super) half: Half,
    /// PKCS#1 for RSA and PKCS#8 for the others if it is private; the RSA key or the point if it is public.
    pub(super) content: Zeroizing<Vec<u8>>,
}

/// One block of a PEM.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

/// Whether the material is a PEM.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(10).any(|window| window == b"-----BEGIN")
}

impl Pem {
    /// Reads the only key of that half. Text and other blocks around it are ignored, as `openssl` writes them:
    /// `EC PARAMETERS`, bag attributes, certificates.
    pub(super) fn read(material: &KeyMaterial, half: Half) -> Result<Self, KeyProblem> {
        Self::parse(&material.read()?, &[half])
    }

    /// Reads the only key of any of these halves; of a private key beside its public key, the private one.
    pub(super) fn parse(bytes: &[u8], halves: &[Half]) -> Result<Self, KeyProblem> {
        let expected = halves.first().copied().unwrap_or(Half::Public);
        let text = text(bytes, expected)?;
        // An environment variable may have the PEM on one line, with each line break written as `\n`.
        let text = Zeroizing::new(if text.contains('\n') {
            text.to_owned()
        } else {
            text.replace("\\r", "").replace("\\n", "\n")
        });
        let blocks = blocks(&text);
        for half in halves {
            let keys: Vec<&Block<'_>> =
                blocks.iter().filter(|block| half.labels().contains(&block.label)).collect();
            match keys.as_slice() {
                [] => {}
                [key] => return Self::decode(key, *half),
                // Of a chain, the first certificate is the one that the others vouch for.
                [leaf, ..] if *half == Half::Certificate => return Self::decode(leaf, *half),
                _ => {
                    return Err(KeyProblem::new(
                        format!("the PEM contains {} {} keys", keys.len(), half.name()),
                        "write each key into a PEM of its own",
                    ));
                }
            }
        }
        Err(no_key(&blocks, expected))
    }

    fn decode(block: &Block<'_>, half: Half) -> Result<Self, KeyProblem> {
        if block.body.contains("Proc-Type:") {
            return Err(encrypted());
        }
        let broken = || {
            KeyProblem::new(
                format!("the `{}` block of the PEM is damaged", block.label),
                "copy the whole file, with all of its lines",
            )
        };
        let body: Zeroizing<String> =
            Zeroizing::new(block.body.chars().filter(|c| !c.is_whitespace()).collect());
        let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|_| broken())?);
        let (key_type, content) = match (block.label, half) {
            ("RSA PRIVATE KEY" | "RSA PUBLIC KEY", _) => (KeyType::Rsa, der),
            ("EC PRIVATE KEY", _) => from_sec1(&der).ok_or_else(broken)?,
            (_, Half::Private) => from_pkcs8(der).ok_or_else(broken)?,
            (_, Half::Public) => from_spki(&der).ok_or_else(broken)?,
            (_, Half::Certificate) => from_certificate(&der).ok_or_else(broken)?,
        };
        Ok(Self { key_type, half, content })
    }

    /// Reads a key in DER: PKCS#8, SEC1, `SubjectPublicKeyInfo` or a certificate.
    pub(super) fn from_der(der: &[u8], halves: &[Half]) -> Option<Self> {
        let is_wanted = |half: Half| halves.contains(&half);
        let private = || {
            let found = from_pkcs8(Zeroizing::new(der.to_vec())).or_else(|| from_sec1(der));
            found.filter(|_| is_wanted(Half::Private)).map(|found| (Half::Private, found))
        };
        let public = || {
            let found = from_spki(der).filter(|_| is_wanted(Half::Public));
            found.map(|found| (Half::Public, found))
        };
        let certificate = || {
            let found = from_certificate(der).filter(|_| is_wanted(Half::Certificate));
            found.map(|found| (Half::Certificate, found))
        };
        let (half, (key_type, content)) = private().or_else(public).or_else(certificate)?;
        Some(Self { key_type, half, content })
    }
}

/// The text of a PEM, or what the bytes are instead.
fn text(bytes: &[u8], half: Half) -> Result<&str, KeyProblem> {
    let name = half.name();
    let (rule, fix) = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => (
            format!("the {name} key is UTF-16 text"),
            "save the PEM as ASCII or UTF-8; PowerShell's `>` writes UTF-16".to_owned(),
        ),
        [0x30, ..] if !is_pem(bytes) => {
            let public = if half == Half::Public { " -pubin" } else { "" };
            (
                format!("the {name} key is DER, not a PEM"),
                format!(
                    "convert it: openssl pkey{public} -inform DER -in {name}.der -out {name}.pem"
                ),
            )
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(_) => (format!("the {name} key is not text"), "write the PEM itself".to_owned()),
        },
    };
    Err(KeyProblem::new(rule, fix))
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        rest = after;
        let Some((label, body)) = after.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some((body, after)) = body.split_once(end.as_str()) else { continue };
        blocks.push(Block { label, body });
        rest = after;
    }
    blocks
}

/// Why there is no key among the blocks.
fn no_key(blocks: &[Block<'_>], half: Half) -> KeyProblem {
    let name = half.name();
    let has = |label: &str| blocks.iter().any(|block| block.label == label);
    let fix = if has("ENCRYPTED PRIVATE KEY") {
        return encrypted();
    } else if has("CERTIFICATE") && half == Half::Public {
        "load it with `Key::certificate(…)`, or extract its public key: openssl x509 -in cert.pem -pubkey -noout > public.pem"
            .to_owned()
    } else if has("OPENSSH PRIVATE KEY") {
        "create a key with openssl; ssh keys have a format of their own: openssl genpkey -algorithm ED25519 -out private.pem"
            .to_owned()
    } else {
        format!(
            "write the PEM itself, or `KeyMaterial::file(\"{name}.pem\")` in code, or `file:{name}.pem` in a variable"
        )
    };
    KeyProblem::new(
        format!("the {name} key is not a PEM of `{}`", half.labels().join("` or `")),
        fix,
    )
}

fn encrypted() -> KeyProblem {
    KeyProblem::new(
        "the private key is encrypted with a password",
        "decrypt it: openssl pkey -in key.pem -out private.pem",
    )
}

/// PKCS#8 (RFC 5208): a version, the type of the key, and the key.
fn from_pkcs8(der: Zeroizing<Vec<u8>>) -> Option<(KeyType, Zeroizing<Vec<u8>>)> {
    let [ASN1Block::Integer(..), ASN1Block::Sequence(_, id), ASN1Block::OctetString(_, key), ..] =
        &*sequence(&der)?
    else {
        return None;
    };
    let key_type = key_type(id)?;
    let key = Zeroizing::new(key.clone());
    Some((key_type, if key_type == KeyType::Rsa { key } else { der }))
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1): the type of the key, and the key.
fn from_spki(der: &[u8]) -> Option<(KeyType, Zeroizing<Vec<u8>>)> {
    spki(&sequence(der)?)
}

fn spki(parts: &[ASN1Block]) -> Option<(KeyType, Zeroizing<Vec<u8>>)> {
    let [ASN1Block::Sequence(_, id), ASN1Block::BitString(_, _, key)] = parts else { return None };
    Some((key_type(id)?, Zeroizing::new(key.clone())))
}

/// A certificate (RFC 5280 §4.1), which contains a `SubjectPublicKeyInfo`.
fn from_certificate(der: &[u8]) -> Option<(KeyType, Zeroizing<Vec<u8>>)> {
    let [ASN1Block::Sequence(_, signed), ASN1Block::Sequence(..), ASN1Block::BitString(..)] =
        &*sequence(der)?
    else {
        return None;
    };
    signed.iter().find_map(|part| match part {
        ASN1Block::Sequence(_, parts) => spki(parts),
        _ => None,
    })
}

/// `ECPrivateKey` (RFC 5915), which names its curve in the parameters with tag 0; as PKCS#8.
fn from_sec1(der: &[u8]) -> Option<(KeyType, Zeroizing<Vec<u8>>)> {
    let parts = sequence(der)?;
    let [ASN1Block::Integer(..), ASN1Block::OctetString(..), others @ ..] = &*parts else {
        return None;
    };
    let parameters = others.iter().find_map(|part| match part {
        ASN1Block::Explicit(ASN1Class::ContextSpecific, _, tag, inner)
            if *tag == BigUint::from(0_u8) =>
        {
            Some((**inner).clone())
        }
        _ => None,
    })?;
    let id = vec![ASN1Block::ObjectIdentifier(0, oid!(1, 2, 840, 10045, 2, 1)), parameters];
    let key_type = key_type(&id)?;
    let block = ASN1Block::Sequence(
        0,
        vec![
            ASN1Block::Integer(0, 0.into()),
            ASN1Block::Sequence(0, id),
            ASN1Block::OctetString(0, der.to_vec()),
        ],
    );
    Some((key_type, Zeroizing::new(simple_asn1::to_der(&block).ok()?)))
}

fn sequence(der: &[u8]) -> Option<Vec<ASN1Block>> {
    match simple_asn1::from_der(der).ok()?.pop()? {
        ASN1Block::Sequence(_, parts) => Some(parts),
        _ => None,
    }
}

/// The numbers of a public RSA key: modulus and exponent.
pub(super) fn rsa_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let parts = sequence(der)?;
    let [ASN1Block::Integer(_, n), ASN1Block::Integer(_, e)] = &*parts else { return None };
    Some((n.to_bytes_be().1, e.to_bytes_be().1))
}

/// The type of a key by its `AlgorithmIdentifier`.
fn key_type(id: &[ASN1Block]) -> Option<KeyType> {
    let [ASN1Block::ObjectIdentifier(_, id), parameters @ ..] = id else { return None };
    let is = |known: OID| *id == known;
    Some(if is(oid!(1, 2, 840, 113_549, 1, 1, 1)) {
        KeyType::Rsa
    } else if is(oid!(1, 2, 840, 10045, 2, 1)) {
        KeyType::Ec(curve(parameters.first()?))
    } else if is(oid!(1, 3, 101, 112)) {
        KeyType::Ed25519
    } else if is(oid!(1, 3, 101, 113)) {
        KeyType::Other("an Ed448 key")
    } else if is(oid!(1, 3, 101, 110)) || is(oid!(1, 3, 101, 111)) {
        KeyType::Other("a key for encryption (X25519 or X448)")
    } else if is(oid!(1, 2, 840, 113_549, 1, 1, 10)) {
        KeyType::Other("a key of the type RSA-PSS; a key of the type RSA signs with PS256 too")
    } else if is(oid!(1, 2, 840, 10040, 4, 1)) {
        KeyType::Other("a DSA key")
    } else {
        KeyType::Other("a key of an unknown type")
    })
}

fn curve(parameters: &ASN1Block) -> Curve {
    let ASN1Block::ObjectIdentifier(_, id) = parameters else {
        return Curve::Other(
            "an EC key that spells out its curve instead of naming it; convert it: openssl ec -in key.pem -param_enc named_curve -out private.pem",
        );
    };
    let is = |known: OID| *id == known;
    if is(oid!(1, 2, 840, 10045, 3, 1, 7)) {
        Curve::P256
    } else if is(oid!(1, 3, 132, 0, 34)) {
        Curve::P384
    } else if is(oid!(1, 3, 132, 0, 35)) {
        Curve::P521
    } else if is(oid!(1, 3, 132, 0, 10)) {
        Curve::Other("an EC key on secp256k1")
    } else {
        Curve::Other("an EC key on another curve")
    }
}
