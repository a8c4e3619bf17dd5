//! A token that breaks one rule is refused for that rule.

use jwt_auth::AuthErrorKind;
use proptest::prelude::*;
use serde_json::{Value, json};
use tests::{NOW, SECRET, claims, config, sign, sign_with};

use crate::verdict;

/// A rule broken: in the header, in the claims, or in their text.
#[derive(Clone, Debug)]
enum Broken {
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

fn wrong_type() -> impl Strategy<Value = (Broken, AuthErrorKind)> {
    let strings = prop::sample::select(vec!["iss", "jti", "scope", "fam", "csrf", "type"]);
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
        (strings, no_string).prop_map(|(name, value)| Broken::Claim(name, value)),
        (dates, no_date).prop_map(|(name, value)| Broken::Claim(name, value)),
        prop::sample::select(vec![json!(1.5), json!(null), json!([])])
            .prop_map(|v| Broken::Claim("sub", v)),
        prop::sample::select(vec![json!(1), json!({}), json!(["a", 1])])
            .prop_map(|v| Broken::Claim("aud", v)),
        prop::sample::select(vec![json!("a"), json!([1]), json!({})])
            .prop_map(|v| Broken::Claim("roles", v)),
        prop::sample::select(vec![json!("true"), json!(1), json!(null)])
            .prop_map(|v| Broken::Claim("fresh", v)),
        prop::sample::select(vec![json!(-1), json!("1"), json!(0.5)])
            .prop_map(|v| Broken::Claim("gen", v)),
    ]
    .prop_map(|broken| (broken, Kind::InvalidClaims))
}

fn broken() -> impl Strategy<Value = (Broken, AuthErrorKind)> {
    let fixed = vec![
        (Broken::NoClaim("exp"), Kind::InvalidClaims),
        (Broken::NoClaim("sub"), Kind::InvalidClaims),
        (Broken::NoClaim("iss"), Kind::WrongIssuer),
        (Broken::NoClaim("aud"), Kind::WrongAudience),
        (Broken::NoClaim("type"), Kind::AccessTokenRequired),
        (Broken::Claim("type", json!("refresh")), Kind::AccessTokenRequired),
        (Broken::Claim("aud", json!([])), Kind::WrongAudience),
        (Broken::NoHeader("alg"), Kind::Malformed),
        (Broken::Header("alg", json!({ "HS256": null })), Kind::Malformed),
        (Broken::Header("alg", json!(["HS256"])), Kind::Malformed),
        (Broken::Header("crit", json!(["exp"])), Kind::Malformed),
        (Broken::Header("b64", json!(false)), Kind::Malformed),
        (Broken::Header("zip", json!("DEF")), Kind::Malformed),
        (Broken::Header("enc", json!("A256GCM")), Kind::Malformed),
        (Broken::Header("typ", json!("dpop+jwt")), Kind::Malformed),
        (Broken::Header("typ", json!("rt+jwt")), Kind::AccessTokenRequired),
        (Broken::HeaderTwice, Kind::Malformed),
    ];
    let algorithms = prop::sample::select(vec![
        "none", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", "",
    ]);
    prop_oneof![
        4 => prop::sample::select(fixed),
        4 => wrong_type(),
        1 => (0..=NOW).prop_map(|exp| (Broken::Claim("exp", json!(exp)), Kind::Expired)),
        1 => (NOW + 1..NOW * 2).prop_map(|nbf| (Broken::Claim("nbf", json!(nbf)), Kind::NotYetValid)),
        1 => (NOW + 1..NOW * 2).prop_map(|iat| (Broken::Claim("iat", json!(iat)), Kind::IssuedInTheFuture)),
        1 => ".{0,20}".prop_filter("another", |iss| iss != "me")
            .prop_map(|iss| (Broken::Claim("iss", json!(iss)), Kind::WrongIssuer)),
        1 => prop::collection::vec(".{0,8}".prop_filter("another", |aud| aud != "api"), 0..4)
            .prop_map(|aud| (Broken::Claim("aud", json!(aud)), Kind::WrongAudience)),
        1 => "[a-z]{129,300}".prop_map(|id| (Broken::Claim("jti", json!(id)), Kind::InvalidClaims)),
        1 => algorithms.prop_map(|alg| (Broken::Header("alg", json!(alg)), Kind::WrongAlgorithm)),
        1 => ".{0,20}".prop_map(|kid| (Broken::Header("kid", json!(kid)), Kind::UnknownKey)),
        1 => prop::sample::select(vec!["sub", "exp", "iss", "aud", "jti", "type"])
            .prop_map(|name| (Broken::ClaimTwice(name), Kind::InvalidClaims)),
        1 => prop::sample::select(vec!["x", "{}", ",", "\u{0}", "]"])
            .prop_map(|text| (Broken::AfterClaims(text), Kind::InvalidClaims)),
        1 => any::<[u8; 32]>().prop_filter("another", |secret| secret != SECRET)
            .prop_map(|secret| (Broken::Secret(secret), Kind::InvalidSignature)),
    ]
}

fn token(broken: &Broken, extra: &Value) -> String {
    let mut claims = claims();
    claims["iss"] = "me".into();
    claims["aud"] = "api".into();
    // What nobody asks about changes no verdict.
    claims["extra"] = extra.clone();
    let mut header = json!({ "typ": "JWT", "alg": "HS256", "x-extra": extra });
    let object = |value: &mut Value, name: &str| {
        value.as_object_mut().expect("an object").remove(name);
    };
    let mut secret = *SECRET;
    match broken {
        Broken::Claim(name, value) => claims[*name] = value.clone(),
        Broken::NoClaim(name) => object(&mut claims, name),
        Broken::Header(name, value) => header[*name] = value.clone(),
        Broken::NoHeader(name) => object(&mut header, name),
        Broken::Secret(other) => secret = *other,
        Broken::ClaimTwice(name) => {
            let text = claims.to_string();
            let twice = format!("{},\"{name}\":{}}}", &text[..text.len() - 1], claims[*name]);
            return sign(&header.to_string(), &twice);
        }
        Broken::HeaderTwice => {
            let text = header.to_string();
            return sign(
                &format!("{},\"alg\":\"HS256\"}}", &text[..text.len() - 1]),
                &claims.to_string(),
            );
        }
        Broken::AfterClaims(text) => return sign(&header.to_string(), &format!("{claims}{text}")),
    }
    sign_with(&secret, &header, &claims)
}

proptest! {
    #[test]
    fn one_broken_rule_is_refused_with_that_rule_s_kind(
        (broken, kind) in broken(),
        extra in prop::sample::select(vec![json!(1), json!("\u{e9}\\\""), json!({"a": [1, {"b": null}]}), json!([])]),
        entries in prop::sample::select(vec![0_usize, 10]),
    ) {
        thread_local!(static AUTHS: [jwt_auth::JwtAuth; 2] = [0, 10].map(|entries| {
            let config = config().0.issuer("me").audience(["api"]).verified_cache(entries);
            config.build().expect("good")
        }));
        let auth = AUTHS.with(|auths| auths[usize::from(entries > 0)].clone());
        let whole = token(&Broken::Claim("sub", json!("alice")), &extra);
        prop_assert_eq!(verdict(&auth, &whole), Ok("alice".to_owned()), "unbroken");
        let token = token(&broken, &extra);
        prop_assert_eq!(verdict(&auth, &token), Err(kind), "{}", token);
        prop_assert_eq!(verdict(&auth, &token), Err(kind), "again");
    }
}
