//! Reading a token: `guide::security`, rules R1–R18, by the guard of a real route.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::{NOW, SECRET, claims, forge, get, plain_header, sign, sign_encoded};

use crate::app::{app, good_app};

async fn code_of(token: &str) -> String {
    let (app, _, _) = good_app();
    let response = get(&app, "/me", token).await;
    match response.status {
        StatusCode::OK => "ok".to_owned(),
        StatusCode::UNAUTHORIZED => response.code(),
        other => panic!("{other}: {}", response.body),
    }
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims();
    change(&mut claims);
    claims
}

fn good() -> String {
    forge(&plain_header(), &claims())
}

#[tokio::test]
async fn a_token_of_pyjwt_is_accepted() {
    assert_eq!(code_of(&good()).await, "ok");
    assert_eq!(code_of(&forge(&json!({ "alg": "HS256" }), &claims())).await, "ok");
}

#[tokio::test]
async fn r1_only_three_segments_of_canonical_base64url_are_accepted() {
    let good = good();
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three segments") };
    let mut bad = vec![
        String::from("."),
        "..".into(),
        "...".into(),
        "a".into(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}.a.b"),
        format!("{good}="),
        format!("{good}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        format!("{good}%3D"),
        good.replace('.', ","),
        good.replace('.', ". ").replace(' ', "\u{a0}"),
    ];
    // An unused bit of the last character is set: a lenient decoder reads the same bytes.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = good.chars().last().expect("a last character");
    let at = alphabet.find(last).expect("a base64url character");
    let twin = alphabet.chars().nth(at ^ 1).expect("a twin");
    bad.push(format!("{}{twin}", &good[..good.len() - 1]));
    // The alphabet with `+` and `/`.
    let odd = forge(&plain_header(), &with(|c| c["x"] = json!("ÿ?>~ÿ??>>")));
    assert!(odd.contains('_') || odd.contains('-'));
    bad.push(odd.replace('_', "/").replace('-', "+"));
    for token in bad {
        assert_ne!(code_of(&token).await, "ok", "{token}");
    }
    assert_eq!(code_of(&odd).await, "ok");
}

#[tokio::test]
async fn r1_a_token_over_8_kib_is_refused() {
    let long = |n: usize| forge(&plain_header(), &with(|c| c["x"] = json!("y".repeat(n))));
    let fits = long(5_900);
    assert!(fits.len() < 8 * 1024 && fits.len() > 8_000);
    assert_eq!(code_of(&fits).await, "ok");
    assert_eq!(code_of(&long(6_100)).await, "token_malformed");
    // Exactly at the limit. Base64url text does not have every length, so the header is padded too.
    for (len, code) in [(8_192, "ok"), (8_193, "token_malformed")] {
        let token = (0..4).find_map(|pad| {
            let mut header = plain_header();
            header["x"] = json!("y".repeat(pad));
            let long = |n: usize| forge(&header, &with(|c| c["x"] = json!("y".repeat(n))));
            (5_900..6_100).map(long).find(|token| token.len() == len)
        });
        assert_eq!(code_of(&token.expect("a token of that length")).await, code, "{len}");
    }
}

#[tokio::test]
async fn r2_header_and_claims_that_are_not_utf8_json_objects_are_refused() {
    let (header, claims) = (plain_header().to_string(), claims().to_string());
    for bad in [
        "[\"JWT\",\"HS256\"]",
        "\"HS256\"",
        "null",
        "1",
        "",
        "{",
        "{\"alg\":\"HS256\"}x",
        "{\"alg\":\"HS256\"}{}",
        "{\"alg\":\"HS256\",}",
        "{'alg':'HS256'}",
        "\u{feff}{\"alg\":\"HS256\"}",
    ] {
        assert_ne!(code_of(&sign(bad, &claims)).await, "ok", "{bad}");
    }
    let positional = json!(["alice", NOW, NOW, NOW + 900, "id", "access", false]).to_string();
    for bad in [
        positional.as_str(),
        "null",
        "\"x\"",
        "",
        "{",
        &format!("{claims} x"),
        &format!("{claims}{claims}"),
    ] {
        assert_ne!(code_of(&sign(&header, bad)).await, "ok", "{bad}");
    }
    let mut bytes = claims.clone().into_bytes();
    let at = bytes.len() - 1;
    bytes.splice(at..at, *b",\"x\":\"\xff\"");
    let token = sign_encoded(&URL_SAFE_NO_PAD.encode(&header), &URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(code_of(&token).await, "token_malformed");
}

#[tokio::test]
async fn r3_duplicate_member_names_are_refused() {
    let claims = claims().to_string();
    let header = plain_header().to_string();
    let twice = |text: &str, member: &str| format!("{},{member}}}", &text[..text.len() - 1]);
    for member in ["\"alg\":\"HS256\"", "\"al\\u0067\":\"HS256\"", "\"x\":1,\"x\":1"] {
        assert_eq!(code_of(&sign(&twice(&header, member), &claims)).await, "token_malformed");
    }
    for member in [
        "\"sub\":\"mallory\"",
        "\"s\\u0075b\":\"mallory\"",
        "\"x\":1,\"x\":2",
        "\"x\":{\"y\":1,\"y\":1}",
    ] {
        assert_eq!(code_of(&sign(&header, &twice(&claims, member))).await, "claims_invalid");
    }
}

#[tokio::test]
async fn r4_unknown_parameters_and_claims_are_ignored() {
    let header = json!({ "alg": "HS256", "typ": "JWT", "x": { "y": [1, null] }, "cty": "x" });
    let claims = with(|c| c["tenant"] = json!({ "id": 7 }));
    assert_eq!(code_of(&forge(&header, &claims)).await, "ok");
}

#[tokio::test]
async fn r2_a_number_beyond_the_range_of_a_double_is_refused() {
    let text = |number: &str| {
        let claims = claims().to_string();
        let claims = format!("{},\"x\":{number}}}", &claims[..claims.len() - 1]);
        sign(&plain_header().to_string(), &claims)
    };
    assert_eq!(code_of(&text("1e308")).await, "ok");
    assert_eq!(code_of(&text("123456789012345678901234567890")).await, "ok");
    for bad in ["1e999", "-1e400", "1.7976931348623158079e308", &"9".repeat(400)] {
        assert_eq!(code_of(&text(bad)).await, "claims_invalid", "{bad}");
    }
}

#[tokio::test]
async fn r5_alg_is_a_string_and_equals_the_algorithm_of_the_key() {
    for alg in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS512"] {
        let token = forge(&json!({ "alg": alg }), &claims());
        assert_eq!(code_of(&token).await, "algorithm_not_allowed", "{alg}");
    }
    for alg in [json!({ "HS256": null }), json!(["HS256"]), json!(1), json!(null), json!(true)] {
        assert_eq!(code_of(&forge(&json!({ "alg": alg }), &claims())).await, "token_malformed");
    }
    assert_eq!(code_of(&forge(&json!({ "typ": "JWT" }), &claims())).await, "token_malformed");
}

#[tokio::test]
async fn r6_alg_none_is_refused_in_any_spelling() {
    for alg in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", " HS256", "HS256\u{0}"] {
        let token = forge(&json!({ "alg": alg }), &claims());
        assert_eq!(code_of(&token).await, "algorithm_not_allowed", "{alg:?}");
        let unsigned = &token[..=token.rfind('.').expect("a dot")];
        assert_ne!(code_of(unsigned).await, "ok", "{alg:?}");
    }
}

#[tokio::test]
async fn r7_crit_and_b64_false_are_refused() {
    for extra in [
        json!({ "crit": ["exp"] }),
        json!({ "crit": [] }),
        json!({ "crit": null }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "b64": false }),
        json!({ "b64": null }),
        json!({ "crit": ["http://example/x"], "http://example/x": true }),
    ] {
        let mut header = plain_header();
        header
            .as_object_mut()
            .expect("an object")
            .extend(extra.as_object().expect("an object").clone());
        assert_eq!(code_of(&forge(&header, &claims())).await, "token_malformed", "{extra}");
    }
    let default_encoding = json!({ "alg": "HS256", "b64": true });
    assert_eq!(code_of(&forge(&default_encoding, &claims())).await, "ok");
}

#[tokio::test]
async fn r8_keys_in_a_token_header_are_ignored() {
    // The attacker signs with their own secret and sends it in the header.
    let secret = b"mallory's own secret of 32 bytes";
    let jwk = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret), "alg": "HS256" });
    for header in [
        json!({ "alg": "HS256", "jwk": jwk }),
        json!({ "alg": "HS256", "jku": "http://127.0.0.1:9/jwks.json" }),
        json!({ "alg": "HS256", "x5u": "http://127.0.0.1:9/x5u", "x5c": ["AAAA"] }),
        json!({ "alg": "HS256", "kid": "/dev/null" }),
        json!({ "alg": "HS256", "kid": "' OR 1=1 --" }),
    ] {
        let token = tests::sign_with(secret, &header, &claims());
        assert_ne!(code_of(&token).await, "ok", "{header}");
        // With the right key, which has no id, the same header is ignored.
        assert_eq!(code_of(&forge(&header, &claims())).await, "ok", "{header}");
    }
}

#[tokio::test]
async fn r9_kid_is_compared_with_known_ids_only() {
    use jwt_auth::{Algorithm, Config, Key, KeyRing, ManualClock};
    let ring =
        KeyRing::new(Key::secret(Algorithm::HS256, *b"secret number 1, with 32 bytes .").id("new"))
            .also_verify(Key::secret(Algorithm::HS256, SECRET).id("old"));
    let served = |ring| app(Config::with_keys(ring).clock(ManualClock::at(NOW)));
    let (app, auth) = served(ring);
    let kid = |kid: &str| forge(&json!({ "alg": "HS256", "kid": kid }), &claims());
    assert_eq!(get(&app, "/me", &kid("old")).await.status, StatusCode::OK);
    assert_eq!(get(&app, "/me", &kid("new")).await.code(), "signature_invalid");
    for unknown in ["", "OLD", "old ", "../old", "old\u{0}"] {
        assert_eq!(get(&app, "/me", &kid(unknown)).await.code(), "key_unknown", "{unknown:?}");
    }
    // Both keys have an id, so a token without `kid` is tried against neither.
    let none = forge(&json!({ "alg": "HS256" }), &claims());
    assert_eq!(get(&app, "/me", &none).await.code(), "key_unknown");
    let ours = auth.access_token("alice").issue().expect("a token");
    assert_eq!(jwt_auth::danger::decode_unverified(&ours).expect("a token").header["kid"], "new");
    assert_eq!(get(&app, "/me", &ours).await.status, StatusCode::OK);
    // With `also_without_id` the key verifies the tokens that it signed before it had an id, and no unknown `kid`.
    let new = Key::secret(Algorithm::HS256, *b"secret number 1, with 32 bytes .").id("new");
    let old = Key::secret(Algorithm::HS256, SECRET).id("old").also_without_id();
    let ring = KeyRing::new(new.clone()).also_verify(old);
    let (app, _) = served(ring);
    assert_eq!(get(&app, "/me", &none).await.status, StatusCode::OK);
    assert_eq!(get(&app, "/me", &kid("other")).await.code(), "key_unknown");
    // A key without an id verifies both: the `kid` may come from a provider, and its key from a local file.
    let ring = KeyRing::new(new).also_verify(Key::secret(Algorithm::HS256, SECRET));
    let (app, _) = served(ring);
    assert_eq!(get(&app, "/me", &none).await.status, StatusCode::OK);
    for unknown in ["", "OLD", "old ", "../old", "old\u{0}"] {
        assert_eq!(get(&app, "/me", &kid(unknown)).await.status, StatusCode::OK, "{unknown:?}");
    }
    assert_eq!(get(&app, "/me", &kid("new")).await.code(), "signature_invalid");
}

#[tokio::test]
async fn r12_exp_is_required_and_compared_with_the_clock() {
    let (app, _, clock) = good_app();
    let token = good();
    clock.advance(std::time::Duration::from_secs(899));
    assert_eq!(get(&app, "/me", &token).await.status, StatusCode::OK);
    clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(get(&app, "/me", &token).await.code(), "token_expired");
    for (exp, code) in [
        (json!(NOW), "token_expired"),
        (json!(0), "token_expired"),
        (json!(NOW + 1), "ok"),
        (json!(1_700_000_900.5), "ok"),
        (json!(253_402_300_799_u64), "ok"),
        (json!(253_402_300_800_u64), "claims_invalid"),
        (json!(-1), "claims_invalid"),
        (json!(u64::MAX), "claims_invalid"),
        (json!(1e300), "claims_invalid"),
        (json!((NOW + 900).to_string()), "claims_invalid"),
        (json!(null), "claims_invalid"),
        (json!([NOW + 900]), "claims_invalid"),
    ] {
        let token = forge(&plain_header(), &with(|c| c["exp"] = exp.clone()));
        assert_eq!(code_of(&token).await, code, "{exp}");
    }
    let none = forge(&plain_header(), &with(|c| drop(c.as_object_mut().map(|c| c.remove("exp")))));
    assert_eq!(code_of(&none).await, "claims_invalid");
    for raw in ["1e999", "NaN", "Infinity", "00", "0x10", "1700000900_0"] {
        let text = claims()
            .to_string()
            .replace(&format!("\"exp\":{}", NOW + 900), &format!("\"exp\":{raw}"));
        assert_eq!(
            code_of(&sign(&plain_header().to_string(), &text)).await,
            "claims_invalid",
            "{raw}"
        );
    }
}

#[tokio::test]
async fn r13_r14_nbf_and_iat_in_the_future_are_refused() {
    for (claim, code) in [("nbf", "token_not_yet_valid"), ("iat", "token_issued_in_the_future")] {
        let at = |second: u64| forge(&plain_header(), &with(|c| c[claim] = json!(second)));
        assert_eq!(code_of(&at(NOW + 5)).await, "ok", "clocks are never exactly equal");
        assert_eq!(code_of(&at(NOW + 6)).await, code);
        for bad in [json!("1"), json!(null), json!(true), json!(-5)] {
            let token = forge(&plain_header(), &with(|c| c[claim] = bad.clone()));
            assert_eq!(code_of(&token).await, "claims_invalid", "{claim} {bad}");
        }
    }
}

#[tokio::test]
async fn r15_registered_claims_of_a_wrong_type_are_refused() {
    for (claim, bad) in [
        ("sub", json!(null)),
        ("sub", json!({})),
        ("sub", json!(1.5)),
        ("sub", json!(["alice"])),
        ("iss", json!({})),
        ("iss", json!(1)),
        ("aud", json!(123)),
        ("aud", json!({})),
        ("aud", json!([1])),
        ("jti", json!(7)),
        ("jti", json!({})),
        ("type", json!(1)),
        ("fresh", json!("yes")),
        ("scope", json!(["a"])),
        ("roles", json!("a")),
        ("jti", json!("x".repeat(129))),
    ] {
        let token = forge(&plain_header(), &with(|c| c[claim] = bad.clone()));
        assert_eq!(code_of(&token).await, "claims_invalid", "{claim}: {bad}");
    }
    assert_eq!(
        code_of(&forge(&plain_header(), &with(|c| c["aud"] = json!("x")))).await,
        "audience_invalid"
    );
    let number = forge(&plain_header(), &with(|c| c["sub"] = json!(42)));
    assert_eq!(code_of(&number).await, "claims_invalid", "r21");
    let longest = forge(&plain_header(), &with(|c| c["jti"] = json!("x".repeat(128))));
    assert_eq!(code_of(&longest).await, "ok");
    let none = forge(&plain_header(), &with(|c| drop(c.as_object_mut().map(|c| c.remove("sub")))));
    assert_eq!(code_of(&none).await, "claims_invalid");
}

#[tokio::test]
async fn r15_issuer_and_audience_must_match_the_configuration() {
    let (config, _) = tests::config();
    let (app, _) = app(config.issuer("me").audience(["api", "web"]));
    let code = async |iss: Value, aud: Value| {
        let claims = with(|c| {
            c["iss"] = iss;
            c["aud"] = aud;
        });
        let response = get(&app, "/me", &forge(&plain_header(), &claims)).await;
        if response.status == StatusCode::OK { "ok".to_owned() } else { response.code() }
    };
    assert_eq!(code(json!("me"), json!("web")).await, "ok");
    assert_eq!(code(json!("me"), json!(["other", "api"])).await, "ok");
    assert_eq!(code(json!("Me"), json!("web")).await, "issuer_invalid");
    assert_eq!(code(json!("me "), json!("web")).await, "issuer_invalid");
    assert_eq!(code(json!("me"), json!("WEB")).await, "audience_invalid");
    assert_eq!(code(json!("me"), json!([])).await, "audience_invalid");
    let response = get(&app, "/me", &good()).await;
    assert_eq!(response.code(), "issuer_invalid", "a missing issuer is refused");
}

#[tokio::test]
async fn r16_other_serialisations_are_refused() {
    let good = good();
    let parts: Vec<_> = good.split('.').collect();
    let json =
        json!({ "payload": parts[1], "protected": parts[0], "signature": parts[2] }).to_string();
    assert_eq!(code_of(&json.replace(' ', "")).await, "token_malformed");
    let five = format!("{good}.AAAA.AAAA");
    assert_eq!(code_of(&five).await, "token_malformed");
    for extra in
        [json!({ "alg": "HS256", "zip": "DEF" }), json!({ "alg": "HS256", "enc": "A256GCM" })]
    {
        assert_eq!(code_of(&forge(&extra, &claims())).await, "token_malformed");
    }
}

#[tokio::test]
async fn r17_access_and_refresh_tokens_exclude_each_other() {
    let (app, auth, _) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!(get(&app, "/me", pair.refresh_token()).await.code(), "access_token_required");
    let response = tests::call(&app, "POST", "/refresh", Some(pair.access_token())).await;
    assert_eq!(response.code(), "refresh_token_required");
    for (typ, kind, code) in [
        (json!("JWT"), json!("refresh"), "access_token_required"),
        (json!("rt+jwt"), json!("access"), "access_token_required"),
        (json!("at+jwt"), json!("access"), "ok"),
        (json!("application/at+jwt"), json!("access"), "ok"),
        (json!("applications"), json!("access"), "token_malformed"),
        (json!("applicationsat+jwt"), json!("access"), "token_malformed"),
        (json!("jwt"), json!("access"), "ok"),
        (json!("JWT"), json!("id"), "access_token_required"),
        (json!("JWT"), json!("Access"), "access_token_required"),
        (json!("dpop+jwt"), json!("access"), "token_malformed"),
        (json!(""), json!("access"), "token_malformed"),
        (json!(1), json!("access"), "token_malformed"),
    ] {
        let header = json!({ "alg": "HS256", "typ": typ });
        let token = forge(&header, &with(|c| c["type"] = kind.clone()));
        assert_eq!(code_of(&token).await, code, "{typ} {kind}");
    }
    let none = forge(&plain_header(), &with(|c| drop(c.as_object_mut().map(|c| c.remove("type")))));
    assert_eq!(code_of(&none).await, "access_token_required");
}

#[tokio::test]
async fn r18_a_custom_claims_type_never_replaces_a_registered_claim() {
    #[derive(serde::Deserialize)]
    struct Mine {
        sub: String,
        exp: u64,
        tenant: String,
    }
    let (_, auth, _) = good_app();
    let token =
        auth.access_token("alice").claims(&json!({ "tenant": "acme" })).issue().expect("a token");
    let token = auth
        .verify_access(&token)
        .await
        .expect("a valid token")
        .with_claims::<Mine>()
        .expect("claims that fit the type");
    assert_eq!((token.subject(), token.custom().tenant.as_str()), ("alice", "acme"));
    assert_eq!((token.custom().sub.as_str(), token.custom().exp), ("alice", NOW + 900));
    for name in [
        "sub",
        "iat",
        "nbf",
        "exp",
        "jti",
        "type",
        "fresh",
        "csrf",
        "iss",
        "aud",
        "scope",
        "roles",
        "auth_time",
        "sid",
        "gen",
    ] {
        let error =
            auth.access_token("alice").claims(&json!({ name: 1 })).issue().expect_err("reserved");
        assert_eq!(error.kind(), jwt_auth::AuthErrorKind::CannotIssue, "{name}");
    }
}

#[tokio::test]
async fn a_token_with_any_bit_flipped_is_refused() {
    let (app, auth, _) = good_app();
    let good = auth.access_token("alice").issue().expect("a token");
    assert_eq!(get(&app, "/me", &good).await.status, StatusCode::OK);
    for at in 0..good.len() {
        for bit in 0..7 {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let outcome = auth.verify_access(&text).await;
            assert!(outcome.is_err(), "bit {bit} of byte {at}");
        }
    }
}
