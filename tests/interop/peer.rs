//! The other libraries: each issues and verifies tokens on request.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

/// A library that answers requests, as `python.py` describes them.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;
    fn answer(&mut self, request: &Value) -> Value;
}

/// A library of another language, in a process that answers lines.
pub(crate) struct Script {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Starts the script, if its language and its library are installed.
    ///
    /// # Panics
    ///
    /// If they are not, and `TESTS_INTEROP=required`.
    pub(crate) fn start(name: &'static str, command: &[&str]) -> Option<Self> {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()
            .map(|mut child| {
                let input = child.stdin.take().expect("piped");
                let output = BufReader::new(child.stdout.take().expect("piped"));
                Self { name, child, input, output }
            });
        // A missing package ends the process before it answers.
        let probe =
            json!({ "do": "verify", "algorithm": "none", "key": "", "token": "", "now": 0 });
        if child.as_mut().is_some_and(|script| script.try_answer(&probe).is_some()) {
            return child;
        }
        assert!(
            std::env::var("TESTS_INTEROP").as_deref() != Ok("required"),
            "{name} does not run; install it with scripts/interop.sh"
        );
        eprintln!("skipped: {name} does not run; install it with scripts/interop.sh");
        None
    }

    /// Starts the script of every library.
    pub(crate) fn start_all() -> [Option<Self>; 4] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");
        let python = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python/bin/python");
        let (script, node) = (format!("{folder}/python.py"), format!("{folder}/node.mjs"));
        [
            Self::start("PyJWT", &[python, &script, "pyjwt"]),
            Self::start("python-jose", &[python, &script, "python-jose"]),
            Self::start("joserfc", &[python, &script, "joserfc"]),
            Self::start("jose (npm)", &["node", &node]),
        ]
    }

    fn try_answer(&mut self, request: &Value) -> Option<Value> {
        writeln!(self.input, "{request}").ok()?;
        let mut line = String::new();
        self.output.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

impl Peer for Script {
    fn name(&self) -> &'static str {
        self.name
    }

    fn answer(&mut self, request: &Value) -> Value {
        self.try_answer(request).unwrap_or_else(|| panic!("{} ended at {request}", self.name))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The crate `jsonwebtoken`, by its own functions.
pub(crate) struct Jsonwebtoken;

impl Peer for Jsonwebtoken {
    fn name(&self) -> &'static str {
        "jsonwebtoken"
    }

    fn answer(&mut self, request: &Value) -> Value {
        // With two backends on, the crate has no default.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let text = |name: &str| request[name].as_str().expect("text");
        let Ok(algorithm) = text("algorithm").parse::<Algorithm>() else {
            return json!({ "unsupported": "jsonwebtoken does not have the algorithm" });
        };
        let outcome = match text("do") {
            "issue" => {
                issue(algorithm, text("key"), request).map(|token| json!({ "token": token }))
            }
            _ => verify(algorithm, request).map(|claims| json!({ "claims": claims })),
        };
        outcome.unwrap_or_else(|error| json!({ "error": error.to_string() }))
    }
}

fn issue(
    algorithm: Algorithm,
    key: &str,
    request: &Value,
) -> Result<String, jsonwebtoken::errors::Error> {
    let mut header = Header::new(algorithm);
    header.kid = request["header"]["kid"].as_str().map(str::to_owned);
    let key = key.as_bytes();
    let key = match &request["algorithm"].as_str().expect("text")[..2] {
        "HS" => EncodingKey::from_secret(key),
        "ES" => EncodingKey::from_ec_pem(key)?,
        "Ed" => EncodingKey::from_ed_pem(key)?,
        _ => EncodingKey::from_rsa_pem(key)?,
    };
    jsonwebtoken::encode(&header, &request["claims"], &key)
}

fn verify(algorithm: Algorithm, request: &Value) -> Result<Value, jsonwebtoken::errors::Error> {
    let text = |name: &str| request[name].as_str().expect("text");
    if request["key"].is_object() {
        let jwk = serde_json::from_value(request["key"].clone())?;
        return decode(algorithm, &DecodingKey::from_jwk(&jwk)?, request);
    }
    let key = text("key").as_bytes();
    let key = match &text("algorithm")[..2] {
        "HS" => DecodingKey::from_secret(key),
        "ES" => DecodingKey::from_ec_pem(key)?,
        "Ed" => DecodingKey::from_ed_pem(key)?,
        _ => DecodingKey::from_rsa_pem(key)?,
    };
    decode(algorithm, &key, request)
}

#[expect(clippy::disallowed_methods, reason = "jsonwebtoken verifies here, to compare it")]
fn decode(
    algorithm: Algorithm,
    key: &DecodingKey,
    request: &Value,
) -> Result<Value, jsonwebtoken::errors::Error> {
    let text = |name: &str| request[name].as_str().expect("text");
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[text("audience")]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud"]);
    // The crate has no clock to set.
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(text("token"), key, &validation)?.claims;
    Ok(claims)
}
