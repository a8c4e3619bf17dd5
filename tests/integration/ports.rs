//! What ports of real projects need: other schemes, names and locations of tokens, and hooks with claims.

use std::time::Duration;

use axum::Json;
use axum::extract::FromRef;
use axum::http::StatusCode;
use jwt_auth::config::CookiePrefix;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, Algorithm, AuthError, Compat, Config, CurrentUser, GuardedRouter,
    JsonRefreshToken, JwtAuth, Key, KeyRing, LoadUser, ManualClock, RefreshToken, TokenIdentity,
    TokenLocation, TokenPair, jwt_required, public, refresh_required,
};
use serde_json::{Value, json};
use tests::{Client, NOW, SECRET, bearer, call, config, forge, plain_header};

fn served(config: Config, router: GuardedRouter) -> (axum::Router, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    (router.with_state(auth.clone()), auth)
}

async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[public]
async fn log_in(auth: JwtAuth) -> Result<(jwt_auth::SetCookies, Json<TokenPair>), AuthError> {
    let pair = auth.log_in("alice").await?;
    Ok((auth.set_cookies(&pair), Json(pair)))
}

#[tokio::test]
async fn several_schemes_are_read_and_challenges_name_the_first() {
    let (app, auth) = served(
        config().0.header_types(["Bearer", "Token"]),
        GuardedRouter::new().route("/me", get(me)),
    );
    let client = Client::new(app);
    let token = auth.access_token("alice").issue().expect("a token");
    for header in ["Bearer", "token", "TOKEN"] {
        let header = format!("{header} {}", &*token);
        let response = client.call("GET", "/me", &[("authorization", &header)]).await;
        assert_eq!(response.body, "alice", "{header}");
    }
    let response = client.call("GET", "/me", &[("authorization", "Basic YTpi")]).await;
    assert_eq!((response.code(), response.challenge()), ("token_missing".into(), "Bearer"));
    let response = client.call("GET", "/me", &[("authorization", "Token")]).await;
    assert_eq!(response.code(), "token_malformed");
}

#[tokio::test]
async fn cookie_names_keep_no_prefix_if_clients_know_them_without() {
    let config = || config().0.token_location([TokenLocation::Cookie]).access_cookie_key("session");
    let routes = || GuardedRouter::new().route("/log-in", post(log_in)).route("/me", get(me));
    for (config, name) in
        [(config(), "__Host-session="), (config().cookie_prefix(CookiePrefix::None), "session=")]
    {
        let (app, _) = served(config, routes());
        let client = Client::new(app);
        let response = client.call("POST", "/log-in", &[]).await;
        assert!(response.cookies()[0].starts_with(name), "{:?}", response.cookies());
        assert!(response.cookies()[0].contains("Secure"), "{:?}", response.cookies());
        assert_eq!(client.call("GET", "/me", &[]).await.body, "alice");
    }
}

#[tokio::test]
async fn session_cookies_are_the_default_if_configured_and_remember_overrides_it() {
    let (app, auth) = served(
        config().0.token_location([TokenLocation::Cookie]).session_cookies(true),
        GuardedRouter::new().route("/log-in", post(log_in)),
    );
    let response = Client::new(app).call("POST", "/log-in", &[]).await;
    assert!(response.cookies().iter().all(|line| !line.contains("Max-Age")));
    let pair = auth.log_in("alice").remember(true).await.expect("a pair");
    let mut headers = axum::http::HeaderMap::new();
    auth.set_cookies(&pair).append_to(&mut headers).expect("valid cookies");
    let lines: Vec<_> = headers.get_all("set-cookie").iter().collect();
    assert!(lines.iter().all(|line| line.to_str().expect("text").contains("Max-Age")));
}

#[test]
fn a_dot_before_a_cookie_domain_is_dropped() {
    let cookies = |config: Config| {
        let auth = config.token_location([TokenLocation::Cookie]).build().expect("valid");
        let mut headers = axum::http::HeaderMap::new();
        auth.unset_cookies().append_to(&mut headers).expect("valid cookies");
        headers
            .get_all("set-cookie")
            .iter()
            .map(|line| line.to_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    let (dotted, plain) =
        (config().0.cookie_domain(".example.com"), config().0.cookie_domain("example.com"));
    assert_eq!(cookies(dotted), cookies(plain));
    assert!(config().0.cookie_domain("..example.com").build().is_err());
}

#[test]
fn an_audience_that_no_token_of_ours_could_have_is_a_problem() {
    let error =
        config().0.audience(["a"]).decode_audience([] as [&str; 0]).build().expect_err("refused");
    assert!(error.to_string().contains("refuse its own tokens"), "{error}");
}

async fn refresh(token: JsonRefreshToken) -> Result<TokenPair, AuthError> {
    token.rotate().await
}

#[tokio::test]
async fn a_refresh_token_comes_in_a_json_body_or_in_its_cookie() {
    let locations = [TokenLocation::Header, TokenLocation::Cookie];
    let (app, auth) = served(
        config().0.token_location(locations).refresh_grace(Duration::ZERO),
        GuardedRouter::new().route("/log-in", post(log_in)).route("/refresh", post(refresh)),
    );
    let client = Client::new(app.clone());
    let send = async |content_type: &str, body: String, headers: &[(&str, &str)]| {
        let headers = [&[("content-type", content_type)], headers].concat();
        Client::new(app.clone()).call_with("POST", "/refresh", &headers, body.into()).await
    };
    let pair = auth.log_in("alice").await.expect("a pair");
    let body = json!({ "refresh_token": pair.refresh_token(), "device": "phone" }).to_string();
    let response = send("application/json", body.clone(), &[]).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    assert!(response.headers["cache-control"].to_str().expect("text").contains("no-store"));
    assert_eq!(send("application/json", body, &[]).await.code(), "refresh_token_reused");
    // An access token, junk, and none.
    let pair = auth.log_in("alice").await.expect("a pair");
    let access = json!({ "refresh_token": pair.access_token() }).to_string();
    assert_eq!(send("application/json", access, &[]).await.code(), "refresh_token_required");
    for (content_type, body, code) in [
        ("application/json", json!({ "refresh_token": "junk" }).to_string(), "token_malformed"),
        ("application/json", "x".repeat(20_000), "token_malformed"),
        ("application/json", "{}".to_owned(), "token_missing"),
        ("application/json", "{".to_owned(), "token_missing"),
        ("application/json", json!({ "refresh_token": 7 }).to_string(), "token_missing"),
        (
            "text/plain",
            json!({ "refresh_token": pair.refresh_token() }).to_string(),
            "token_missing",
        ),
    ] {
        assert_eq!(
            send(content_type, body.clone(), &[]).await.code(),
            code,
            "{content_type} {}",
            body.len()
        );
    }
    // In the header, as the configuration reads it.
    let header = bearer(pair.refresh_token());
    let response = send("application/json", "{}".to_owned(), &[("authorization", &header)]).await;
    assert_eq!(response.status, StatusCode::OK);
    // In the cookie, with its CSRF value.
    client.call("POST", "/log-in", &[]).await;
    assert_eq!(client.call("POST", "/refresh", &[]).await.code(), "csrf_missing");
    let csrf = client.cookie("csrf_refresh_token");
    let response = client.call("POST", "/refresh", &[("x-csrf-token", &csrf)]).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
}

#[tokio::test]
async fn a_bad_token_in_the_body_is_final_and_a_group_holds_for_it_too() {
    use jwt_auth::router::Require;
    let locations = [TokenLocation::Header, TokenLocation::Cookie];
    let admin = GuardedRouter::new().require(Require::roles(["admin"]));
    let (app, auth) = served(
        config().0.token_location(locations),
        GuardedRouter::new()
            .route("/log-in", post(log_in))
            .route("/refresh", post(refresh))
            .nest("/admin", admin.route("/refresh", post(refresh))),
    );
    // W8: the good cookie beside a bad token in the body is not used.
    let client = Client::new(app.clone());
    client.call("POST", "/log-in", &[]).await;
    let csrf = client.cookie("csrf_refresh_token");
    let headers = [("content-type", "application/json"), ("x-csrf-token", &*csrf)];
    let junk = json!({ "refresh_token": "junk" }).to_string();
    let response = client.call_with("POST", "/refresh", &headers, junk.into()).await;
    assert_eq!(response.code(), "token_malformed");
    for (roles, status) in [(&[][..], StatusCode::FORBIDDEN), (&["admin"], StatusCode::OK)] {
        let pair = auth.log_in("alice").roles(roles.iter().copied()).await.expect("a pair");
        let body = json!({ "refresh_token": pair.refresh_token() }).to_string();
        let headers = [("content-type", "application/json")];
        let response = Client::new(app.clone())
            .call_with("POST", "/admin/refresh", &headers, body.into())
            .await;
        assert_eq!(response.status, status, "{roles:?}");
    }
}

#[tokio::test]
async fn a_csrf_value_in_the_query_is_read_for_upgrades_only() {
    let cookie = || config().0.token_location([TokenLocation::Cookie]);
    let routes =
        || GuardedRouter::new().route("/log-in", post(log_in)).route("/me", get(me).post(me));
    for (config, admits) in [
        (cookie().csrf_query_name("csrf"), true),
        (cookie(), false),
        (cookie().compat(Compat::FastApiJwtAuth).csrf_query_name("csrf"), true),
    ] {
        let client = Client::new(served(config, routes()).0);
        client.call("POST", "/log-in", &[]).await;
        let uri = format!("/me?csrf={}", client.cookie("csrf_access_token"));
        let own =
            [("upgrade", "websocket"), ("host", "app.example"), ("origin", "https://app.example")];
        assert_eq!(client.call("GET", &uri, &own).await.status == StatusCode::OK, admits);
        let wrong = client.call("GET", "/me?csrf=wrong", &own).await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
        let foreign =
            [("upgrade", "websocket"), ("host", "app.example"), ("origin", "https://evil.example")];
        assert_eq!(client.call("GET", &uri, &foreign).await.status, StatusCode::FORBIDDEN);
        assert_eq!(client.call("POST", &uri, &[]).await.status, StatusCode::UNAUTHORIZED);
    }
    // The name of the module's example.
    let client = Client::new(served(cookie().compat(Compat::FastApiJwtAuth), routes()).0);
    client.call("POST", "/log-in", &[]).await;
    let uri = format!("/me?csrf_token={}", client.cookie("csrf_access_token"));
    let own =
        [("upgrade", "websocket"), ("host", "app.example"), ("origin", "https://app.example")];
    assert_eq!(client.call("GET", &uri, &own).await.body, "alice");
}

#[refresh_required(optional)]
async fn maybe_refresh(token: Option<RefreshToken>) -> String {
    token.map_or("none".to_owned(), |token| token.subject().to_owned())
}

#[jwt_required(optional, fresh)]
async fn maybe_fresh(token: Option<AccessToken>) -> String {
    token.map_or("none".to_owned(), |token| token.subject().to_owned())
}

fn is_alice(token: &RefreshToken) -> bool {
    token.subject() == "alice"
}

#[refresh_required(check = is_alice)]
async fn checked(_: RefreshToken) {}

#[tokio::test]
async fn refresh_guards_take_optional_and_check_and_optional_takes_fresh() {
    let routes = GuardedRouter::new()
        .route("/maybe", get(maybe_refresh))
        .route("/fresh", get(maybe_fresh))
        .route("/checked", get(checked));
    assert_eq!(
        routes.manifest().to_string(),
        "\
GET /checked  refresh  check(is_alice)
GET /fresh    access  optional  fresh
GET /maybe    refresh  optional
"
    );
    let (app, auth) = served(config().0, routes);
    let pair = auth.log_in("alice").await.expect("a pair");
    let stale = auth.access_token("alice").issue().expect("a token");
    assert_eq!(call(&app, "GET", "/maybe", None).await.body, "none");
    assert_eq!(call(&app, "GET", "/maybe", Some(pair.refresh_token())).await.body, "alice");
    let wrong = call(&app, "GET", "/maybe", Some(pair.access_token())).await;
    assert_eq!(wrong.code(), "refresh_token_required");
    assert_eq!(call(&app, "GET", "/fresh", None).await.body, "none");
    assert_eq!(call(&app, "GET", "/fresh", Some(pair.access_token())).await.body, "alice");
    assert_eq!(call(&app, "GET", "/fresh", Some(&stale)).await.code(), "fresh_token_required");
    assert_eq!(
        call(&app, "GET", "/checked", Some(pair.refresh_token())).await.status,
        StatusCode::OK
    );
    let bob = auth.log_in("bob").await.expect("a pair");
    let response = call(&app, "GET", "/checked", Some(bob.refresh_token())).await;
    assert_eq!(response.status, StatusCode::FORBIDDEN);
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    locked: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

#[derive(serde::Deserialize)]
struct Tenant {
    tenant: String,
}

struct User {
    name: String,
}

impl LoadUser<Tenant> for User {
    type State = App;
    type Error = AuthError;

    async fn load(token: &AccessToken<Tenant>, app: &App) -> Result<Option<Self>, AuthError> {
        if app.locked.lock().expect("not poisoned").contains(&token.subject().to_owned()) {
            return Err(AuthError::forbidden("The account is locked"));
        }
        let kind = token.identity().kind();
        Ok(Some(Self {
            name: format!("{} of {} by {kind}", token.subject(), token.custom().tenant),
        }))
    }
}

#[jwt_required]
async fn who(user: CurrentUser<User, Tenant>) -> String {
    user.name.clone()
}

#[refresh_required]
async fn refresh_of_a_user(
    user: CurrentUser<User, Tenant>,
    auth: JwtAuth,
    token: RefreshToken,
) -> Result<(axum::http::HeaderMap, TokenPair), AuthError> {
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("x-user", user.name.parse().expect("a header value"));
    Ok((headers, auth.rotate(token).await?))
}

async fn by_user(user: CurrentUser<User, Tenant>) -> String {
    user.name.clone()
}

#[tokio::test]
async fn a_user_is_loaded_with_the_claims_of_either_token_and_a_locked_one_cannot_refresh() {
    let auth = config().0.build().expect("a valid configuration");
    let app = App { auth: auth.clone(), locked: std::sync::Arc::default() };
    let router: axum::Router = GuardedRouter::new()
        .route("/who", get(who))
        .route("/by-user", get(by_user))
        .route("/refresh", post(refresh_of_a_user))
        .with_state(app.clone());
    let pair = auth.log_in("alice").claims(&json!({ "tenant": "acme" })).await.expect("a pair");
    for path in ["/who", "/by-user"] {
        let response = call(&router, "GET", path, Some(pair.access_token())).await;
        assert_eq!(response.body, "alice of acme by access", "{path}");
        let wrong = call(&router, "GET", path, Some(pair.refresh_token())).await;
        assert_eq!(wrong.code(), "access_token_required", "{path}");
    }
    let response = call(&router, "POST", "/refresh", Some(pair.refresh_token())).await;
    assert_eq!(response.headers["x-user"], "alice of acme by refresh");
    let next: Value = serde_json::from_str(&response.body).expect("JSON");
    app.locked.lock().expect("not poisoned").push("alice".to_owned());
    let token = next["refresh_token"].as_str().expect("a token");
    let response = call(&router, "POST", "/refresh", Some(token)).await;
    assert_eq!(response.status, StatusCode::FORBIDDEN, "{}", response.body);
    // A token without the claim.
    let other = auth.access_token("bob").issue().expect("a token");
    assert_eq!(call(&router, "GET", "/who", Some(&other)).await.code(), "claims_invalid");
}

#[refresh_required]
async fn only_refresh(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    next.run(request).await
}

#[tokio::test]
async fn a_user_behind_a_middleware_for_refresh_tokens_is_still_that_of_an_access_token() {
    let auth = config().0.build().expect("a valid configuration");
    let app = App { auth: auth.clone(), locked: std::sync::Arc::default() };
    let router: axum::Router = GuardedRouter::new()
        .route("/by-user", get(by_user))
        .layer(axum::middleware::from_fn_with_state(auth.clone(), only_refresh))
        .with_state(app);
    let pair = auth.log_in("alice").claims(&json!({ "tenant": "acme" })).await.expect("a pair");
    let response = call(&router, "GET", "/by-user", Some(pair.refresh_token())).await;
    assert_eq!(response.code(), "access_token_required", "{}", response.body);
}

#[tokio::test]
async fn a_cached_token_is_fresh_until_its_time_and_no_longer() {
    let (config, clock) = config();
    let (app, auth) =
        served(config.verified_cache(10), GuardedRouter::new().route("/fresh", get(maybe_fresh)));
    let token = auth.access_token("alice").fresh_for(Duration::from_secs(60)).issue();
    let token = token.expect("a token");
    for _ in 0..3 {
        assert_eq!(call(&app, "GET", "/fresh", Some(&token)).await.body, "alice");
    }
    clock.advance(Duration::from_secs(61));
    assert_eq!(call(&app, "GET", "/fresh", Some(&token)).await.code(), "fresh_token_required");
    assert!(!auth.verify_access(&token).await.expect("valid").is_fresh());
}

#[tokio::test]
async fn a_token_can_be_fresh_until_a_time() {
    let (app, auth) = served(config().0, GuardedRouter::new().route("/fresh", get(maybe_fresh)));
    let until = |end: Value| {
        let mut claims = tests::claims();
        claims["fresh"] = end;
        forge(&plain_header(), &claims)
    };
    for (end, is_fresh) in [
        (json!(NOW + 60), true),
        (json!(NOW), true),
        (json!(NOW - 1), false),
        (json!(0), false),
        (json!(true), true),
        (json!(false), false),
    ] {
        let response = call(&app, "GET", "/fresh", Some(&until(end.clone()))).await;
        assert_eq!(response.status == StatusCode::OK, is_fresh, "{end}");
    }
    let response = call(&app, "GET", "/fresh", Some(&until(json!("soon")))).await;
    assert_eq!(response.code(), "claims_invalid");
    let token = auth.access_token("alice").fresh_for(Duration::from_secs(60)).issue();
    let claims =
        jwt_auth::danger::decode_unverified(&token.expect("a token")).expect("claims").claims;
    assert_eq!(claims["fresh"], NOW + 60);
}

#[tokio::test]
async fn a_key_per_tenant_signs_by_its_id() {
    let secret = |number: u8| {
        let mut secret = *b"the secret of tenant number _ ..";
        secret[28] = number;
        Key::secret(Algorithm::HS256, secret).id(format!("tenant-{number}"))
    };
    let ring = KeyRing::new(secret(1)).also_verify(secret(2));
    let auth = Config::with_keys(ring).clock(ManualClock::at(NOW)).build().expect("valid");
    let token = auth.access_token("alice").key_id("tenant-2").issue().expect("a token");
    assert_eq!(auth.verify_access(&token).await.expect("valid").header()["kid"], "tenant-2");
    let pair = auth.log_in("alice").key_id("tenant-2").await.expect("a pair");
    assert_eq!(
        auth.verify_refresh(pair.refresh_token()).await.expect("valid").header()["kid"],
        "tenant-2"
    );
    let error = auth.access_token("alice").key_id("tenant-3").issue().expect_err("no such key");
    assert!(error.detail().contains("tenant-3"), "{error}");
}

#[tokio::test]
async fn claims_are_checked_by_an_async_function_that_reads_them() {
    async fn check(token: &TokenIdentity<'_>) -> Result<bool, AuthError> {
        match token.claims().get("plan").and_then(Value::as_str) {
            Some("expired") => Ok(false),
            Some("unknown") => Err(AuthError::from(jwt_auth::AuthErrorKind::Unavailable)),
            Some("hangs") => std::future::pending().await,
            _ => Ok(true),
        }
    }
    let config = config().0.async_claims_check(check).hook_deadline(Duration::from_millis(20));
    let (app, auth) = served(config, GuardedRouter::new().route("/me", get(me)));
    for (plan, status) in [
        ("paid", StatusCode::OK),
        ("expired", StatusCode::FORBIDDEN),
        ("unknown", StatusCode::SERVICE_UNAVAILABLE),
        ("hangs", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let token = auth.access_token("alice").claims(&json!({ "plan": plan })).issue();
        let response = call(&app, "GET", "/me", Some(&token.expect("a token"))).await;
        assert_eq!(response.status, status, "{plan}");
    }
    let debug = format!(
        "{:?}",
        auth.verify_access(&auth.access_token("bob").issue().expect("a token"))
            .await
            .expect("valid")
            .identity()
    );
    assert!(debug.contains("payload: [redacted]"), "{debug}");
}

#[jwt_required]
async fn guarded_me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[tokio::test]
async fn each_check_of_the_claims_runs_once_for_a_request_also_with_a_cached_token() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static CALLS: AtomicU64 = AtomicU64::new(0);
    static CALLS_THAT_DO_NOT_WAIT: AtomicU64 = AtomicU64::new(0);
    async fn count(_: &TokenIdentity<'_>) -> Result<bool, AuthError> {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }
    let config = config().0.verified_cache(10).async_claims_check(count).claims_check(|_, _| {
        CALLS_THAT_DO_NOT_WAIT.fetch_add(1, Ordering::Relaxed);
        true
    });
    let (app, auth) = served(config, GuardedRouter::new().route("/me", get(guarded_me)));
    let token = auth.access_token("alice").issue().expect("a token");
    for request in 1..=3 {
        assert_eq!(call(&app, "GET", "/me", Some(&token)).await.body, "alice");
        assert_eq!(CALLS.load(Ordering::Relaxed), request);
        assert_eq!(CALLS_THAT_DO_NOT_WAIT.load(Ordering::Relaxed), request);
    }
}

#[tokio::test]
async fn under_compat_ids_are_uuids_and_claims_of_ours_with_other_types_are_custom() {
    for compat in [Compat::FastApiJwtAuth] {
        let config = config().0.compat(compat).token_location([TokenLocation::Cookie]);
        let auth = config.build().expect("a valid configuration");
        let custom = json!({ "sid": 7 });
        let pair = auth.log_in("alice").claims(&custom).await;
        assert!(pair.is_err(), "a session has an id of its own");
        let custom = json!({ "roles": "admin", "scope": ["a", "b"], "foo": 1 });
        let pair = auth.log_in("alice").claims(&custom).await.expect("a pair");
        for token in [pair.access_token(), pair.refresh_token()] {
            let claims = jwt_auth::danger::decode_unverified(token).expect("claims").claims;
            for name in ["jti", "csrf"] {
                let id = claims[name].as_str().expect("text");
                let groups: Vec<usize> = id.split('-').map(str::len).collect();
                assert_eq!(groups, [8, 4, 4, 4, 12], "{name}={id}");
            }
            assert_eq!((&claims["roles"], &claims["scope"]), (&json!("admin"), &json!(["a", "b"])));
        }
        let token = auth.verify_access(pair.access_token()).await.expect("valid");
        assert_eq!((token.roles().count(), token.scopes().count()), (0, 0), "no permission");
        let next =
            auth.rotate(auth.verify_refresh(pair.refresh_token()).await.expect("valid")).await;
        let next =
            auth.verify_access(next.expect("a pair").access_token().to_owned().as_str()).await;
        let next = next.expect("valid");
        assert_eq!(next.claims()["roles"], "admin", "they survive a rotation");
        assert_eq!(next.roles().count(), 0);
        // Claims of ours with our types are permissions, so they cannot be custom claims.
        for reserved in
            [json!({ "roles": ["admin"] }), json!({ "scope": "a" }), json!({ "exp": "x" })]
        {
            assert!(auth.access_token("alice").claims(&reserved).issue().is_err(), "{reserved}");
        }
    }
    let auth = config().0.build().expect("a valid configuration");
    assert!(auth.access_token("alice").claims(&json!({ "roles": "admin" })).issue().is_err());
    let mut claims = tests::claims();
    claims["roles"] = "admin".into();
    let token = tests::sign_with(SECRET, &plain_header(), &claims);
    assert_eq!(auth.verify_access(&token).await.expect_err("refused").code(), "claims_invalid");
}
