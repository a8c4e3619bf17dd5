//! DPoP (RFC 9449): tokens that are bound to a key, and the proofs that requests bring.

use std::convert::Infallible;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::router::Require;
use jwt_auth::routing::{get, post, protected_resource};
use jwt_auth::session::TokenIdentity;
use jwt_auth::{
    AccessToken, AuthError, Checked, Config, DpopProof, GuardedRouter, JsonRefreshToken, JwtAuth,
    KeyMaterial, ManualClock, RefreshToken, TokenLocation, TokenPair, check, guard, jwt_required,
    public, refresh_required,
};
use serde_json::{Value, json};
use tests::provider::{EC, ED, Provider, RSA};
use tests::{NOW, TestResponse, config, hash, send};

const ORIGIN: &str = "https://api.example";

#[public]
async fn log_in(auth: JwtAuth, proof: Option<DpopProof>) -> Result<TokenPair, AuthError> {
    match &proof {
        Some(proof) => auth.log_in("alice").bound_to(proof).await,
        None => auth.log_in("alice").await,
    }
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

async fn refresh_by_json(token: JsonRefreshToken) -> Result<TokenPair, AuthError> {
    token.rotate().await
}

#[jwt_required(dpop)]
async fn pay(token: AccessToken) -> String {
    format!("{} by {}", token.subject(), token.dpop_thumbprint().expect("bound"))
}

#[jwt_required(dpop, revocation = "strict")]
async fn pay_strictly() {}

#[jwt_required]
async fn notes(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[check]
async fn sees_the_token(token: AccessToken, proof: DpopProof) -> bool {
    token.dpop_thumbprint() == Some(proof.thumbprint())
}

#[jwt_required(dpop, check = sees_the_token)]
async fn checked(_: AccessToken, _: Checked<sees_the_token>, proof: DpopProof) -> String {
    proof.thumbprint()
}

#[jwt_required(dpop, optional)]
async fn visitor(token: Option<AccessToken>) -> String {
    token.map_or("visitor".to_owned(), |token| token.subject().to_owned())
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
}

fn routes() -> GuardedRouter<App> {
    let inner = GuardedRouter::new().route("/notes/{id}", get(notes));
    let service = tower::service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(axum::http::Response::new(Body::from("service")))
    });
    let group = GuardedRouter::new().require(Require::token().dpop()).route("/group", get(notes));
    GuardedRouter::new()
        .route("/log-in", post(log_in))
        .route("/refresh", post(refresh))
        .route("/refresh-json", post(refresh_by_json))
        .route("/pay", post(pay).get(pay))
        .route("/pay-strictly", post(pay_strictly))
        .route("/notes", get(notes))
        .route("/checked", get(checked))
        .route("/visitor", get(visitor))
        .route("/.well-known/oauth-protected-resource", protected_resource())
        .nest("/v1", inner)
        .merge(group)
        .guarded_service("/service", guard::required().dpop(), service)
}

fn app_of(config: Config) -> Router {
    let auth = config.build().expect("valid");
    routes().with_state(App { auth })
}

fn app() -> (Router, ManualClock) {
    let (config, clock) = config();
    (app_of(config.resource(ORIGIN)), clock)
}

fn public_jwk(key: Provider) -> Value {
    let mut jwk = key.jwk();
    let members = jwk.as_object_mut().expect("an object");
    members.retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
    jwk
}

fn header(key: Provider) -> Value {
    json!({ "typ": "dpop+jwt", "alg": key.algorithm.to_string(), "jwk": public_jwk(key) })
}

fn claims(id: &str, method: &str, path: &str, token: Option<&str>) -> Value {
    let mut claims =
        json!({ "jti": id, "htm": method, "htu": format!("{ORIGIN}{path}"), "iat": NOW });
    if let Some(token) = token {
        claims["ath"] = hash(token).into();
    }
    claims
}

fn proof(key: Provider, id: &str, method: &str, path: &str, token: Option<&str>) -> String {
    let claims = claims(id, method, path, token).to_string();
    key.sign_text(&header(key).to_string(), &claims)
}

/// A request with these headers.
async fn call(app: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(Body::empty()).expect("valid")).await
}

/// A request with a bound token and its proof.
async fn call_bound(app: &Router, method: &str, path: &str, token: &str, id: &str) -> TestResponse {
    let proof = proof(EC, id, method, path, Some(token));
    let authorization = format!("DPoP {token}");
    call(app, method, path, &[("authorization", &authorization), ("dpop", &proof)]).await
}

/// The pair of a log-in that shows a key.
async fn bound_pair(app: &Router, id: &str) -> TokenPair {
    let proof = proof(EC, id, "POST", "/log-in", None);
    let response = call(app, "POST", "/log-in", &[("dpop", &proof)]).await;
    assert_eq!(response.status, 200, "{}", response.body);
    let body: Value = serde_json::from_str(&response.body).expect("JSON");
    assert_eq!(body["token_type"], "DPoP");
    serde_json::from_value(body).expect("a pair")
}

#[tokio::test]
async fn a_bound_token_opens_routes_with_its_proof() {
    let (app, _) = app();
    let pair = bound_pair(&app, "a").await;
    let token = pair.access_token();
    let response = call_bound(&app, "POST", "/pay", token, "b").await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert!(response.body.starts_with("alice by "), "{}", response.body);
    // Routes that do not require it take it too, below `nest` as well, and so do services, checks and groups.
    for (id, path) in ["/notes", "/v1/notes/1", "/checked", "/visitor", "/group", "/service"]
        .into_iter()
        .enumerate()
    {
        let response = call_bound(&app, "GET", path, token, &id.to_string()).await;
        assert_eq!(response.status, 200, "{path}: {}", response.body);
    }
    // The proof names the path that the client sees, without its query.
    let proof = proof(EC, "q", "GET", "/v1/notes/1", Some(token));
    let authorization = format!("dpop {token}");
    let headers = [("authorization", &*authorization), ("dpop", &proof)];
    assert_eq!(call(&app, "GET", "/v1/notes/1?page=2", &headers).await.status, 200);
}

#[tokio::test]
async fn a_bound_token_without_its_proof_opens_no_route() {
    let (config, _) = config();
    let locations = [TokenLocation::Header, TokenLocation::Cookie, TokenLocation::Query];
    let app = app_of(config.resource(ORIGIN).token_location(locations));
    let pair = bound_pair(&app, "a").await;
    let token = pair.access_token();
    let bearer = format!("Bearer {token}");
    let cookie = format!("__Host-access_token_cookie={token}");
    let proof = proof(EC, "b", "GET", "/notes", Some(token));
    let in_query = format!("/notes?access_token={token}");
    for (path, headers) in [
        ("/notes", vec![("authorization", &*bearer)]),
        // A proof beside the scheme Bearer is no use of DPoP (RFC 9449 §7.2).
        ("/notes", vec![("authorization", &*bearer), ("dpop", &*proof)]),
        ("/notes", vec![("cookie", &*cookie), ("dpop", &*proof)]),
        (&*in_query, vec![("dpop", &*proof)]),
    ] {
        let response = call(&app, "GET", path, &headers).await;
        assert_eq!((response.status.as_u16(), &*response.code()), (401, "dpop_required"));
        assert!(response.challenge().starts_with("DPoP error=\"invalid_token\""));
    }
    let auth = app_auth();
    let bound = auth.verify_access(token).await;
    assert_eq!(bound.expect_err("bound").code(), "dpop_required");
}

fn app_auth() -> JwtAuth {
    config().0.resource(ORIGIN).build().expect("valid")
}

#[tokio::test]
async fn an_unbound_token_opens_no_route_that_requires_dpop() {
    let (app, _) = app();
    let response = call(&app, "POST", "/log-in", &[]).await;
    let pair: TokenPair = serde_json::from_str(&response.body).expect("a pair");
    let token = pair.access_token();
    let bearer = format!("Bearer {token}");
    for (method, path) in
        [("POST", "/pay"), ("GET", "/group"), ("GET", "/service"), ("GET", "/visitor")]
    {
        let response = call(&app, method, path, &[("authorization", &*bearer)]).await;
        assert_eq!((response.status.as_u16(), &*response.code()), (401, "dpop_required"), "{path}");
        // The thief of a token has a key of its own as well.
        let with_proof = call_bound(&app, method, path, token, path).await;
        assert_eq!(with_proof.code(), "dpop_required", "{path}");
    }
    assert_eq!(call(&app, "GET", "/notes", &[("authorization", &*bearer)]).await.status, 200);
    assert_eq!(call(&app, "GET", "/visitor", &[]).await.body, "visitor");
    // Without a token the challenge says what is needed.
    let response = call(&app, "POST", "/pay", &[]).await;
    assert_eq!(response.code(), "token_missing");
    assert_eq!(
        response.challenge(),
        format!(
            "DPoP algs=\"{}\", resource_metadata=\"{ORIGIN}/.well-known/oauth-protected-resource\"",
            tests::key_pair_algorithms().join(" ")
        )
    );
}

/// Changes of a good proof, each of which must be refused.
fn bad_proofs(token: &str) -> Vec<(&'static str, String)> {
    let good = || (header(EC), claims("bad", "POST", "/pay", Some(token)));
    let signed =
        |header: &Value, claims: &Value| EC.sign_text(&header.to_string(), &claims.to_string());
    let mut cases = Vec::new();
    for (name, member, value) in [
        ("no typ", "typ", Value::Null),
        ("typ of an access token", "typ", "at+jwt".into()),
        ("typ JWT", "typ", "JWT".into()),
        ("no alg", "alg", Value::Null),
        ("alg none", "alg", "none".into()),
        ("alg HS256", "alg", "HS256".into()),
        ("alg of another curve", "alg", "ES384".into()),
        ("alg is no text", "alg", 1.into()),
        ("no jwk", "jwk", Value::Null),
        ("jwk is text", "jwk", "x".into()),
        ("another key", "jwk", public_jwk(ED)),
        ("an off-curve point", "jwk", json!({ "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ" })),
        ("crit", "crit", json!(["b64"])),
        ("b64", "b64", false.into()),
    ] {
        let (mut header, claims) = good();
        if value.is_null() {
            header.as_object_mut().expect("an object").remove(member);
        } else {
            header[member] = value;
        }
        cases.push((name, signed(&header, &claims)));
    }
    for member in ["d", "p", "k"] {
        let (mut header, claims) = good();
        header["jwk"][member] = "AQAB".into();
        cases.push(("a private key", signed(&header, &claims)));
    }
    let (mut header_oct, claims_oct) = good();
    header_oct["jwk"] = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32]) });
    cases.push(("a secret as the key", signed(&header_oct, &claims_oct)));
    for (name, member, value) in [
        ("no jti", "jti", Value::Null),
        ("an empty jti", "jti", "".into()),
        ("a long jti", "jti", "j".repeat(257).into()),
        ("a jti that is no text", "jti", 7.into()),
        ("no htm", "htm", Value::Null),
        ("another method", "htm", "GET".into()),
        ("the method in lower case", "htm", "post".into()),
        ("no htu", "htu", Value::Null),
        ("another path", "htu", "https://api.example/pay/".into()),
        ("another host", "htu", "https://api.example.com/pay".into()),
        ("another scheme", "htu", "http://api.example/pay".into()),
        ("another port", "htu", "https://api.example:8443/pay".into()),
        ("a path alone", "htu", "/pay".into()),
        ("a user in the address", "htu", "https://a@api.example/pay".into()),
        ("no ath", "ath", Value::Null),
        ("another ath", "ath", hash("another").into()),
        ("no iat", "iat", Value::Null),
        ("an old proof", "iat", (NOW - 61).into()),
        ("a proof from the future", "iat", (NOW + 6).into()),
        ("an iat that is no number", "iat", NOW.to_string().into()),
    ] {
        let (header, mut claims) = good();
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(member);
        } else {
            claims[member] = value;
        }
        cases.push((name, signed(&header, &claims)));
    }
    let (header, claims) = good();
    let proof = signed(&header, &claims);
    cases.push(("another signature", format!("{}AAAA", &proof[..proof.len() - 4])));
    cases.push(("no signature", proof[..=proof.rfind('.').expect("dots")].to_owned()));
    cases.push((
        "a duplicate claim",
        EC.sign_text(
            &header.to_string(),
            &claims.to_string().replacen('{', "{\"htm\":\"POST\",", 1),
        ),
    ));
    cases.push(("five segments", format!("{proof}.a.b")));
    cases.push(("no JWT", "junk".to_owned()));
    cases.push(("nothing", String::new()));
    cases.push(("the access token itself", token.to_owned()));
    cases.push(("too long", "a".repeat(20_000)));
    cases
}

#[tokio::test]
async fn every_other_proof_is_refused() {
    let (app, _) = app();
    let pair = bound_pair(&app, "a").await;
    let token = pair.access_token();
    let authorization = format!("DPoP {token}");
    for (name, bad) in bad_proofs(token) {
        let headers = [("authorization", &*authorization), ("dpop", &*bad)];
        let response = call(&app, "POST", "/pay", &headers).await;
        assert_eq!(
            (response.status.as_u16(), &*response.code()),
            (401, "dpop_proof_invalid"),
            "{name}"
        );
        assert!(response.challenge().starts_with("DPoP error=\"invalid_dpop_proof\""), "{name}");
    }
    let good = proof(EC, "good", "POST", "/pay", Some(token));
    let none = call(&app, "POST", "/pay", &[("authorization", &authorization)]).await;
    assert_eq!(none.code(), "dpop_proof_invalid");
    let two = [("authorization", &*authorization), ("dpop", &*good), ("dpop", &*good)];
    assert_eq!(call(&app, "POST", "/pay", &two).await.code(), "dpop_proof_invalid");
    // The proof of another key, which is right in all else.
    let other = proof(ED, "other", "POST", "/pay", Some(token));
    let headers = [("authorization", &*authorization), ("dpop", &*other)];
    assert_eq!(call(&app, "POST", "/pay", &headers).await.code(), "dpop_proof_invalid");
    // None of these has used the id of the good one.
    let headers = [("authorization", &*authorization), ("dpop", &*good)];
    assert_eq!(call(&app, "POST", "/pay", &headers).await.status, 200);
}

#[tokio::test]
async fn a_proof_is_accepted_once() {
    let (app, clock) = app();
    let pair = bound_pair(&app, "a").await;
    let token = pair.access_token();
    assert_eq!(call_bound(&app, "POST", "/pay", token, "b").await.status, 200);
    let again = call_bound(&app, "POST", "/pay", token, "b").await;
    assert_eq!(again.code(), "dpop_proof_invalid");
    assert!(again.body.contains("used before"), "{}", again.body);
    assert_eq!(call_bound(&app, "POST", "/pay", token, "c").await.status, 200);
    // A proof at the end of its time is still remembered.
    clock.advance(Duration::from_secs(60));
    assert_eq!(call_bound(&app, "POST", "/pay", token, "c").await.code(), "dpop_proof_invalid");
    assert_eq!(call_bound(&app, "POST", "/pay", token, "d").await.status, 200);
    clock.advance(Duration::from_secs(1));
    assert!(call_bound(&app, "POST", "/pay", token, "e").await.body.contains("too old"));
    let log_in = proof(EC, "twice", "POST", "/log-in", None);
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW));
    assert_eq!(call(&app, "POST", "/log-in", &[("dpop", &log_in)]).await.status, 200);
    assert_eq!(
        call(&app, "POST", "/log-in", &[("dpop", &log_in)]).await.code(),
        "dpop_proof_invalid"
    );
}

#[tokio::test]
async fn a_proof_is_accepted_once_where_a_check_waits() {
    let configs: [fn(Config) -> Config; 3] = [
        |config| config,
        |config| config.denylist(|_: &TokenIdentity<'_>| async { Ok::<_, Infallible>(false) }),
        |config| {
            config.async_claims_check(|_: &TokenIdentity<'_>| async { Ok::<_, Infallible>(true) })
        },
    ];
    for (at, change) in configs.into_iter().enumerate() {
        let app = app_of(change(config().0.resource(ORIGIN)));
        let pair = bound_pair(&app, "a").await;
        for path in ["/pay", "/pay-strictly"] {
            let token = pair.access_token();
            assert_eq!(call_bound(&app, "POST", path, token, path).await.status, 200, "{path}");
            let again = call_bound(&app, "POST", path, token, path).await;
            assert!(again.body.contains("used before"), "{path}, {at}: {}", again.body);
        }
        let refreshed = call_bound(&app, "POST", "/refresh", pair.refresh_token(), "r").await;
        let refreshed: Value = serde_json::from_str(&refreshed.body).expect("a pair");
        let next = refreshed["refresh_token"].as_str().expect("a token");
        let again = call_bound(&app, "POST", "/refresh", next, "r").await;
        assert!(again.body.contains("used before"), "/refresh, {at}: {}", again.body);
    }
}

/// Sends one proof again and again until it is too old.
async fn replay(app: &Router, clock: &ManualClock, proof: &str) {
    let first = call(app, "POST", "/log-in", &[("dpop", proof)]).await;
    assert_eq!(first.status, 200, "{}", first.body);
    for seconds in (0..600).step_by(5) {
        clock.advance(Duration::from_secs(5));
        let again = call(app, "POST", "/log-in", &[("dpop", proof)]).await;
        assert_eq!(again.status, 401, "after {seconds} s: {}", again.body);
    }
}

#[tokio::test]
async fn a_proof_is_remembered_for_as_long_as_it_is_valid() {
    let (settings, clock) = config();
    let leeway = settings.resource(ORIGIN).decode_leeway(Duration::from_secs(30));
    // As far ahead as a clock may be.
    let mut ahead = claims("ahead", "POST", "/log-in", None);
    ahead["iat"] = (NOW + 5).into();
    let proof = EC.sign_text(&header(EC).to_string(), &ahead.to_string());
    replay(&app_of(leeway), &clock, &proof).await;

    let (settings, clock) = config();
    let secret = KeyMaterial::from(*b"a nonce secret of 32 bytes, yes!");
    let app = app_of(settings.resource(ORIGIN).dpop_nonces(secret));
    let refused = call(&app, "POST", "/log-in", &[("dpop", &proof)]).await;
    let mut with_nonce = claims("nonce", "POST", "/log-in", None);
    with_nonce["nonce"] = refused.headers["dpop-nonce"].to_str().expect("text").into();
    let proof = EC.sign_text(&header(EC).to_string(), &with_nonce.to_string());
    replay(&app, &clock, &proof).await;
}

#[tokio::test]
async fn a_refresh_keeps_the_key_and_needs_it() {
    let (app, _) = app();
    let pair = bound_pair(&app, "a").await;
    let bearer = format!("Bearer {}", pair.refresh_token());
    assert_eq!(
        call(&app, "POST", "/refresh", &[("authorization", &*bearer)]).await.code(),
        "dpop_required"
    );
    let refreshed = call_bound(&app, "POST", "/refresh", pair.refresh_token(), "b").await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert!(refreshed.body.contains("\"token_type\":\"DPoP\""), "{}", refreshed.body);
    let next: TokenPair = serde_json::from_str(&refreshed.body).expect("a pair");
    assert_eq!(call_bound(&app, "POST", "/pay", next.access_token(), "c").await.status, 200);
    // In a body the proof names no token, as at the token endpoint of RFC 9449 §5.
    let body = json!({ "refresh_token": next.refresh_token() }).to_string();
    let request = |proof: Option<String>| {
        let mut request = Request::post("/refresh-json").header("content-type", "application/json");
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        request.body(Body::from(body.clone())).expect("valid")
    };
    assert_eq!(send(&app, request(None)).await.code(), "dpop_required");
    let wrong = proof(ED, "d", "POST", "/refresh-json", None);
    assert_eq!(send(&app, request(Some(wrong))).await.code(), "dpop_proof_invalid");
    let good = proof(EC, "e", "POST", "/refresh-json", None);
    let response = send(&app, request(Some(good))).await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert!(response.body.contains("\"token_type\":\"DPoP\""));
}

#[tokio::test]
async fn every_algorithm_with_a_key_pair_signs_proofs() {
    let (app, _) = app();
    for key in [EC, ED, RSA] {
        let name = key.algorithm.to_string();
        let proof_of_key = proof(key, &name, "POST", "/log-in", None);
        let response = call(&app, "POST", "/log-in", &[("dpop", &proof_of_key)]).await;
        assert_eq!(response.status, 200, "{name}: {}", response.body);
        let pair: TokenPair = serde_json::from_str(&response.body).expect("a pair");
        let proof_of_use = proof(key, "use", "POST", "/pay", Some(pair.access_token()));
        let authorization = format!("DPoP {}", pair.access_token());
        let headers = [("authorization", &*authorization), ("dpop", &*proof_of_use)];
        assert_eq!(call(&app, "POST", "/pay", &headers).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn with_nonces_the_clock_of_the_client_does_not_matter() {
    let (config, clock) = config();
    let app = app_of(
        config
            .resource(ORIGIN)
            .dpop_nonces(KeyMaterial::from(*b"a nonce secret of 32 bytes, yes!")),
    );
    let attempt = async |id: &str, nonce: Option<&str>, iat: u64| {
        let mut claims = claims(id, "POST", "/log-in", None);
        claims["iat"] = iat.into();
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let proof = EC.sign_text(&header(EC).to_string(), &claims.to_string());
        call(&app, "POST", "/log-in", &[("dpop", &proof)]).await
    };
    let first = attempt("a", None, NOW).await;
    assert_eq!((first.status.as_u16(), &*first.code()), (401, "dpop_nonce_required"));
    assert!(first.challenge().starts_with("DPoP error=\"use_dpop_nonce\""));
    let nonce = first.headers["dpop-nonce"].to_str().expect("text").to_owned();
    // The clock of the client is a day off.
    let second = attempt("b", Some(&nonce), NOW - 86_400).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_eq!(attempt("b", Some(&nonce), NOW - 86_400).await.code(), "dpop_proof_invalid");
    assert_eq!(
        attempt("c", Some("A".repeat(32).as_str()), NOW).await.code(),
        "dpop_nonce_required"
    );
    clock.advance(Duration::from_secs(600));
    let late = attempt("d", Some(&nonce), NOW + 600).await;
    assert_eq!(late.code(), "dpop_nonce_required");
    assert_ne!(late.headers["dpop-nonce"], nonce.as_str());
}

#[tokio::test]
async fn another_binding_is_refused_and_no_application_writes_one() {
    let (app, _) = app();
    let thumbprint = URL_SAFE_NO_PAD.encode([1; 32]);
    let claims = json!({ "sub": "alice", "type": "access", "aud": ORIGIN, "exp": NOW + 60,
        "cnf": { "x5t#S256": thumbprint } });
    let token = tests::sign_with(tests::SECRET, &tests::plain_header(), &claims);
    let bearer = format!("Bearer {token}");
    let response = call(&app, "GET", "/notes", &[("authorization", &bearer)]).await;
    assert_eq!(response.code(), "claims_invalid");
    let auth = app_auth();
    let claims = json!({ "cnf": { "jkt": thumbprint } });
    assert!(auth.access_token("alice").claims(&claims).issue().is_err());
}

#[tokio::test]
async fn without_the_address_of_the_service_dpop_is_503_and_never_an_open_door() {
    let app = app_of(config().0);
    let bearer = {
        let response = call(&app, "POST", "/log-in", &[]).await;
        let pair: TokenPair = serde_json::from_str(&response.body).expect("a pair");
        format!("Bearer {}", pair.access_token())
    };
    let response = call(&app, "POST", "/pay", &[("authorization", &*bearer)]).await;
    assert_eq!(response.code(), "store_unavailable");
    let proof = proof(EC, "a", "POST", "/log-in", None);
    assert_eq!(call(&app, "POST", "/log-in", &[("dpop", &proof)]).await.status, 503);
    assert_eq!(call(&app, "GET", "/notes", &[("authorization", &*bearer)]).await.status, 200);
    let nonces = config().0.dpop_nonces(KeyMaterial::ephemeral());
    let error = nonces.build().expect_err("no address").to_string();
    assert!(error.contains("dpop_nonces") && error.contains(".resource("), "{error}");
}

#[tokio::test]
async fn the_manifest_and_the_document_name_dpop() {
    let manifest = routes().manifest().to_string();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let manifest: Vec<String> = manifest.lines().map(words).collect();
    for line in [
        "POST /pay access dpop",
        "GET /group access dpop",
        "GET /checked access dpop check(sees_the_token)",
        "GET /visitor access optional dpop",
    ] {
        assert!(manifest.iter().any(|found| found == line), "{manifest:#?}");
    }
    let (app, _) = app();
    let document = call(&app, "GET", "/.well-known/oauth-protected-resource", &[]).await;
    let document: Value = serde_json::from_str(&document.body).expect("JSON");
    let algorithms = document["dpop_signing_alg_values_supported"].as_array().expect("a list");
    assert!(algorithms.contains(&"ES256".into()) && !algorithms.contains(&"HS256".into()));
}
