//! Regression tests: attacks that worked once, and checks that only these tests cover.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderValue, Request, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_request_with_state};
use axum::response::Response;
use jwt_auth::danger::DangerousConfig as _;
use jwt_auth::routing::{any, get};
use jwt_auth::{
    AccessToken, AuthError, Config, CurrentUser, GuardedRouter, JwtAuth, LoadUser, ManualClock,
    TokenIdentity, TokenKind, TokenLocation, jwt_required, refresh_required,
};
use tests::{Client, NOW, bearer, config};

const MINUTE: Duration = Duration::from_secs(60);
const COOKIE: &str = "__Host-access_token_cookie";

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(scopes("admin"))]
async fn admin(token: AccessToken) -> String {
    token.subject().to_owned()
}

async fn bare(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required]
async fn log_out(auth: JwtAuth, token: AccessToken) -> Result<(), AuthError> {
    auth.log_out(token).await
}

fn cookie_config() -> (Config, ManualClock) {
    let (config, clock) = config();
    (config.token_location([TokenLocation::Cookie]), clock)
}

#[tokio::test]
async fn implicit_refresh_ignores_a_token_of_another_jwt_auth() {
    let clock = ManualClock::at(NOW);
    let build = |number: u8| {
        let mut secret = *b"secret number _, with 32 bytes .";
        secret[14] = number;
        let config = Config::hs256(secret).clock(clock.clone());
        config.token_location([TokenLocation::Cookie]).build().expect("a valid configuration")
    };
    let (staff, partner) = (build(1), build(2));
    let routes = GuardedRouter::new().route("/me", get(me)).provide_state(partner.clone());
    let app: axum::Router = GuardedRouter::new()
        .route("/admin", get(admin))
        .nest("/partner", routes)
        .layer(staff.implicit_refresh())
        .with_state(staff);
    let client = Client::new(app);
    let pair = partner.log_in("root").scopes(["admin"]).await.expect("a pair");
    client.set_cookie(COOKIE, pair.access_token());
    clock.advance(10 * MINUTE);
    let response = client.call("GET", "/partner/me", &[]).await;
    assert_eq!((response.status, response.cookies().len()), (StatusCode::OK, 0));
    assert_eq!(client.call("GET", "/admin", &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn implicit_refresh_checks_revocation_even_if_access_tokens_are_not_checked() {
    let (config, clock) = cookie_config();
    let auth =
        config.denylist_token_checks([TokenKind::Refresh]).build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/me", get(me))
        .route("/log-out", get(log_out))
        .layer(auth.implicit_refresh())
        .with_state(auth.clone());
    let client = Client::new(app);
    let pair = auth.log_in("alice").await.expect("a pair");
    client.set_cookie(COOKIE, pair.access_token());
    assert_eq!(client.call("GET", "/log-out", &[]).await.status, StatusCode::OK);
    clock.advance(10 * MINUTE);
    assert!(client.call("GET", "/me", &[]).await.cookies().is_empty());
    clock.advance(5 * MINUTE);
    assert_eq!(client.call("GET", "/me", &[]).await.code(), "token_expired");
}

#[tokio::test]
async fn a_rotation_queries_the_denylist_even_if_refresh_tokens_are_not_checked() {
    let is_denied = |token: &TokenIdentity<'_>| {
        let is_denied = token.subject() == "mallory";
        async move { Ok::<_, Infallible>(is_denied) }
    };
    let auth = config().0.denylist(is_denied).denylist_token_checks([TokenKind::Access]);
    let auth = auth.build().expect("a valid configuration");
    let pair = auth.log_in("mallory").await.expect("a pair");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("the kind is not checked");
    assert_eq!(auth.rotate(token).await.expect_err("denied").code(), "token_revoked");
}

#[tokio::test]
async fn implicit_refresh_ignores_a_token_without_a_session() {
    let (config, clock) = cookie_config();
    let auth = config.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/me", get(me))
        .layer(auth.implicit_refresh())
        .with_state(auth.clone());
    let client = Client::new(app);
    client.set_cookie(COOKIE, &auth.access_token("alice").fresh(true).issue().expect("a token"));
    clock.advance(10 * MINUTE);
    let response = client.call("GET", "/me", &[]).await;
    assert_eq!((response.status, response.cookies().len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn implicit_refresh_never_turns_a_refresh_token_into_an_access_token() {
    #[refresh_required]
    async fn peek() {}

    let (config, clock) = cookie_config();
    let auth = config.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/peek", get(peek))
        .layer(auth.implicit_refresh().within(Duration::from_secs(90 * 86_400)))
        .with_state(auth.clone());
    let client = Client::new(app);
    let pair = auth.log_in("alice").await.expect("a pair");
    client.set_cookie("__Host-refresh_token_cookie", pair.refresh_token());
    clock.advance(Duration::from_secs(30 * 86_400 - 60));
    let response = client.call("GET", "/peek", &[]).await;
    assert_eq!((response.status, response.cookies().len()), (StatusCode::OK, 0));
}

struct Gone;

impl LoadUser for Gone {
    type State = JwtAuth;
    type Error = Infallible;

    async fn load(token: &AccessToken, _: &JwtAuth) -> Result<Option<Self>, Infallible> {
        Ok((token.subject() == "here").then_some(Self))
    }
}

#[jwt_required]
async fn account(_user: CurrentUser<Gone>) -> &'static str {
    "account"
}

fn refuse(_: &AccessToken) -> bool {
    false
}

#[jwt_required(check = refuse)]
async fn refused() {}

#[jwt_required]
async fn guarding(request: axum::extract::Request, next: Next) -> Response {
    next.run(request).await
}

#[tokio::test]
async fn a_refused_request_does_not_renew_its_session() {
    let (config, clock) = cookie_config();
    let auth = config.build().expect("a valid configuration");
    let routes = || {
        GuardedRouter::new()
            .route("/account", get(account))
            .route("/admin", get(admin))
            .route("/refused", get(refused))
    };
    let behind_middleware: axum::Router = routes()
        .layer(from_fn_with_state(auth.clone(), guarding))
        .layer(auth.implicit_refresh())
        .with_state(auth.clone());
    let without_middleware: axum::Router =
        routes().layer(auth.implicit_refresh()).with_state(auth.clone());
    let pair = auth.log_in("gone").await.expect("a pair");
    clock.advance(10 * MINUTE);
    for app in [behind_middleware, without_middleware] {
        let client = Client::new(app);
        client.set_cookie(COOKIE, pair.access_token());
        for (path, status) in [("/account", 401), ("/admin", 403), ("/refused", 403)] {
            let response = client.call("GET", path, &[]).await;
            assert_eq!((response.status.as_u16(), response.cookies().len()), (status, 0), "{path}");
        }
    }
}

#[jwt_required(optional, locations(header), check = refuse)]
async fn checked(token: Option<AccessToken>) -> String {
    token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
}

#[jwt_required(optional, locations(header), audience = "urn:admin")]
async fn audience(token: Option<AccessToken>) -> String {
    token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
}

#[jwt_required(locations(cookie), danger(revocation = "skip"))]
async fn skip_by_cookie(request: axum::extract::Request, next: Next) -> Response {
    next.run(request).await
}

#[tokio::test]
async fn an_optional_guard_ignores_a_token_outside_its_locations() {
    let locations = [TokenLocation::Header, TokenLocation::Cookie];
    let auth = config().0.token_location(locations).build().expect("a valid configuration");
    let routes =
        || GuardedRouter::new().route("/checked", get(checked)).route("/audience", get(audience));
    let without_middleware: axum::Router = routes().with_state(auth.clone());
    let behind_middleware: axum::Router =
        routes().layer(from_fn_with_state(auth.clone(), skip_by_cookie)).with_state(auth.clone());
    let token = auth.access_token("banned").issue().expect("a token");
    let (header, cookie) = (bearer(&token), format!("{COOKIE}={}", &*token));
    for app in [without_middleware, behind_middleware] {
        let client = Client::new(app);
        for path in ["/checked", "/audience"] {
            let response = client.call("GET", path, &[("cookie", &cookie)]).await;
            assert_eq!(response.body, "anonymous", "{path}");
            let both = [("authorization", header.as_str()), ("cookie", cookie.as_str())];
            assert!(client.call("GET", path, &both).await.status.is_client_error(), "{path}");
        }
    }
}

#[jwt_required(danger(revocation = "skip"))]
async fn skip_by_header(request: axum::extract::Request, next: Next) -> Response {
    next.run(request).await
}

/// An alias: the attribute decides by the type that a function is a middleware.
type After = Next;

#[jwt_required(danger(revocation = "skip"))]
async fn skip_with_token(
    _: Option<AccessToken>,
    request: axum::extract::Request,
    next: After,
) -> Response {
    next.run(request).await
}

#[jwt_required(danger(revocation = "skip"))]
async fn skip_map(request: axum::extract::Request) -> axum::extract::Request {
    request
}

#[tokio::test]
async fn a_handler_checks_revocation_behind_a_middleware_that_skips_it() {
    let auth = config().0.build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    auth.revoke(&auth.verify_access(&token).await.expect("a valid token")).await.expect("recorded");
    let guarded = || GuardedRouter::new().route("/bare", get(bare)).route("/me", get(me));
    let plain = || {
        let routes = axum::Router::new().route("/bare", axum::routing::get(bare));
        routes.route("/me", axum::routing::get(me))
    };
    let apps: [axum::Router; 5] = [
        guarded().layer(from_fn_with_state(auth.clone(), skip_by_header)).with_state(auth.clone()),
        plain().layer(from_fn_with_state(auth.clone(), skip_by_header)).with_state(auth.clone()),
        plain().layer(from_fn_with_state(auth.clone(), skip_with_token)).with_state(auth.clone()),
        plain().layer(map_request_with_state(auth.clone(), skip_map)).with_state(auth.clone()),
        GuardedRouter::new()
            .unguarded("an axum router", plain())
            .layer(from_fn_with_state(auth.clone(), skip_by_header))
            .with_state(auth.clone()),
    ];
    for (n, app) in apps.iter().enumerate() {
        for path in ["/bare", "/me"] {
            assert_eq!(tests::get(app, path, &token).await.code(), "token_revoked", "{n} {path}");
        }
    }
}

#[jwt_auth::public]
async fn anyone() {}

#[jwt_required(locations(query))]
async fn by_query(request: axum::extract::Request, next: Next) -> Response {
    next.run(request).await
}

#[tokio::test]
async fn w9_a_query_token_that_a_middleware_admits_marks_the_response_no_store() {
    let auth = config().0.build().expect("a valid configuration");
    let layer = from_fn_with_state(auth.clone(), by_query);
    let apps: [axum::Router; 3] = [
        GuardedRouter::new().route("/x", get(anyone)).layer(layer.clone()).with_state(auth.clone()),
        GuardedRouter::new()
            .route("/x", get(anyone))
            .route_layer(layer.clone())
            .with_state(auth.clone()),
        GuardedRouter::new().route("/x", get(anyone).layer(layer)).with_state(auth.clone()),
    ];
    let token = auth.access_token("alice").issue().expect("a token");
    for app in apps {
        let client = Client::new(app);
        for (value, status) in
            [(token.as_str(), StatusCode::OK), ("junk", StatusCode::UNAUTHORIZED)]
        {
            let response = client.call("GET", &format!("/x?access_token={value}"), &[]).await;
            assert_eq!(response.status, status);
            assert_eq!(response.headers["cache-control"], "no-store");
        }
    }
}

#[tokio::test]
async fn the_csrf_value_is_checked_for_a_token_that_a_middleware_verified() {
    #[jwt_required(locations(header))]
    async fn by_header(request: axum::extract::Request, next: Next) -> Response {
        next.run(request).await
    }
    #[jwt_required(locations(cookie))]
    async fn act() {}

    let (config, _) = cookie_config();
    let auth = config.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/act", any(act))
        .layer(from_fn_with_state(auth.clone(), by_header))
        .with_state(auth.clone());
    let client = Client::new(app);
    let pair = auth.log_in("alice").await.expect("a pair");
    client.set_cookie(COOKIE, pair.access_token());
    let header = bearer(pair.access_token());
    let csrf = pair.access_csrf_token().expect("a value");
    for (value, status) in [(csrf, StatusCode::OK), ("another", StatusCode::UNAUTHORIZED)] {
        let headers = [("authorization", header.as_str()), ("x-csrf-token", value)];
        assert_eq!(client.call("POST", "/act", &headers).await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn log_outs_of_one_user_cause_no_denylist_queries_for_the_sockets_of_others() {
    let queries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&queries);
    let config = config().0.denylist(move |token: &TokenIdentity<'_>| {
        count.fetch_add(usize::from(token.subject() != "mallory"), Ordering::Relaxed);
        async { Ok::<_, Infallible>(false) }
    });
    let auth = config.build().expect("a valid configuration");
    for n in 0..50 {
        let token = auth.access_token(n).issue().expect("a token");
        let token = auth.verify_access(&token).await.expect("a valid token");
        let auth = auth.clone();
        tokio::spawn(async move { auth.ended(&token).await });
    }
    tokio::task::yield_now().await;
    let before = queries.load(Ordering::Relaxed);
    for _ in 0..20 {
        let pair = auth.log_in("mallory").await.expect("a pair");
        let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
        auth.log_out(token).await.expect("recorded");
        tokio::task::yield_now().await;
    }
    assert_eq!(queries.load(Ordering::Relaxed), before);
    tokio::time::advance(Duration::from_secs(1)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(queries.load(Ordering::Relaxed) >= before + 50, "one query a second for each socket");
}

#[tokio::test(start_paused = true)]
async fn log_outs_of_others_do_not_delay_the_denylist_query_of_a_socket() {
    let is_denied = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_denied);
    let config = config().0.denylist(move |token: &TokenIdentity<'_>| {
        let is_denied = token.subject() == "alice" && flag.load(Ordering::Relaxed);
        async move { Ok::<_, Infallible>(is_denied) }
    });
    let auth = config.build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    let token = auth.verify_access(&token).await.expect("a valid token");
    let open = {
        let auth = auth.clone();
        tokio::spawn(async move { auth.ended(&token).await })
    };
    tokio::task::yield_now().await;
    is_denied.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        tokio::time::advance(Duration::from_millis(900)).await;
        auth.revoke_id("another-id", UNIX_EPOCH + Duration::from_secs(NOW + 900))
            .await
            .expect("recorded");
        tokio::task::yield_now().await;
    }
    assert!(open.is_finished(), "within two queries");
    assert_eq!(open.await.expect("no panic"), jwt_auth::session::SessionEnd::Revoked);
}

#[tokio::test]
async fn a_loaded_user_is_not_reused_for_another_token() {
    /// Replaces the token of a request after its user was loaded.
    #[jwt_required]
    async fn swap(
        axum::extract::State(other): axum::extract::State<JwtAuth>,
        user: CurrentUser<Gone>,
        mut request: axum::extract::Request,
        next: Next,
    ) -> Response {
        drop(user);
        let token = other.access_token("gone").issue().expect("a token");
        let value = HeaderValue::try_from(bearer(&token)).expect("a value");
        request.headers_mut().insert("authorization", value);
        next.run(request).await
    }

    let auth = config().0.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/account", get(account))
        .layer(from_fn_with_state(auth.clone(), swap))
        .with_state(auth.clone());
    let token = auth.access_token("here").issue().expect("a token");
    assert_eq!(tests::get(&app, "/account", &token).await.code(), "user_unknown");
}

/// One tenant: its own `JwtAuth`, with the same key, and its own members.
#[derive(Clone)]
struct Tenant {
    auth: JwtAuth,
    name: &'static str,
}

impl axum::extract::FromRef<Tenant> for JwtAuth {
    fn from_ref(tenant: &Tenant) -> Self {
        tenant.auth.clone()
    }
}

struct Member(&'static str);

impl LoadUser for Member {
    type State = Tenant;
    type Error = Infallible;

    async fn load(_: &AccessToken, tenant: &Tenant) -> Result<Option<Self>, Infallible> {
        Ok(Some(Self(tenant.name)))
    }
}

#[tokio::test]
async fn g5_a_user_that_was_loaded_for_one_jwt_auth_is_not_handed_to_another() {
    #[jwt_required]
    async fn load_first(
        user: CurrentUser<Member>,
        request: axum::extract::Request,
        next: Next,
    ) -> Response {
        assert_eq!(user.0, "first");
        next.run(request).await
    }

    #[jwt_required]
    async fn member(user: CurrentUser<Member>) -> &'static str {
        user.0
    }

    let tenant = |name| Tenant { auth: config().0.build().expect("a valid configuration"), name };
    let (first, second) = (tenant("first"), tenant("second"));
    let token = first.auth.access_token("alice").issue().expect("a token");
    let app: axum::Router = GuardedRouter::new()
        .route("/", get(member))
        .layer(from_fn_with_state(first, load_first))
        .with_state(second);
    assert_eq!(tests::get(&app, "/", &token).await.body, "second");
}

#[tokio::test]
async fn x6_origin_is_compared_with_the_authority_of_http_2_and_two_hosts_match_nothing() {
    let (config, _) = cookie_config();
    let auth = config.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new().route("/me", any(me)).with_state(auth.clone());
    let pair = auth.log_in("alice").await.expect("a pair");
    let fetch = async |uri: &str, hosts: &[&str], origin: &str| {
        let mut request =
            Request::builder().uri(uri).header("upgrade", "x").header("upgrade", "websocket");
        for host in hosts {
            request = request.header("host", *host);
        }
        let request = request
            .header("origin", origin)
            .header("cookie", format!("{COOKIE}={}", pair.access_token()))
            .header("x-csrf-token", pair.access_csrf_token().expect("a value"));
        tests::send(&app, request.body(axum::body::Body::empty()).expect("a request")).await.status
    };
    let own = "https://app.example";
    assert_eq!(fetch("https://app.example/me", &[], own).await, StatusCode::OK);
    assert_eq!(fetch("https://other.example/me", &[], own).await, StatusCode::FORBIDDEN);
    assert_eq!(fetch("/me", &["app.example:443"], own).await, StatusCode::OK);
    assert_eq!(fetch("/me", &["app.example:80"], own).await, StatusCode::FORBIDDEN);
    for hosts in [&["app.example", "app.example"][..], &["app.example", "evil.example"], &[""], &[]]
    {
        assert_eq!(fetch("/me", hosts, own).await, StatusCode::FORBIDDEN, "{hosts:?}");
    }
    assert_eq!(fetch("/me", &[""], "https://").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn x5_any_cross_site_header_line_is_refused_and_so_are_configured_methods() {
    let (config, _) = cookie_config();
    let auth = config.csrf_methods(["GET"]).build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new().route("/me", any(me)).with_state(auth.clone());
    let client = Client::new(app);
    let pair = auth.log_in("alice").await.expect("a pair");
    client.set_cookie(COOKIE, pair.access_token());
    let value = ("x-csrf-token", pair.access_csrf_token().expect("a value"));
    let headers = [value, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")];
    for method in ["GET", "POST"] {
        assert_eq!(
            client.call(method, "/me", &headers).await.code(),
            "request_cross_site",
            "{method}"
        );
    }
}

#[tokio::test]
async fn revoke_covers_a_jti_of_one_issuer_and_not_the_same_jti_of_another() {
    use serde_json::json;

    let auth = config().0.build().expect("a valid configuration");
    let token = |issuer: &str| {
        let mut claims = tests::claims();
        claims["iss"] = json!(issuer);
        tests::forge(&tests::plain_header(), &claims)
    };
    let (one, two) = (token("one"), token("two"));
    auth.revoke(&auth.verify_access(&one).await.expect("a valid token")).await.expect("recorded");
    assert!(auth.verify_access(&one).await.is_err());
    assert!(auth.verify_access(&two).await.is_ok());
}

#[tokio::test]
async fn a_revocation_lasts_until_a_fractional_exp() {
    let (config, clock) = config();
    let auth = config.build().expect("a valid configuration");
    let mut claims = tests::claims();
    claims["exp"] =
        format!("{}.9", NOW + 10).parse::<serde_json::Number>().expect("a number").into();
    let token = tests::forge(&tests::plain_header(), &claims);
    auth.revoke(&auth.verify_access(&token).await.expect("a valid token")).await.expect("recorded");
    clock.advance(Duration::from_millis(10_500));
    assert_eq!(auth.verify_access(&token).await.expect_err("revoked").code(), "token_revoked");
}

#[tokio::test]
async fn a_cookie_name_that_starts_with_underscores_gets_the_host_prefix() {
    let (config, _) = cookie_config();
    let auth = config.access_cookie_key("__session").build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    let response = axum::response::IntoResponse::into_response(auth.set_access_cookie(&token));
    let line = response.headers()["set-cookie"].to_str().expect("text").to_owned();
    assert!(line.starts_with("__Host-__session="), "{line}");
    assert!(response.headers()["set-cookie"].is_sensitive(), "logs of headers do not show it");
}

#[tokio::test]
async fn a_rotation_applies_the_shorter_of_two_configured_idle_times() {
    let exp = |token: &str| {
        jwt_auth::danger::decode_unverified(token).expect("a token").claims["exp"].as_u64()
    };
    let long = config()
        .0
        .refresh_token_expires(Duration::from_secs(7200))
        .build()
        .expect("a valid configuration");
    let short = config()
        .0
        .refresh_token_expires(Duration::from_secs(3600))
        .build()
        .expect("a valid configuration");
    let pair = long.log_in("alice").await.expect("a pair");
    let token = short.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let next = short.rotate(token).await.expect("a pair");
    assert_eq!(exp(next.refresh_token()), Some(NOW + 3600));
}
