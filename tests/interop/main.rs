//! Exchanges tokens with other JWT libraries, in both directions, for every algorithm.

mod key_rotation;
mod peer;

use jwt_auth::{
    AccessToken, Algorithm, AuthErrorKind, Config, JwtAuth, Key, KeyMaterial, KeyRing, ManualClock,
    TokenLocation,
};
use serde_json::{Value, json};

use peer::{Jsonwebtoken, Peer, Script};

const ALGORITHMS: [&str; 14] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
    "ES384", "ES512", "EdDSA", "Ed25519",
];
const NOW: u64 = tests::NOW;

/// The keys of an algorithm, as other libraries read them.
struct Keys {
    algorithm: Algorithm,
    signing: String,
    verifying: String,
}

impl Keys {
    fn of(name: &str) -> Self {
        // The name of RFC 9864. We read it, and write `EdDSA`.
        let algorithm: Algorithm =
            if name == "Ed25519" { "EdDSA" } else { name }.parse().expect("known");
        let file = match &name[..2] {
            "HS" => {
                let secret = "a secret that signs for every library, in 64 bytes and a few more";
                let secret = secret.to_owned();
                return Self { algorithm, signing: secret.clone(), verifying: secret };
            }
            "ES" => match algorithm {
                Algorithm::ES256 => "p256",
                Algorithm::ES384 => "p384",
                _ => "p521",
            },
            "Ed" => "ed",
            _ => "rsa",
        };
        let read = |name: String| {
            let path = format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).expect("a key")
        };
        let (signing, verifying) = (read(format!("{file}.pem")), read(format!("{file}.pub.pem")));
        Self { algorithm, signing, verifying }
    }

    fn auth(&self) -> JwtAuth {
        let key = if self.signing == self.verifying {
            Key::secret(self.algorithm, KeyMaterial::raw(self.signing.as_bytes()))
        } else {
            Key::pem_pair(self.algorithm, self.signing.as_str(), self.verifying.as_str())
        };
        Config::with_keys(KeyRing::new(key))
            .clock(ManualClock::at(NOW + 1))
            .token_location([TokenLocation::Cookie])
            .issuer("https://auth.example")
            .audience(["a", "b"])
            .build()
            .expect("a valid configuration")
    }
}

/// The token with the last byte of its signature changed.
fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token");
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", &signature[1..])
}

/// Whether tokens of the library verify here.
async fn we_read(peer: &mut dyn Peer, name: &str, keys: &Keys) -> bool {
    let claims = json!({
        "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 900, "jti": "an-id", "type": "access",
        "iss": "https://auth.example", "aud": ["b", "c"], "tenant": { "name": "Åcme\n\"&" },
    });
    let mut issue = |claims: &Value, header: Value| {
        let request = json!({ "do": "issue", "algorithm": name, "key": keys.signing,
            "claims": claims, "header": header });
        peer.answer(&request)
    };
    let first = issue(&claims, json!({}));
    if first.get("unsupported").is_some() {
        return false;
    }
    let auth = keys.auth();
    for header in [json!({}), json!({ "kid": "a-key-of-theirs" }), json!({ "typ": "at+jwt" })] {
        let answer = issue(&claims, header.clone());
        let token = answer["token"].as_str().unwrap_or_else(|| panic!("{name} {header}: {answer}"));
        let read: AccessToken = auth.verify_access(token).await.unwrap_or_else(|error| {
            panic!("{name} {header}: {error}: {token}");
        });
        assert_eq!(Value::Object(read.claims().clone()), claims, "{name}");
        let error = auth.verify_access(&tampered(token)).await.expect_err("refused");
        assert_eq!(error.kind(), AuthErrorKind::InvalidSignature, "{name}");
    }
    for (claim, value, kind) in [
        ("exp", json!(NOW), AuthErrorKind::Expired),
        ("aud", json!(["c"]), AuthErrorKind::WrongAudience),
        ("iss", json!("https://other.example"), AuthErrorKind::WrongIssuer),
        ("type", json!("refresh"), AuthErrorKind::AccessTokenRequired),
    ] {
        let mut claims = claims.clone();
        claims[claim] = value;
        let answer = issue(&claims, json!({}));
        let error =
            auth.verify_access(answer["token"].as_str().expect("text")).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{name} {claim}");
    }
    true
}

/// Whether our tokens verify with the library.
async fn they_read(peer: &mut dyn Peer, name: &str, keys: &Keys) -> bool {
    let auth = keys.auth();
    let claims = json!({ "tenant": { "name": "Åcme\n\"&" } });
    let pair = auth.log_in("alice").scopes(["x", "y"]).roles(["editor"]).claims(&claims);
    let pair = pair.await.expect("a pair");
    let ours: AccessToken = auth.verify_access(pair.access_token()).await.expect("valid");
    let mut verify_with = |key: &Value, token: &str, audience: &str, now: u64| {
        let request = json!({ "do": "verify", "algorithm": name, "key": key,
            "token": token, "audience": audience, "now": now });
        peer.answer(&request)
    };
    // The key that we publish, as the library reads it.
    let published = serde_json::to_value(auth.jwks()).expect("serialises");
    if let [jwk] = published["keys"].as_array().expect("an array").as_slice() {
        let answer = verify_with(jwk, pair.access_token(), "b", NOW + 2);
        let is_good = answer.get("unsupported").is_some() || answer["claims"]["sub"] == "alice";
        assert!(is_good, "{name} {jwk}: {answer}");
    }
    let key = json!(keys.verifying);
    let mut verify =
        |token: &str, audience: &str, now: u64| verify_with(&key, token, audience, now);
    let first = verify(pair.access_token(), "b", NOW + 2);
    if first.get("unsupported").is_some() {
        return false;
    }
    assert_eq!(first["claims"], Value::Object(ours.claims().clone()), "{name}: {first}");
    assert!(ours.claims().contains_key("csrf") && ours.claims().contains_key("sid"));
    let refresh = verify(pair.refresh_token(), "a", NOW + 2);
    assert_eq!(refresh["claims"]["type"], "refresh", "{name}: {refresh}");
    for token in [pair.access_token(), pair.refresh_token()] {
        assert!(verify(&tampered(token), "b", NOW + 2).get("error").is_some(), "{name}");
        assert!(verify(token, "c", NOW + 2).get("error").is_some(), "{name}: wrong audience");
    }
    true
}

/// Both directions, as a cell of the table in the documentation.
async fn exchange(peer: &mut dyn Peer, name: &str) -> &'static str {
    let keys = Keys::of(name);
    let is_ours_read = name != "Ed25519" && they_read(peer, name, &keys).await;
    match (we_read(peer, name, &keys).await, is_ours_read) {
        (true, true) => "both",
        (true, false) => "theirs",
        (false, true) => "ours",
        (false, false) => "–",
    }
}

#[tokio::test]
async fn tokens_are_exchanged_with_other_libraries_as_the_documentation_says() {
    let scripts = Script::start_all();
    let is_complete = scripts.iter().all(Option::is_some);
    let mut peers: Vec<Box<dyn Peer>> = Vec::new();
    peers.extend(scripts.into_iter().flatten().map(|script| Box::new(script) as Box<dyn Peer>));
    peers.push(Box::new(Jsonwebtoken));

    let names: Vec<_> = peers.iter().map(|peer| peer.name()).collect();
    let mut lines = vec![
        format!("| algorithm | {} |", names.join(" | ")),
        format!("|---|{}", "---|".repeat(names.len())),
    ];
    for name in ALGORITHMS {
        let mut cells = Vec::new();
        for peer in &mut peers {
            cells.push(exchange(peer.as_mut(), name).await);
        }
        lines.push(format!("| `{name}` | {} |", cells.join(" | ")));
    }
    let table = lines.join("\n");
    let chapter = concat!(env!("CARGO_MANIFEST_DIR"), "/../jwt-auth/src/guide/other_libraries.md");
    let chapter = std::fs::read_to_string(chapter).expect("the chapter");
    assert!(!is_complete || chapter.contains(&table), "the chapter has another table:\n{table}");
}
