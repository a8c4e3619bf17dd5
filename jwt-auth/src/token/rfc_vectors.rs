//! The examples of the standards, as tests: RFC 7515 A, RFC 7520 §4, RFC 7797 §4, RFC 8037 A and RFC 7638 §3.1.

use std::time::Duration;

use super::compact::Segments;
use super::verify::{Scratch, checked_payload};
use crate::error::AuthErrorKind;
use crate::keys::{Key, KeyRing, LoadedRing, RingTerms};

const HMAC: &str = r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const RSA: &str = r#"{"kty":"RSA","alg":"RS256","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// RFC 7520 §3.3; tests replace `ALG` with the algorithm of the example.
const COOKBOOK_RSA: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","alg":"ALG","e":"AQAB","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"}"#;
/// RFC 7520 §3.5.
const COOKBOOK_HMAC: &str = r#"{"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}"#;

/// The claims of RFC 7515 A.1 to A.3.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
/// The text of RFC 7520 §4.
const FRODO: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
const BILBO_RS256: &str =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
const BILBO_PS384: &str =
    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
const COOKBOOK_HS256: &str =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";

/// Verifies the signature of a token with the key, and returns the payload.
fn read(key: &str, token: &str) -> Result<Vec<u8>, AuthErrorKind> {
    let ring = KeyRing::default().also_verify(Key::jwk(key));
    let ring = LoadedRing::load(&ring, RingTerms::default()).unwrap();
    let mut scratch = Scratch::default();
    let segments = Segments::split(token)?;
    checked_payload(token, segments, &ring, &mut scratch, Duration::ZERO)
        .map(|checked| checked.payload.to_vec())
}

fn join(parts: [&str; 3]) -> String {
    parts.join(".")
}

#[test]
fn rfc_7515_a_1_to_a_3_verify() {
    let text =
        b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    for (key, header, signature) in [
        (
            HMAC,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            RSA,
            "eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            P256,
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
    ] {
        let token = join([header, JOE, signature]);
        assert_eq!(read(key, &token).as_deref(), Ok(&text[..]), "{header}");
        let other =
            if key == HMAC { COOKBOOK_HMAC.replace("\"kid\"", "\"x\"") } else { HMAC.into() };
        assert!(read(&other, &token).is_err(), "{header} with another key");
    }
}

#[test]
fn rfc_7515_a_4_to_a_7_are_refused() {
    let p521 = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
    assert_eq!(read(P256, p521), Err(AuthErrorKind::WrongAlgorithm), "A.4, ES512");
    let none = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    assert_eq!(read(HMAC, &none), Err(AuthErrorKind::WrongAlgorithm), "A.5, none");
    let signature =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let general = format!(
        r#"{{"payload":"{JOE}","signatures":[{{"protected":"eyJhbGciOiJFUzI1NiJ9","header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},"signature":"{signature}"}}]}}"#
    );
    assert_eq!(read(P256, &general), Err(AuthErrorKind::Malformed), "A.6, general JSON");
    let flat = format!(
        r#"{{"payload":"{JOE}","protected":"eyJhbGciOiJFUzI1NiJ9","header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},"signature":"{signature}"}}"#
    );
    assert_eq!(read(P256, &flat), Err(AuthErrorKind::Malformed), "A.7, flattened JSON");
}

#[test]
fn rfc_7520_4_compact_examples_verify() {
    for (key, header, signature) in [
        (
            COOKBOOK_RSA.replace("ALG", "RS256"),
            BILBO_RS256,
            "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
        ),
        (
            COOKBOOK_RSA.replace("ALG", "PS384"),
            BILBO_PS384,
            "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
        ),
        (COOKBOOK_HMAC.to_owned(), COOKBOOK_HS256, "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"),
    ] {
        let token = join([header, FRODO, signature]);
        let payload = read(&key, &token).unwrap();
        assert!(payload.starts_with("It\u{2019}s a dangerous business, Frodo".as_bytes()));
        // The other RSA example has the same key, but another algorithm.
        let swapped = if header == BILBO_RS256 { "PS384" } else { "RS256" };
        if header != COOKBOOK_HS256 {
            assert_eq!(
                read(&COOKBOOK_RSA.replace("ALG", swapped), &token),
                Err(AuthErrorKind::WrongAlgorithm)
            );
        }
    }
}

#[test]
fn rfc_7520_4_other_examples_are_refused() {
    let es512 = join([
        "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        FRODO,
        "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2",
    ]);
    assert_eq!(read(COOKBOOK_HMAC, &es512), Err(AuthErrorKind::WrongAlgorithm), "§4.3");
    let detached = join([COOKBOOK_HS256, "", "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"]);
    assert_eq!(read(COOKBOOK_HMAC, &detached), Err(AuthErrorKind::InvalidSignature), "§4.5");
    // §4.6 to §4.8 exist as JSON only, with an unprotected header or several signatures.
    for json in [
        format!(
            r#"{{"payload":"{FRODO}","protected":"eyJhbGciOiJIUzI1NiJ9","header":{{"kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"}},"signature":"bWUSVaxorn7bEF1djytBd0kHv70Ly5pvbomzMWSOr20"}}"#
        ),
        format!(
            r#"{{"payload":"{FRODO}","header":{{"alg":"HS256","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"}},"signature":"xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk"}}"#
        ),
        format!(
            r#"{{"payload":"{FRODO}","signatures":[{{"protected":"{COOKBOOK_HS256}","signature":"s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"}}]}}"#
        ),
    ] {
        assert_eq!(read(COOKBOOK_HMAC, &json), Err(AuthErrorKind::Malformed));
    }
}

#[test]
fn r7_rfc_7797_4_unencoded_payloads_are_refused() {
    let encoded = "eyJhbGciOiJIUzI1NiJ9.JC4wMg.5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ";
    assert_eq!(read(HMAC, encoded).as_deref(), Ok(&b"$.02"[..]), "§4, the same payload encoded");
    let header = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19";
    let signature = "A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY";
    for payload in ["", "JC4wMg", "$.02"] {
        let token = join([header, payload, signature]);
        assert_eq!(read(HMAC, &token), Err(AuthErrorKind::Malformed), "§4.2, {payload:?}");
    }
}

#[test]
fn rfc_8037_a_5_verifies() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(read(ED25519, token).as_deref(), Ok(&b"Example of Ed25519 signing"[..]));
    let x25519 = r#"{"kty":"OKP","crv":"X25519","kid":"Bob","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}"#;
    let ring = KeyRing::default().also_verify(Key::jwk(x25519));
    assert!(
        LoadedRing::load(&ring, RingTerms::default()).is_err(),
        "the key of A.6 is for key agreement, not for signatures"
    );
}

#[test]
fn rfc_7638_3_1_and_rfc_8037_a_3_thumbprints_match() {
    let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    let cases = [
        (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (ED25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        // No RFC has an example for EC; another program computed this hash of the members.
        (P256, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"),
    ];
    for (key, thumbprint) in cases {
        let ring = KeyRing::new(Key::jwk(key).thumbprint_id());
        let ring = LoadedRing::load(&ring, RingTerms::default()).unwrap();
        assert_eq!(ring.keys().next().unwrap().id.as_deref(), Some(thumbprint));
        assert!(ring.by_id(thumbprint).is_some());
    }
    let ring = KeyRing::new(Key::jwk(HMAC).thumbprint_id());
    assert!(
        LoadedRing::load(&ring, RingTerms::default()).is_err(),
        "a shared secret has no thumbprint id"
    );
}
