//! A token that breaks one rule is refused with the error kind of that rule.

use jwt_auth::{Algorithm, AuthErrorKind, Config, Key, KeyRing, ManualClock};
use proptest::prelude::*;
use serde_json::{Value, json};
use tests::{NOW, SECRET, claims, sign, sign_with};

use crate::verdict;

/// How a token breaks a rule: in its header, its claims, or their text.
#[derive(Clone, Debug)]
enum Violation {
    Claim(&'static str, Value),
    NoClaim(&'static str),
    Header(&'static str, Value),
    NoHeader(&'static str),
    ClaimTwice(&'static str),
    HeaderTwice,
    AfterClaims(&'static str),
    Secret([u8; 32]),
}

use AuthErrorKind as Kind;

fn wrong_type() -> impl Strategy<Value = (Violation, AuthErrorKind)> {
    let strings = prop::sample::select(vec!["iss", "jti", "scope", "sid", "csrf", "type"]);
    let no_string =
        prop::sample::select(vec![json!(1), json!(null), json!(true), json!({}), json!([1])]);
    let dates = prop::sample::select(vec!["exp", "nbf", "iat", "auth_time"]);
    let no_date = prop::sample::select(vec![
        json!("1"),
        json!(null),
        json!(-1),
        json!(253_402_300_800_u64),
        json!([]),
        json!(true),
        json!(-0.5),
    ]);
    prop_oneof![
        (strings, no_string).prop_map(|(name, value)| Violation::Claim(name, value)),
        (dates, no_date).prop_map(|(name, value)| Violation::Claim(name, value)),
        prop::sample::select(vec![json!(1.5), json!(null), json!([])])
            .prop_map(|v| Violation::Claim("sub", v)),
        prop::sample::select(vec![json!(1), json!({}), json!(["a", 1])])
            .prop_map(|v| Violation::Claim("aud", v)),
        prop::sample::select(vec![json!("a"), json!([1]), json!({})])
            .prop_map(|v| Violation::Claim("roles", v)),
        prop::sample::select(vec![json!("true"), json!(-1), json!(null)])
            .prop_map(|v| Violation::Claim("fresh", v)),
        prop::sample::select(vec![json!(-1), json!("1"), json!(0.5)])
            .prop_map(|v| Violation::Claim("gen", v)),
    ]
    .prop_map(|violation| (violation, Kind::InvalidClaims))
}

fn violation() -> impl Strategy<Value = (Violation, AuthErrorKind)> {
    let fixed = vec![
        (Violation::NoClaim("exp"), Kind::InvalidClaims),
        (Violation::NoClaim("sub"), Kind::InvalidClaims),
        (Violation::NoClaim("iss"), Kind::IssuerMissing),
        (Violation::NoClaim("aud"), Kind::AudienceMissing),
        (Violation::NoClaim("type"), Kind::AccessTokenRequired),
        (Violation::Claim("type", json!("refresh")), Kind::AccessTokenRequired),
        (Violation::Claim("aud", json!([])), Kind::WrongAudience),
        (Violation::NoHeader("alg"), Kind::Malformed),
        (Violation::Header("alg", json!({ "HS256": null })), Kind::Malformed),
        (Violation::Header("alg", json!(["HS256"])), Kind::Malformed),
        (Violation::Header("crit", json!(["exp"])), Kind::Malformed),
        (Violation::Header("b64", json!(false)), Kind::Malformed),
        (Violation::Header("zip", json!("DEF")), Kind::Malformed),
        (Violation::Header("enc", json!("A256GCM")), Kind::Malformed),
        (Violation::Header("typ", json!("dpop+jwt")), Kind::Malformed),
        (Violation::Header("typ", json!("rt+jwt")), Kind::AccessTokenRequired),
        (Violation::HeaderTwice, Kind::Malformed),
    ];
    let algorithms = prop::sample::select(vec![
        "none", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", "",
    ]);
    prop_oneof![
        4 => prop::sample::select(fixed),
        4 => wrong_type(),
        1 => (0..=NOW).prop_map(|exp| (Violation::Claim("exp", json!(exp)), Kind::Expired)),
        1 => (NOW + 6..NOW * 2).prop_map(|nbf| (Violation::Claim("nbf", json!(nbf)), Kind::NotYetValid)),
        1 => (NOW + 1..NOW * 2).prop_map(|iat| (Violation::Claim("iat", json!(iat)), Kind::IssuedInTheFuture)),
        1 => ".{0,20}".prop_filter("another", |iss| iss != "me")
            .prop_map(|iss| (Violation::Claim("iss", json!(iss)), Kind::WrongIssuer)),
        1 => prop::collection::vec(".{0,8}".prop_filter("another", |aud| aud != "api"), 0..4)
            .prop_map(|aud| (Violation::Claim("aud", json!(aud)), Kind::WrongAudience)),
        1 => "[a-z]{129,300}".prop_map(|id| (Violation::Claim("jti", json!(id)), Kind::InvalidClaims)),
        1 => algorithms.prop_map(|alg| (Violation::Header("alg", json!(alg)), Kind::WrongAlgorithm)),
        1 => ".{0,20}".prop_map(|kid| (Violation::Header("kid", json!(kid)), Kind::UnknownKey)),
        1 => prop::sample::select(vec!["sub", "exp", "iss", "aud", "jti", "type"])
            .prop_map(|name| (Violation::ClaimTwice(name), Kind::InvalidClaims)),
        1 => prop::sample::select(vec!["x", "{}", ",", "\u{0}", "]"])
            .prop_map(|text| (Violation::AfterClaims(text), Kind::InvalidClaims)),
        1 => any::<[u8; 32]>().prop_filter("another", |secret| secret != SECRET)
            .prop_map(|secret| (Violation::Secret(secret), Kind::InvalidSignature)),
    ]
}

fn token(violation: &Violation, extra: &Value) -> String {
    let mut claims = claims();
    claims["iss"] = "me".into();
    claims["aud"] = "api".into();
    // Unknown claims and header parameters change no verdict.
    claims["extra"] = extra.clone();
    let mut header = json!({ "typ": "JWT", "alg": "HS256", "x-extra": extra });
    let remove = |value: &mut Value, name: &str| {
        value.as_object_mut().expect("an object").remove(name);
    };
    let mut secret = *SECRET;
    match violation {
        Violation::Claim(name, value) => claims[*name] = value.clone(),
        Violation::NoClaim(name) => remove(&mut claims, name),
        Violation::Header(name, value) => header[*name] = value.clone(),
        Violation::NoHeader(name) => remove(&mut header, name),
        Violation::Secret(other) => secret = *other,
        Violation::ClaimTwice(name) => {
            let text = claims.to_string();
            let twice = format!("{},\"{name}\":{}}}", &text[..text.len() - 1], claims[*name]);
            return sign(&header.to_string(), &twice);
        }
        Violation::HeaderTwice => {
            let text = header.to_string();
            return sign(
                &format!("{},\"alg\":\"HS256\"}}", &text[..text.len() - 1]),
                &claims.to_string(),
            );
        }
        Violation::AfterClaims(text) => {
            return sign(&header.to_string(), &format!("{claims}{text}"));
        }
    }
    sign_with(&secret, &header, &claims)
}

proptest! {
    #[test]
    fn a_token_that_breaks_one_rule_is_refused_with_the_kind_of_that_rule(
        (violation, kind) in violation(),
        extra in prop::sample::select(vec![json!(1), json!("\u{e9}\\\""), json!({"a": [1, {"b": null}]}), json!([])]),
        cache_size in prop::sample::select(vec![0_usize, 10]),
    ) {
        thread_local!(static AUTHS: [jwt_auth::JwtAuth; 2] = [0, 10].map(|cache_size| {
            // With an id, so that no key is a candidate for an unknown `kid`.
            let key = Key::secret(Algorithm::HS256, SECRET).id("known");
            let config = Config::with_keys(KeyRing::new(key)).clock(ManualClock::at(NOW));
            let config = config.issuer("me").audience(["api"]).verified_cache(cache_size);
            config.build().expect("a valid configuration")
        }));
        let auth = AUTHS.with(|auths| auths[usize::from(cache_size > 0)].clone());
        let whole = token(&Violation::Claim("sub", json!("alice")), &extra);
        prop_assert_eq!(verdict(&auth, &whole), Ok("alice".to_owned()), "no rule is broken");
        let token = token(&violation, &extra);
        prop_assert_eq!(verdict(&auth, &token), Err(kind), "{}", token);
        prop_assert_eq!(verdict(&auth, &token), Err(kind), "a second time");
    }
}
