//! The HTTP contract of fastapi-jwt-auth: its exact responses under `Compat`, and RFC 6750 without it.
//!
//! "The module" is fastapi-jwt-auth. Each test covers one or a few of the module's own test functions.

use axum::http::StatusCode;
use axum::{Json, Router};
use jwt_auth::danger::DangerousConfig as _;
use jwt_auth::routing::{any, get};
use jwt_auth::{
    AccessToken, Algorithm, AuthError, Compat, Config, GuardedRouter, JwtAuth, Key, KeyMaterial,
    KeyRing, RefreshToken, SetCookies, TokenIdentity, TokenLocation, jwt_required, public,
    refresh_required,
};
use serde_json::{Value, json};
use tests::{
    Client, NOW, SECRET, TestResponse, bearer, config, forge, plain_header, sign, sign_with,
};

fn hello(subject: &str) -> Json<Value> {
    Json(json!({ "hello": subject }))
}

#[public]
async fn all_tokens(auth: JwtAuth) -> Result<(SetCookies, Json<Value>), AuthError> {
    let access = auth.access_token(1).fresh(true).issue()?;
    let pair = auth.token_pair(1).fresh(true).issue()?;
    let body = json!({ "access": access.as_str(), "refresh": pair.refresh_token() });
    Ok((auth.set_cookies(&pair), Json(body)))
}

#[public]
async fn unset(auth: JwtAuth) -> (SetCookies, ()) {
    (auth.unset_cookies(), ())
}

#[public]
async fn login() {}

#[jwt_required(optional)]
async fn optional(token: Option<AccessToken>) -> Json<Value> {
    Json(json!({ "hello": token.map(|token| token.subject().to_owned()) }))
}

#[jwt_required]
async fn required(token: AccessToken) -> Json<Value> {
    hello(token.subject())
}

#[refresh_required]
async fn refresh(token: RefreshToken) -> Json<Value> {
    hello(token.subject())
}

#[jwt_required(fresh)]
async fn fresh(token: AccessToken) -> Json<Value> {
    hello(token.subject())
}

#[jwt_required]
async fn raw(token: AccessToken) -> Json<Value> {
    Json(token.claims().into())
}

#[jwt_required]
async fn header(token: AccessToken) -> Json<Value> {
    Json(token.header().into())
}

fn app(config: Config) -> (Router, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/all-tokens", get(all_tokens))
        .route("/unset", get(unset))
        .route("/login", get(login))
        .route("/jwt-optional", any(optional))
        .route("/jwt-required", any(required))
        .route("/jwt-refresh", any(refresh))
        .route("/jwt-fresh", any(fresh))
        .route("/raw", get(raw))
        .route("/header", get(header));
    (router.with_state(auth.clone()), auth)
}

const GUARDED: [&str; 3] = ["/jwt-required", "/jwt-refresh", "/jwt-fresh"];
const ALL: [&str; 4] = ["/jwt-optional", "/jwt-required", "/jwt-refresh", "/jwt-fresh"];

/// One configuration twice: with the responses of the module, and with ours.
struct Both {
    module: (Client, JwtAuth),
    ours: (Client, JwtAuth),
}

fn both(change: impl Fn(Config) -> Config) -> Both {
    let make = |config: Config| {
        let (router, auth) = app(config);
        (Client::new(router), auth)
    };
    Both {
        module: make(change(config().0).compat(Compat::FastApiJwtAuth)),
        ours: make(change(config().0)),
    }
}

impl Both {
    /// Checks that both refuse: the module with this status and sentence, ours with this status and code.
    async fn refuse(
        &self,
        send: impl AsyncFn(&Client, &JwtAuth) -> TestResponse,
        module: (u16, &str),
        ours: (u16, &str),
    ) {
        let response = send(&self.module.0, &self.module.1).await;
        assert_eq!((response.status.as_u16(), response.detail().as_str()), module);
        assert_eq!(
            response.body,
            json!({ "detail": module.1 }).to_string(),
            "the body has the sentence only"
        );
        let response = send(&self.ours.0, &self.ours.1).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), ours);
        assert!(ours.0 != 401 || response.challenge().starts_with("Bearer"));
    }

    /// Checks that both answer with 200 and this body.
    async fn admit(&self, send: impl AsyncFn(&Client, &JwtAuth) -> TestResponse, body: &Value) {
        for (client, auth) in [&self.module, &self.ours] {
            let response = send(client, auth).await;
            assert_eq!((response.status, response.body), (StatusCode::OK, body.to_string()));
        }
    }
}

async fn get_with_token(client: &Client, path: &str, token: &str) -> TestResponse {
    client.call("GET", path, &[("authorization", &bearer(token))]).await
}

#[tokio::test]
async fn a_request_without_a_token_is_refused_and_an_optional_route_admits_it() {
    let both = both(|config| config);
    for path in GUARDED {
        let send = async |client: &Client, _: &JwtAuth| client.call("GET", path, &[]).await;
        both.refuse(send, (401, "Missing Authorization Header"), (401, "token_missing")).await;
    }
    let send = async |client: &Client, _: &JwtAuth| client.call("GET", "/jwt-optional", &[]).await;
    both.admit(send, &json!({ "hello": null })).await;
}

#[tokio::test]
async fn token_kind_and_freshness_are_enforced() {
    let both = both(|config| config);
    for path in ["/jwt-required", "/jwt-optional", "/jwt-fresh"] {
        let send = async |client: &Client, auth: &JwtAuth| {
            get_with_token(client, path, &auth.refresh_token("test").issue().expect("a token"))
                .await
        };
        both.refuse(send, (422, "Only access tokens are allowed"), (401, "access_token_required"))
            .await;
    }
    let access = |fresh: bool, path: &'static str| {
        async move |client: &Client, auth: &JwtAuth| {
            let token = auth.access_token("test").fresh(fresh).issue().expect("a token");
            get_with_token(client, path, &token).await
        }
    };
    let refused = (422, "Only refresh tokens are allowed");
    both.refuse(access(false, "/jwt-refresh"), refused, (401, "refresh_token_required")).await;
    let refused = (401, "Fresh token required");
    both.refuse(access(false, "/jwt-fresh"), refused, (401, "fresh_token_required")).await;
    for (fresh, path) in [(false, "/jwt-required"), (false, "/jwt-optional"), (true, "/jwt-fresh")]
    {
        both.admit(access(fresh, path), &json!({ "hello": "test" })).await;
    }
    let send = async |client: &Client, auth: &JwtAuth| {
        get_with_token(
            client,
            "/jwt-refresh",
            &auth.refresh_token("test").issue().expect("a token"),
        )
        .await
    };
    both.admit(send, &json!({ "hello": "test" })).await;
}

#[tokio::test]
async fn a_header_without_a_token_or_with_another_scheme_is_refused() {
    let with = |value: &'static str, path: &'static str| {
        async move |client: &Client, _: &JwtAuth| {
            client.call("GET", path, &[("authorization", value)]).await
        }
    };
    let standard = both(|config| config);
    let bad = (422, "Bad Authorization header. Expected value 'Bearer <JWT>'");
    for path in ALL {
        for value in ["Bearer", "Bearer ", "Bearer test test"] {
            standard.refuse(with(value, path), bad, (401, "token_malformed")).await;
        }
    }
    for path in GUARDED {
        for value in ["Test asd", "Test "] {
            standard.refuse(with(value, path), bad, (401, "token_missing")).await;
        }
    }
    // In the module another scheme breaks public routes too. Here it does not.
    let other = with("Test asd", "/login");
    assert_eq!(other(&standard.module.0, &standard.module.1).await.status, StatusCode::OK);
    let short = (422, "Not enough segments");
    for value in ["Bearer asd", "Bearer a.b"] {
        standard.refuse(with(value, "/jwt-required"), short, (401, "token_malformed")).await;
    }
}

#[tokio::test]
async fn header_name_and_header_type_are_configurable() {
    let named = both(|config| config.header_name("Foo"));
    let send = |name: &'static str, value: &'static str| {
        async move |client: &Client, auth: &JwtAuth| {
            let token = auth.access_token(1).issue().expect("a token");
            client.call("GET", "/jwt-required", &[(name, &value.replace("TOKEN", &token))]).await
        }
    };
    let missing = (401, "Missing Foo Header");
    named.refuse(send("authorization", "Bearer TOKEN"), missing, (401, "token_missing")).await;
    named.admit(send("foo", "Bearer TOKEN"), &json!({ "hello": "1" })).await;
    let bad = (422, "Bad Foo header. Expected value 'Bearer <JWT>'");
    named.refuse(send("foo", "Bearer test test"), bad, (401, "token_malformed")).await;

    let typed = both(|config| config.header_type(Some("JWT")));
    let bad = "Bad Authorization header. Expected value 'JWT <JWT>'";
    let module = &typed.module;
    let response = send("authorization", "Bearer TOKEN")(&module.0, &module.1).await;
    assert_eq!((response.status.as_u16(), response.detail().as_str()), (422, bad));
    typed.admit(send("authorization", "JWT TOKEN"), &json!({ "hello": "1" })).await;

    let bare = both(|config| config.header_type(None));
    let bad = (422, "Bad Authorization header. Expected value '<JWT>'");
    let response = send("authorization", "JWT TOKEN")(&bare.module.0, &bare.module.1).await;
    assert_eq!((response.status.as_u16(), response.detail().as_str()), bad);
    bare.admit(send("authorization", "TOKEN"), &json!({ "hello": "1" })).await;
}

#[tokio::test]
async fn custom_header_parameters_are_readable() {
    let both = both(|config| config);
    for (client, auth) in [&both.module, &both.ours] {
        let token = auth.access_token(1).header("access", "bar").issue().expect("a token");
        let response = get_with_token(client, "/header", &token).await;
        let header: Value = serde_json::from_str(&response.body).expect("JSON");
        assert_eq!(header["access"], "bar");
    }
}

#[tokio::test]
async fn bad_signatures_times_algorithms_and_headers_are_refused() {
    let both = both(|config| config);
    let with = |token: String| {
        async move |client: &Client, _: &JwtAuth| {
            get_with_token(client, "/jwt-required", &token).await
        }
    };
    let other = sign_with(
        b"another secret of 32 bytes, good",
        &plain_header(),
        &json!({ "some": "payload" }),
    );
    let refused = (422, "Signature verification failed");
    both.refuse(with(other), refused, (401, "signature_invalid")).await;
    let mut old = tests::claims();
    old["exp"] = json!(NOW);
    let expired = forge(&plain_header(), &old);
    both.refuse(with(expired), (422, "Signature has expired"), (401, "token_expired")).await;
    for alg in ["HS384", "none", "foo", "RS256"] {
        let token = forge(&json!({ "alg": alg, "typ": "JWT" }), &tests::claims());
        let refused = (422, "The specified alg value is not allowed");
        both.refuse(with(token), refused, (401, "algorithm_not_allowed")).await;
    }
    let mut early = tests::claims();
    early["nbf"] = json!(NOW + 6);
    let early = forge(&plain_header(), &early);
    both.refuse(
        with(early),
        (422, "The token is not yet valid (nbf)"),
        (401, "token_not_yet_valid"),
    )
    .await;
    for (token, sentence) in [
        (
            sign("x", "{}").replacen('.', "y.", 1),
            "Invalid header string: Expecting value: line 1 column 1 (char 0)",
        ),
        (sign("[]", "{}"), "Invalid header string: must be a json object"),
        ("a.b.c".to_owned(), "Invalid header padding"),
        (sign("no json", "{}"), "Invalid header string: Expecting value: line 1 column 1 (char 0)"),
    ] {
        let (client, auth) = &both.module;
        let response = with(token.clone())(client, auth).await;
        assert_eq!(response.status.as_u16(), 422);
        let kind = sentence.split(':').next().expect("words");
        assert!(response.detail().starts_with(kind), "{token}: {}", response.detail());
        let response = with(token)(&both.ours.0, &both.ours.1).await;
        assert_eq!(response.code(), "token_malformed");
    }
}

#[tokio::test]
async fn leeway_and_tokens_without_times_are_accepted_where_allowed() {
    let both = both(|config| {
        config.decode_leeway(std::time::Duration::from_secs(2)).allow_tokens_without_expiry()
    });
    let with = |claims: Value, path: &'static str| {
        async move |client: &Client, _: &JwtAuth| {
            get_with_token(client, path, &forge(&plain_header(), &claims)).await
        }
    };
    let mut late = tests::claims();
    late["exp"] = json!(NOW - 1);
    both.admit(with(late, "/jwt-required"), &json!({ "hello": "alice" })).await;
    let bare = json!({ "jti": "123", "sub": "test", "type": "access", "fresh": true });
    both.admit(with(bare.clone(), "/jwt-required"), &json!({ "hello": "test" })).await;
    both.admit(with(bare.clone(), "/raw"), &bare).await;
    // Without `allow_tokens_without_expiry` a token without `exp` is refused, under `Compat` too.
    let strict = self::both(|config| config);
    for (client, auth) in [&strict.module, &strict.ours] {
        assert!(with(bare.clone(), "/jwt-required")(client, auth).await.status.is_client_error());
    }
    // The module accepts integers as subjects.
    let mut number = tests::claims();
    number["sub"] = json!(1);
    let send = with(number, "/jwt-required");
    assert_eq!(
        send(&strict.module.0, &strict.module.1).await.body,
        json!({ "hello": "1" }).to_string()
    );
    assert_eq!(send(&strict.ours.0, &strict.ours.1).await.code(), "claims_invalid", "r21");
}

#[tokio::test]
async fn a_configured_issuer_is_required() {
    let none = both(|config| config);
    let absent = both(|config| config.decode_issuer("urn:foo"));
    let wrong = both(|config| config.decode_issuer("urn:foo").encode_issuer("urn:bar"));
    let right = both(|config| config.issuer("urn:foo"));
    for path in ALL {
        let issue = async |client: &Client, auth: &JwtAuth| {
            let token = if path == "/jwt-refresh" {
                auth.refresh_token("test").issue()
            } else {
                auth.access_token("test").fresh(true).issue()
            };
            get_with_token(client, path, &token.expect("a token")).await
        };
        none.admit(issue, &json!({ "hello": "test" })).await;
        let refused = (422, "Token is missing the \"iss\" claim");
        absent.refuse(issue, refused, (401, "issuer_invalid")).await;
        wrong.refuse(issue, (422, "Invalid issuer"), (401, "issuer_invalid")).await;
        right.admit(issue, &json!({ "hello": "test" })).await;
    }
}

#[tokio::test]
async fn a_configured_audience_is_required() {
    let issue = |audience: Vec<&'static str>, path: &'static str| {
        async move |client: &Client, auth: &JwtAuth| {
            let token = if path == "/jwt-refresh" {
                auth.refresh_token(1).audience(audience.clone()).issue()
            } else {
                auth.access_token(1).audience(audience.clone()).issue()
            };
            get_with_token(client, path, &token.expect("a token")).await
        }
    };
    let both_ways = both(|config| config.decode_audience(["foo", "bar"]));
    for audience in [vec!["foo"], vec!["bar"], vec!["foo", "bar", "baz"]] {
        for path in ["/jwt-required", "/jwt-refresh"] {
            both_ways.admit(issue(audience.clone(), path), &json!({ "hello": "1" })).await;
        }
    }
    let one = both(|config| config.decode_audience(["foo"]));
    for audience in [vec!["bar"], vec!["bar", "baz"]] {
        let send = issue(audience, "/jwt-required");
        one.refuse(send, (422, "Invalid audience"), (401, "audience_invalid")).await;
    }
    let refused = (422, "Token is missing the \"aud\" claim");
    for path in ["/jwt-required", "/jwt-refresh"] {
        one.refuse(issue(vec![], path), refused, (401, "audience_invalid")).await;
    }
    let none = both(|config| config);
    let send = issue(vec!["foo"], "/jwt-required");
    none.refuse(send, (422, "Invalid audience"), (401, "audience_invalid")).await;
}

#[tokio::test]
async fn a_token_of_another_algorithm_is_refused() {
    let pem = |name: &str| KeyMaterial::file(format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR")));
    let ring = || KeyRing::new(Key::pem_pair(Algorithm::RS256, pem("rsa.pem"), pem("rsa.pub.pem")));
    let (module, auth) = app(Config::with_keys(ring()).compat(Compat::FastApiJwtAuth));
    let client = Client::new(module);
    let hmac = forge(&plain_header(), &tests::claims());
    let response = get_with_token(&client, "/jwt-required", &hmac).await;
    assert_eq!(
        (response.status.as_u16(), response.detail().as_str()),
        (422, "The specified alg value is not allowed")
    );
    let token = auth.access_token("test").issue().expect("a token");
    assert_eq!(get_with_token(&client, "/jwt-required", &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_on_the_denylist_is_refused() {
    async fn is_denied(token: &TokenIdentity<'_>) -> Result<bool, std::convert::Infallible> {
        Ok(token.id() == Some("denied"))
    }
    let both = both(|config| config.denylist(is_denied));
    for path in ALL {
        let kind = if path == "/jwt-refresh" { "refresh" } else { "access" };
        for (id, is_valid) in [("allowed", true), ("denied", false)] {
            let send = async |client: &Client, _: &JwtAuth| {
                let mut claims = tests::claims();
                claims["jti"] = json!(id);
                claims["type"] = json!(kind);
                claims["fresh"] = json!(true);
                get_with_token(client, path, &forge(&plain_header(), &claims)).await
            };
            if is_valid {
                both.admit(send, &json!({ "hello": "alice" })).await;
            } else {
                both.refuse(send, (401, "Token has been revoked"), (401, "token_revoked")).await;
            }
        }
    }
}

fn with_cookies(config: Config) -> Config {
    config.token_location([TokenLocation::Cookie])
}

/// The CSRF value of the token that a path requires.
fn csrf(client: &Client, path: &str) -> String {
    client.cookie(if path == "/jwt-refresh" { "csrf_refresh_token" } else { "csrf_access_token" })
}

#[tokio::test]
async fn cookies_are_set_and_unset_with_and_without_csrf_protection() {
    for (protect, count) in [(true, 4), (false, 2)] {
        let both = both(|config| with_cookies(config).cookie_csrf_protect(protect));
        for (client, _) in [&both.module, &both.ours] {
            assert_eq!(client.call("GET", "/all-tokens", &[]).await.cookies().len(), count);
            assert_eq!(csrf(client, "/jwt-required").is_empty(), !protect);
            assert_eq!(csrf(client, "/jwt-refresh").is_empty(), !protect);
            client.call("GET", "/unset", &[]).await;
            assert_eq!(client.cookies(), "");
        }
    }
    // Setting cookies without the location is an error of the developer in both.
    let both = both(|config| config);
    for (client, _) in [&both.module, &both.ours] {
        for path in ["/all-tokens", "/unset"] {
            assert_eq!(
                client.call("GET", path, &[]).await.status,
                StatusCode::INTERNAL_SERVER_ERROR
            );
        }
    }
}

#[tokio::test]
async fn cookie_names_are_configurable() {
    let both = both(|config| {
        with_cookies(config)
            .access_cookie_key("access_cookie")
            .refresh_cookie_key("refresh_cookie")
            .access_csrf_cookie_key("csrf_access")
            .refresh_csrf_cookie_key("csrf_refresh")
    });
    let (client, _) = &both.module;
    client.call("GET", "/all-tokens", &[]).await;
    let names: Vec<String> = client
        .cookies()
        .split("; ")
        .map(|c| c.split('=').next().expect("a name").to_owned())
        .collect();
    assert_eq!(names, ["access_cookie", "csrf_access", "refresh_cookie", "csrf_refresh"]);
    client.call("GET", "/unset", &[]).await;
    assert_eq!(client.cookies(), "");
}

#[tokio::test]
async fn a_token_in_a_cookie_needs_its_csrf_value() {
    let names = |config: Config| {
        with_cookies(config)
            .access_cookie_key("access_cookie")
            .refresh_cookie_key("refresh_cookie")
            .access_csrf_header_name("X-CSRF-Access")
            .refresh_csrf_header_name("X-CSRF-Refresh")
    };
    for path in ALL {
        let both = both(names);
        let name = if path == "/jwt-refresh" { "x-csrf-refresh" } else { "x-csrf-access" };
        for (client, _) in [&both.module, &both.ours] {
            client.call("GET", "/all-tokens", &[]).await;
        }
        let with = |value: &'static str| {
            async move |client: &Client, _: &JwtAuth| {
                let value = value.replace("CSRF", &csrf(client, path));
                client.call("POST", path, &[(name, &value)]).await
            }
        };
        both.admit(with("CSRF"), &json!({ "hello": "1" })).await;
        let bare = async |client: &Client, _: &JwtAuth| client.call("POST", path, &[]).await;
        both.refuse(bare, (401, "Missing CSRF Token"), (401, "csrf_missing")).await;
        let wrong = (401, "CSRF double submit tokens do not match");
        both.refuse(with("invalid"), wrong, (401, "csrf_mismatch")).await;
        let non_ascii = async |client: &Client, _: &JwtAuth| {
            let request = axum::http::Request::builder().method("POST").uri(path);
            let request = request.header("cookie", client.cookies());
            let value = axum::http::HeaderValue::from_bytes(b"caf\xe9").expect("a value");
            let request = request.header(name, value).body(axum::body::Body::empty());
            tests::send(&client.app, request.expect("a request")).await
        };
        both.refuse(non_ascii, wrong, (401, "csrf_mismatch")).await;
        for (client, _) in [&both.module, &both.ours] {
            client.call("GET", "/unset", &[]).await;
        }
        if path == "/jwt-optional" {
            both.admit(bare, &json!({ "hello": null })).await;
            continue;
        }
        let cookie = if path == "/jwt-refresh" { "refresh_cookie" } else { "access_cookie" };
        both.refuse(bare, (401, &format!("Missing cookie {cookie}")), (401, "token_missing")).await;
    }
}

#[tokio::test]
async fn csrf_protection_can_be_turned_off_and_limited_to_methods() {
    for path in ALL {
        let bare = async |client: &Client, _: &JwtAuth| client.call("POST", path, &[]).await;
        for change in [
            (|c: Config| with_cookies(c).cookie_csrf_protect(false)) as fn(Config) -> Config,
            |c| with_cookies(c).csrf_methods(["GET"]),
        ] {
            let both = both(change);
            for (client, _) in [&both.module, &both.ours] {
                client.call("GET", "/all-tokens", &[]).await;
            }
            both.admit(bare, &json!({ "hello": "1" })).await;
        }
        // Tokens that were issued without protection have no value to compare.
        let before = both(|config| with_cookies(config).cookie_csrf_protect(false));
        let after = both(with_cookies);
        for ((before, _), (after, _)) in
            [(&before.module, &after.module), (&before.ours, &after.ours)]
        {
            before.call("GET", "/all-tokens", &[]).await;
            for pair in before.cookies().split("; ") {
                let (name, value) = pair.split_once('=').expect("a cookie");
                after.set_cookie(name, value);
            }
        }
        let with = async |client: &Client, _: &JwtAuth| {
            client.call("POST", path, &[("x-csrf-token", "invalid")]).await
        };
        after.refuse(with, (422, "Missing claim: csrf"), (401, "csrf_claim_missing")).await;
    }
}

#[tokio::test]
async fn a_token_is_read_from_the_header_and_from_the_cookie() {
    let both = both(|config| config.token_location([TokenLocation::Header, TokenLocation::Cookie]));
    for path in GUARDED {
        let send = async |client: &Client, _: &JwtAuth| client.call("POST", path, &[]).await;
        let cookie =
            if path == "/jwt-refresh" { "refresh_token_cookie" } else { "access_token_cookie" };
        both.refuse(send, (401, &format!("Missing cookie {cookie}")), (401, "token_missing")).await;
    }
    for path in ALL {
        let by_header = async |client: &Client, _: &JwtAuth| {
            let tokens = client.call("GET", "/all-tokens", &[]).await;
            let tokens: Value = serde_json::from_str(&tokens.body).expect("JSON");
            let kind = if path == "/jwt-refresh" { "refresh" } else { "access" };
            let line = bearer(tokens[kind].as_str().expect("a token"));
            client.call("POST", path, &[("authorization", &line)]).await
        };
        both.admit(by_header, &json!({ "hello": "1" })).await;
        let by_cookie = async |client: &Client, _: &JwtAuth| {
            client.call("POST", path, &[("x-csrf-token", &csrf(client, path))]).await
        };
        both.admit(by_cookie, &json!({ "hello": "1" })).await;
    }
}

/// In the module the application passes token and CSRF value to a WebSocket. Here the guard reads them from the upgrade
/// request, and refuses before the upgrade.
#[tokio::test]
async fn a_websocket_upgrade_is_guarded_by_query_and_by_cookie() {
    let upgrade = ("upgrade", "websocket");
    let by_query = both(|config| config.token_location([TokenLocation::Query]).query_name("token"));
    for path in GUARDED {
        let kind = if path == "/jwt-refresh" { "refresh" } else { "access" };
        let nothing = async |client: &Client, _: &JwtAuth| {
            client.call("GET", &format!("{path}?token="), &[upgrade]).await
        };
        let missing = format!("Missing {kind} token from Query or Path");
        by_query.refuse(nothing, (401, &missing), (401, "token_missing")).await;
    }
    let with = |refresh: bool, path: &'static str| {
        async move |client: &Client, auth: &JwtAuth| {
            let token = if refresh {
                auth.refresh_token("test").issue()
            } else {
                auth.access_token("test").issue()
            };
            let uri = format!("{path}?token={}", &*token.expect("a token"));
            client.call("GET", &uri, &[upgrade]).await
        }
    };
    for path in ["/jwt-required", "/jwt-optional", "/jwt-fresh"] {
        let refused = (422, "Only access tokens are allowed");
        by_query.refuse(with(true, path), refused, (401, "access_token_required")).await;
    }
    by_query.admit(with(false, "/jwt-required"), &json!({ "hello": "test" })).await;
    let refused = (422, "Only refresh tokens are allowed");
    by_query.refuse(with(false, "/jwt-refresh"), refused, (401, "refresh_token_required")).await;

    for path in ALL {
        let cookies = both(with_cookies);
        let send = |value: &'static str| {
            async move |client: &Client, _: &JwtAuth| {
                let value = value.replace("CSRF", &csrf(client, path));
                client.call("GET", path, &[upgrade, ("x-csrf-token", &value)]).await
            }
        };
        if path != "/jwt-optional" {
            let name =
                if path == "/jwt-refresh" { "refresh_token_cookie" } else { "access_token_cookie" };
            cookies
                .refuse(send(""), (401, &format!("Missing cookie {name}")), (401, "token_missing"))
                .await;
        }
        for (client, _) in [&cookies.module, &cookies.ours] {
            client.call("GET", "/all-tokens", &[]).await;
        }
        cookies.refuse(send(""), (401, "Missing CSRF Token"), (401, "csrf_missing")).await;
        let wrong = (401, "CSRF double submit tokens do not match");
        cookies.refuse(send("test"), wrong, (401, "csrf_mismatch")).await;
        cookies.admit(send("CSRF"), &json!({ "hello": "1" })).await;
        let off = both(|config| with_cookies(config).cookie_csrf_protect(false));
        for (client, _) in [&off.module, &off.ours] {
            client.call("GET", "/all-tokens", &[]).await;
        }
        let from_our_page = async |client: &Client, _: &JwtAuth| {
            let headers = [upgrade, ("host", "app.example"), ("origin", "https://app.example")];
            client.call("GET", path, &headers).await
        };
        off.admit(from_our_page, &json!({ "hello": "1" })).await;
    }
}

#[tokio::test]
async fn requests_that_the_module_answers_with_500_are_4xx_here() {
    let both = both(|config| config.token_location([TokenLocation::Header, TokenLocation::Cookie]));
    let mut without_kind = tests::claims();
    without_kind.as_object_mut().expect("an object").remove("type");
    for token in [
        forge(&json!({ "alg": "unknown", "typ": "JWT" }), &tests::claims()),
        forge(&json!({ "typ": "JWT" }), &tests::claims()),
        forge(&plain_header(), &without_kind),
        forge(&json!({ "alg": "HS256", "crit": ["exp"] }), &tests::claims()),
    ] {
        for (client, _) in [&both.module, &both.ours] {
            let response = get_with_token(client, "/jwt-required", &token).await;
            assert!(response.status.is_client_error(), "{} {}", response.status, response.body);
        }
    }
}

#[tokio::test]
async fn a_short_secret_of_the_module_needs_danger() {
    // The module accepts any secret; here a short one needs `allow_short_secret`.
    let auth = Config::hs256("secret").allow_short_secret().build().expect("a valid configuration");
    let token = auth.access_token(1).issue().expect("a token");
    assert!(auth.verify_access(&token).await.is_ok());
    assert!(SECRET.len() >= 32);
}
