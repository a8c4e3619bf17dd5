//! Sessions in a browser: cookies that outlive their tokens, end with their session, and survive a change of settings.

use std::time::Duration;

use axum::Router;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, PreviousCookie, RefreshToken,
    SetCookies, TokenLocation, jwt_required, public, refresh_required,
};
use tests::{Client, TestResponse};

const ACCESS: &str = "__Host-access_token_cookie";
const REFRESH: &str = "__Host-refresh_token_cookie";
const MINUTE: Duration = Duration::from_secs(60);

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(optional)]
async fn maybe(token: Option<AccessToken>) -> String {
    token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
}

#[public]
async fn home(visitor: Result<AccessToken, AuthError>) -> String {
    match visitor {
        Ok(token) => token.subject().to_owned(),
        Err(error) => error.code().to_owned(),
    }
}

#[public]
async fn log_in(auth: JwtAuth) -> Result<SetCookies, AuthError> {
    let pair = auth.log_in("alice").await?;
    Ok(auth.set_cookies(&pair))
}

#[public]
async fn log_in_for_an_hour(auth: JwtAuth) -> Result<SetCookies, AuthError> {
    let pair = auth.log_in("alice").await?;
    Ok(auth.set_cookies(&pair).max_age(60 * MINUTE))
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<SetCookies, AuthError> {
    let pair = auth.rotate(token).await?;
    Ok(auth.set_cookies(&pair))
}

fn app(auth: JwtAuth) -> Router {
    GuardedRouter::new()
        .route("/me", get(me))
        .route("/maybe", get(maybe))
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/login-for-an-hour", post(log_in_for_an_hour))
        .route("/refresh", post(refresh))
        .layer(auth.implicit_refresh())
        .with_state(auth)
}

fn config() -> (Config, jwt_auth::ManualClock) {
    let (config, clock) = tests::config();
    (config.token_location([TokenLocation::Cookie]), clock)
}

fn client(config: Config) -> (Client, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    (Client::new(app(auth.clone())), auth)
}

/// The names of the cookies that the response deletes.
fn deleted(response: &TestResponse) -> Vec<String> {
    let lines = response.cookies();
    let lines = lines.iter().filter(|line| line.contains("Max-Age=0"));
    lines.map(|line| line.split('=').next().unwrap_or_default().to_owned()).collect()
}

fn ages(response: &TestResponse) -> Vec<&str> {
    let lines = response.cookies();
    lines.into_iter().filter_map(|line| line.split("Max-Age=").nth(1)).collect()
}

async fn refresh_with(client: &Client) -> TestResponse {
    let value = client.cookie("csrf_refresh_token");
    client.call("POST", "/refresh", &[("x-csrf-token", &value)]).await
}

#[tokio::test]
async fn c3_an_expired_access_cookie_is_told_apart_from_a_stranger() {
    let (config, clock) = config();
    let (client, _) = client(config);
    assert_eq!(client.call("GET", "/me", &[]).await.code(), "token_missing");
    let logged_in = client.call("POST", "/login", &[]).await;
    assert_eq!(
        ages(&logged_in),
        ["2592000"; 4],
        "both tokens' cookies live as long as the session"
    );
    clock.advance(16 * MINUTE);
    let expired = client.call("GET", "/me", &[]).await;
    assert_eq!((expired.code().as_str(), deleted(&expired).len()), ("token_expired", 0));
    assert_eq!(refresh_with(&client).await.status, 200);
    assert_eq!(client.call("GET", "/me", &[]).await.body, "alice");
}

#[tokio::test]
async fn a_renewed_access_cookie_lives_as_long_as_its_session() {
    let (config, clock) = config();
    let (client, _) = client(config);
    client.call("POST", "/login", &[]).await;
    clock.advance(10 * MINUTE);
    let renewed = client.call("GET", "/me", &[]).await;
    assert_eq!(ages(&renewed), ["2592000"; 2]);
}

#[tokio::test]
async fn the_age_of_the_cookies_is_kept_by_every_refresh() {
    let (config, clock) = config();
    let (client, _) = client(config);
    assert_eq!(ages(&client.call("POST", "/login-for-an-hour", &[]).await), ["3600"; 4]);
    for _ in 0..2 {
        clock.advance(MINUTE);
        assert_eq!(ages(&refresh_with(&client).await), ["3600"; 4]);
    }
    clock.advance(10 * MINUTE);
    assert_eq!(
        ages(&client.call("GET", "/me", &[]).await),
        ["3600"; 2],
        "and by an implicit refresh"
    );
    assert_eq!(client.call("GET", "/me", &[]).await.body, "alice");
}

#[tokio::test]
async fn a_refusal_that_ends_the_session_deletes_its_cookies() {
    let (config, clock) = config();
    let (client, auth) = client(config);
    let all = [ACCESS, "__Host-csrf_access_token", REFRESH, "__Host-csrf_refresh_token"];
    // Revoked, seen by a guard for access tokens, by one for refresh tokens, and by a public page.
    for path in ["/me", "/maybe", "/"] {
        client.call("POST", "/login", &[]).await;
        auth.log_out_everywhere("alice").await.expect("recorded");
        let response = client.call("GET", path, &[]).await;
        assert_eq!(deleted(&response), all, "{path}");
        assert_eq!(client.cookies(), "", "{path}");
    }
    client.call("POST", "/login", &[]).await;
    auth.log_out_everywhere("alice").await.expect("recorded");
    let response = refresh_with(&client).await;
    assert_eq!((response.code().as_str(), deleted(&response).len()), ("token_revoked", 4));
    // Reused, found by the handler.
    client.call("POST", "/login", &[]).await;
    let (stolen, csrf) =
        (client.cookie("refresh_token_cookie"), client.cookie("csrf_refresh_token"));
    refresh_with(&client).await;
    clock.advance(MINUTE);
    client.set_cookie(REFRESH, &stolen);
    let reused = client.call("POST", "/refresh", &[("x-csrf-token", &csrf)]).await;
    assert_eq!((reused.code().as_str(), deleted(&reused).len()), ("refresh_token_reused", 4));
    // The refresh token has expired.
    client.call("POST", "/login", &[]).await;
    clock.advance(31 * 24 * 60 * MINUTE);
    let expired = refresh_with(&client).await;
    assert_eq!((expired.code().as_str(), deleted(&expired).len()), ("token_expired", 4));
}

#[tokio::test]
async fn a_refusal_after_which_the_session_continues_deletes_no_cookie() {
    let (config, _) = config();
    let (client, auth) = client(config);
    client.call("POST", "/login", &[]).await;
    let access = client.cookie("access_token_cookie");
    let token = auth.verify_access(&access).await.expect("a valid token");
    auth.revoke(&token).await.expect("recorded");
    let response = client.call("GET", "/me", &[]).await;
    assert_eq!((response.code().as_str(), deleted(&response).len()), ("token_revoked", 0));
    assert_eq!(refresh_with(&client).await.status, 200, "the session continues");
    let forged = tests::tamper_with_signature(&access);
    client.set_cookie(ACCESS, &forged);
    assert_eq!(deleted(&client.call("GET", "/me", &[]).await).len(), 0, "a forged cookie");
}

#[tokio::test]
async fn a_bearer_token_deletes_no_cookie() {
    let (config, _) = config();
    let (client, auth) =
        client(config.token_location([TokenLocation::Header, TokenLocation::Cookie]));
    let pair = auth.log_in("alice").await.expect("a pair");
    auth.log_out_everywhere("alice").await.expect("recorded");
    let bearer = tests::bearer(pair.access_token());
    let response = client.call("GET", "/me", &[("authorization", &bearer)]).await;
    assert_eq!((response.code().as_str(), response.cookies().len()), ("token_revoked", 0));
}

#[tokio::test]
async fn a_public_page_knows_its_visitor_and_refuses_nobody() {
    let (config, clock) = config();
    let (client, _) = client(config);
    assert_eq!(client.call("GET", "/", &[]).await.body, "token_missing");
    client.call("POST", "/login", &[]).await;
    assert_eq!(client.call("GET", "/", &[]).await.body, "alice");
    clock.advance(16 * MINUTE);
    let expired = client.call("GET", "/", &[]).await;
    assert_eq!((expired.status.as_u16(), expired.body.as_str()), (200, "token_expired"));
    let twice = format!("{ACCESS}=a.b.c; {ACCESS}=d.e.f");
    let twice = client.call("GET", "/", &[("cookie", &twice)]).await;
    assert_eq!((twice.status.as_u16(), twice.body.as_str()), (200, "request_ambiguous"));
    let router = GuardedRouter::<JwtAuth>::new().route("/", get(home));
    assert_eq!(router.manifest().to_string(), "GET /  public  reads token\n");
}

/// A configuration whose cookies have no prefix, because they have a domain.
fn domain_config() -> Config {
    config().0.cookie_domain("app.example.com")
}

#[tokio::test]
async fn previous_cookies_are_ignored_and_deleted_on_sight() {
    let (config, _) = config();
    let previous = [
        PreviousCookie::new("session"),
        PreviousCookie::new("access_token_cookie").domain("example.com").path("/app"),
    ];
    let (client, auth) = client(config.previous_cookies(previous));
    let token = auth.access_token("alice").issue().expect("a token");
    let cookies = format!("session={}; access_token_cookie={}", &*token, &*token);
    for (path, status) in [("/me", 401), ("/maybe", 200), ("/", 200)] {
        let response = client.call("GET", path, &[("cookie", &cookies)]).await;
        assert_eq!(response.status.as_u16(), status, "{path}");
        assert_eq!(
            response.cookies(),
            [
                "session=; Path=/; Max-Age=0; Secure",
                "access_token_cookie=; Path=/app; Max-Age=0; Domain=example.com; Secure",
            ],
            "{path}"
        );
    }
    assert!(client.call("GET", "/", &[("cookie", "other=1")]).await.cookies().is_empty());
}

#[tokio::test]
async fn after_a_change_of_the_domain_the_newer_cookie_of_the_same_subject_counts() {
    let previous = PreviousCookie::new("access_token_cookie").domain("example.com");
    let config = domain_config().previous_cookies([previous]);
    let auth = config.clone().build().expect("a valid configuration");
    let older = auth.access_token("alice").issue().expect("a token");
    let clock = jwt_auth::ManualClock::at(tests::NOW + 60);
    let (client, auth) = client(config.clock(clock));
    let newer = auth.access_token("alice").issue().expect("a token");
    let other = auth.access_token("mallory").issue().expect("a token");
    let call = async |tokens: [&str; 2]| {
        let cookies = tokens.map(|token| format!("access_token_cookie={token}")).join("; ");
        client.call("GET", "/me", &[("cookie", &cookies)]).await
    };
    for tokens in [[&*older, &*newer], [&*newer, &*older]] {
        let response = call(tokens).await;
        assert_eq!(response.body, "alice");
        let deletion = "access_token_cookie=; Path=/; Max-Age=0; Domain=example.com; Secure";
        assert_eq!(response.cookies(), [deletion]);
    }
    let forged = tests::tamper_with_signature(&newer);
    assert_eq!(call([&older, &forged]).await.code(), "signature_invalid", "the newer one decides");
    for tokens in [[&*older, &*other], [&*older, "junk"]] {
        let response = call(tokens).await;
        assert_eq!((response.status.as_u16(), response.cookies().is_empty()), (400, false));
    }
}

#[tokio::test]
async fn two_cookies_of_one_name_are_no_dead_end() {
    let (client, auth) = client(domain_config());
    let token = auth.access_token("alice").issue().expect("a token");
    let twice = format!("access_token_cookie={}; access_token_cookie=planted", &*token);
    let headers = [("cookie", twice.as_str()), ("host", "app.example.com")];
    for path in ["/me", "/maybe", "/"] {
        let response = client.call("GET", path, &headers).await;
        let lines = response.cookies();
        let deletes = |line: &str| lines.contains(&line);
        assert!(deletes("access_token_cookie=; Path=/; Max-Age=0; Secure"), "{path}: {lines:?}");
        assert!(
            deletes("access_token_cookie=; Path=/; Max-Age=0; Domain=example.com; Secure"),
            "{path}: {lines:?}"
        );
        let own = "Path=/; Max-Age=0; Domain=app.example.com";
        assert!(!lines.iter().any(|line| line.contains(own)), "the current one stays: {lines:?}");
    }
}

#[tokio::test]
async fn a_stray_cookie_of_a_nested_path_is_deleted_by_the_path_that_the_browser_knows() {
    let auth = domain_config().build().expect("a valid configuration");
    let inner = GuardedRouter::new().route("/me", get(me));
    let client = Client::new(GuardedRouter::new().nest("/app", inner).with_state(auth));
    let twice = [("cookie", "access_token_cookie=a; access_token_cookie=b"), ("host", "h.example")];
    let response = client.call("GET", "/app/me", &twice).await;
    let lines = response.cookies();
    for path in ["/", "/app", "/app/me"] {
        let expected = format!("access_token_cookie=; Path={path}; Max-Age=0; Secure");
        assert!(lines.contains(&expected.as_str()), "{path}: {lines:?}");
    }
}

#[tokio::test]
async fn a_page_that_logs_in_keeps_its_new_cookies_when_the_old_session_is_over() {
    #[public]
    async fn log_in_again(
        auth: JwtAuth,
        _: Result<AccessToken, AuthError>,
    ) -> Result<SetCookies, AuthError> {
        let pair = auth.log_in("alice").await?;
        Ok(auth.set_cookies(&pair))
    }

    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let router = GuardedRouter::new().route("/login", post(log_in_again));
    let client = Client::new(router.with_state(auth.clone()));
    client.call("POST", "/login", &[]).await;
    auth.log_out_everywhere("alice").await.expect("recorded");
    let value = client.cookie("csrf_access_token");
    let again = client.call("POST", "/login", &[("x-csrf-token", &value)]).await;
    assert_eq!((deleted(&again).len(), again.cookies().len()), (0, 4));
}

#[tokio::test]
async fn an_access_cookie_that_a_refresh_revoked_does_not_delete_the_cookies_of_its_session() {
    let (client, auth) = client(config().0);
    client.call("POST", "/login", &[]).await;
    let token = auth.verify_refresh(&client.cookie(REFRESH)).await.expect("valid");
    auth.rotate(token).revoke_previous_access().await.expect("a pair");
    // Another tab may still send the earlier cookie.
    let refused = client.call("GET", "/me", &[]).await;
    assert_eq!((refused.code().as_str(), deleted(&refused).len()), ("token_revoked", 0));
    auth.log_out_everywhere("alice").await.expect("recorded");
    let refused = client.call("GET", "/me", &[]).await;
    assert_eq!((refused.code().as_str(), deleted(&refused).len()), ("token_revoked", 4));
}

#[test]
fn a_previous_cookie_that_is_in_use_or_invalid_is_a_config_error() {
    let build = |cookie: PreviousCookie| config().0.previous_cookies([cookie]).build();
    for bad in [
        PreviousCookie::new(ACCESS),
        PreviousCookie::new("two words"),
        PreviousCookie::new("a").path("app"),
        PreviousCookie::new("a").domain("..example.com"),
    ] {
        let error = build(bad).expect_err("refused").to_string();
        assert!(error.contains("previous_cookies"), "{error}");
    }
    assert!(build(PreviousCookie::new(ACCESS).path("/app")).is_ok(), "another path");
}
