//! A strict reader of one JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::json::{self, NotStrict, Value};
use crate::keys::{Algorithm, Family, KeyProblem};

/// A key as a JWK describes it; private members of key pairs are ignored.
pub(super) struct Jwk {
    pub(super) algorithm: Algorithm,
    pub(super) id: Option<String>,
    /// Whether `key_ops` permits signing; only a shared secret signs.
    pub(super) may_sign: bool,
    pub(super) material: Material,
}

pub(super) enum Material {
    Secret(Zeroizing<Vec<u8>>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// SEC1 for EC, the 32 bytes of `x` for Ed25519.
    Point(Vec<u8>),
}

fn problem(rule: impl Into<String>) -> KeyProblem {
    KeyProblem::new(rule, "check the JWK against RFC 7517 §4 and RFC 7518 §6")
}

impl Jwk {
    pub(super) fn read(text: &[u8]) -> Result<Self, KeyProblem> {
        let members = Members::read(text)?;
        let kty = members.text("kty").ok_or_else(|| problem("the JWK has no `kty`"))?;
        if members.text("use").is_some_and(|purpose| purpose != "sig") {
            return Err(problem(
                "the `use` of the JWK is not \"sig\"; expected \"sig\", or no `use`",
            ));
        }
        let ops = members.ops.as_deref();
        if ops.is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err(problem(
                "the `key_ops` of the JWK lack \"verify\"; expected \"verify\", or no `key_ops`",
            ));
        }
        let has_other = |ops: &[String]| ops.iter().any(|op| op != "verify" && op != "sign");
        if ops.is_some_and(|ops| {
            ops.len() > 2 || has_other(ops) || (ops.len() == 2 && ops[0] == ops[1])
        }) {
            return Err(problem(
                "unexpected `key_ops` of the JWK; expected \"verify\", with or without \"sign\", each once (RFC 7517 §4.3)",
            ));
        }
        let algorithm = members.algorithm(kty)?;
        let material = match (kty, algorithm.family()) {
            ("oct", Family::Hmac) => Material::Secret(Zeroizing::new(members.bytes("k")?)),
            ("RSA", Family::Rsa) => {
                Material::Rsa { n: members.bytes("n")?, e: members.bytes("e")? }
            }
            ("EC", Family::Ec) => {
                let (x, y) = (members.bytes("x")?, members.bytes("y")?);
                if x.len() != algorithm.size() || y.len() != algorithm.size() {
                    return Err(problem(format!(
                        "a coordinate of the JWK has the wrong length; {algorithm} expects {} bytes for each",
                        algorithm.size()
                    )));
                }
                Material::Point([&[4], x.as_slice(), &y].concat())
            }
            ("OKP", Family::Ed) => Material::Point(members.bytes("x")?),
            _ => return Err(problem("the `kty`, `crv` and `alg` of the JWK do not agree")),
        };
        let may_sign = members.ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "sign"));
        Ok(Self { algorithm, id: members.text("kid").map(str::to_owned), may_sign, material })
    }
}

struct Members {
    texts: Vec<(String, Zeroizing<String>)>,
    ops: Option<Vec<String>>,
}

impl Members {
    fn read(text: &[u8]) -> Result<Self, KeyProblem> {
        let text = std::str::from_utf8(text).map_err(|_| problem("the JWK is not UTF-8"))?;
        let mut members = Self { texts: Vec::new(), ops: None };
        json::object(text, |name, value, _| {
            match (name, value) {
                ("key_ops", Value::Array(raw)) => {
                    let mut ops = Vec::new();
                    json::array(raw, |op| match op {
                        Value::String(op) => {
                            ops.push(op.value().into_owned());
                            Ok(())
                        }
                        _ => Err(NotStrict),
                    })?;
                    members.ops = Some(ops);
                }
                (_, Value::String(text)) => {
                    let text = Zeroizing::new(text.value().into_owned());
                    members.texts.push((name.to_owned(), text));
                }
                (
                    "kty" | "alg" | "use" | "key_ops" | "kid" | "crv" | "k" | "n" | "e" | "x" | "y",
                    _,
                ) => {
                    return Err(NotStrict);
                }
                _ => {}
            }
            Ok(())
        })
        .map_err(|NotStrict| {
            problem("the JWK is not a JSON object with unique, correctly typed members")
        })?;
        Ok(members)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, KeyProblem> {
        self.text(name)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| {
                problem(format!(
                    "the member `{name}` of the JWK is missing, or not base64url without padding"
                ))
            })
    }

    fn algorithm(&self, kty: &str) -> Result<Algorithm, KeyProblem> {
        let by_curve = match (kty, self.text("crv")) {
            ("EC", Some("P-256")) => Some(Algorithm::ES256),
            ("EC", Some("P-384")) => Some(Algorithm::ES384),
            ("EC", Some("P-521")) => Some(Algorithm::ES512),
            ("OKP", Some("Ed25519")) => Some(Algorithm::EdDSA),
            ("EC" | "OKP", _) => {
                return Err(problem(
                    "missing or unknown `crv` of the JWK; expected `P-256`, `P-384` or `P-521` for `EC`, `Ed25519` for `OKP`",
                ));
            }
            _ => None,
        };
        let named = match self.text("alg") {
            Some(name) => Some(name.parse().map_err(|_| {
                problem(format!("unknown `alg` of the JWK; expected {}", Algorithm::names()))
            })?),
            None => None,
        };
        match (by_curve, named) {
            (Some(curve), Some(named)) if curve != named => {
                Err(problem("the `crv` and `alg` of the JWK do not agree"))
            }
            (Some(algorithm), _) | (None, Some(algorithm)) => Ok(algorithm),
            (None, None) => Err(problem(
                "the JWK has no `alg`; it is required where `kty` is RSA or oct, which fit several algorithms",
            )),
        }
    }
}
