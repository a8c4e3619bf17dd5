//! `#[check]`: rules that see the request, the state and the token.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, AuthErrorKind, Checked, CurrentUser, GuardedRouter, JwtAuth, LoadUser,
    RefreshToken, check, guard, jwt_required, refresh_required,
};
use tests::{call, config};

/// Counts how often the check of the notes runs.
#[derive(Clone, Default)]
struct Db(Arc<AtomicUsize>);

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    db: Db,
}

struct Note {
    id: u64,
    owner: &'static str,
}

impl Db {
    async fn note(&self, id: u64) -> Option<Note> {
        self.0.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        match id {
            1 => Some(Note { id, owner: "alice" }),
            2 => Some(Note { id, owner: "bob" }),
            _ => None,
        }
    }
}

#[derive(Debug)]
enum AppError {
    Gone,
    Success,
    Log,
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        match self {
            Self::Gone => (StatusCode::GONE, "moved away").into_response(),
            Self::Success => "done".into_response(),
            Self::Log => Redirect::to("/login").into_response(),
        }
    }
}

#[check]
async fn own_note(
    token: AccessToken,
    State(db): State<Db>,
    Path(id): Path<u64>,
) -> Result<Note, AuthError> {
    match db.note(id).await {
        Some(note) if note.owner == token.subject() => Ok(note),
        _ => Err(AuthError::not_found()),
    }
}

mod office {
    use super::{AppError, HeaderMap, check};

    pub(super) type Verdict = Result<u8, AppError>;

    /// An alias as a return type, a sync function, and an error of the application.
    #[check]
    #[allow(clippy::needless_pass_by_value, reason = "an extractor")]
    pub(super) fn hours(headers: HeaderMap) -> Verdict {
        match headers.get("x-hour").and_then(|hour| hour.to_str().ok()) {
            Some("day") => Ok(9),
            Some("success") => Err(AppError::Success),
            Some("redirect") => Err(AppError::Log),
            _ => Err(AppError::Gone),
        }
    }
}

#[check]
async fn is_admin(token: AccessToken) -> bool {
    token.roles().any(|role| role == "admin")
}

fn is_alice(token: &AccessToken) -> bool {
    token.subject() == "alice"
}

async fn is_bob(token: &AccessToken) -> Result<(), String> {
    if token.subject() == "bob" { Ok(()) } else { Err("not Bob".to_owned()) }
}

#[check]
async fn kind_of_failure(headers: HeaderMap) -> Result<(), AuthError> {
    match headers.get("x-fail").and_then(|kind| kind.to_str().ok()) {
        Some("panic") => panic!("in a check"),
        Some("hang") => std::future::pending().await,
        Some("unavailable") => Err(AuthErrorKind::Unavailable.into()),
        Some("expired") => Err(AuthErrorKind::Expired.into()),
        Some("scope") => Err(AuthErrorKind::InsufficientScope.into()),
        _ => Ok(()),
    }
}

/// `Ok(false)` refuses, as `false` does.
#[check]
async fn decides_with_a_result(headers: HeaderMap) -> Result<bool, AuthError> {
    Ok(headers.contains_key("x-admit"))
}

#[allow(clippy::unnecessary_wraps, reason = "the type is what is tested")]
fn reads_the_token_with_a_result(token: &AccessToken) -> Result<bool, String> {
    Ok(token.subject() == "alice")
}

#[jwt_required(check(all(decides_with_a_result, reads_the_token_with_a_result)))]
async fn with_results() {}

#[jwt_required(scopes("notes:read"), check = own_note)]
async fn read(Checked(note): Checked<own_note>) -> String {
    format!("{} of {}", note.id, note.owner)
}

#[jwt_required(check = own_note)]
async fn delete() -> &'static str {
    "deleted"
}

async fn bare(note: Checked<own_note>) -> String {
    format!("bare {}", note.0.id)
}

async fn after_a_token(token: AccessToken, Checked(note): Checked<own_note>) -> String {
    format!("{} {}", token.subject(), note.id)
}

#[jwt_required(check(all(own_note, office::hours)))]
async fn both(Checked(note): Checked<own_note>, Checked(hour): Checked<office::hours>) -> String {
    format!("{} at {hour}", note.id)
}

#[jwt_required(check(any(own_note, is_admin, is_bob)))]
async fn either(note: Option<Checked<own_note>>) -> &'static str {
    if note.is_some() { "owner" } else { "other" }
}

#[jwt_required(check(all(is_alice, any(is_admin, office::hours))))]
async fn nested() {}

#[jwt_required(optional, check = own_note)]
async fn visitor(note: Option<Checked<own_note>>) -> &'static str {
    if note.is_some() { "owner" } else { "visitor" }
}

#[jwt_required(check = kind_of_failure)]
async fn failing() {}

#[jwt_required(check(any(kind_of_failure, is_admin)))]
async fn failing_or_admin() {}

#[derive(Clone)]
struct User {
    is_active: bool,
}

impl LoadUser for User {
    type State = JwtAuth;
    type Error = Infallible;

    async fn load(token: &AccessToken, _: &JwtAuth) -> Result<Option<Self>, Infallible> {
        Ok((token.subject() != "nobody").then(|| Self { is_active: token.subject() == "alice" }))
    }
}

#[check]
async fn active(user: CurrentUser<User>) -> Result<CurrentUser<User>, AuthError> {
    if user.is_active { Ok(user) } else { Err(AuthError::forbidden("The account is locked")) }
}

#[jwt_required(check = active)]
async fn for_active(user: CurrentUser<User>, Checked(same): Checked<active>) -> String {
    format!("{} {}", user.is_active, same.is_active)
}

#[check]
async fn from_our_app(token: RefreshToken, headers: HeaderMap) -> Result<String, AuthError> {
    let app = headers.get("x-app").ok_or_else(|| AuthError::forbidden("which app?"))?;
    Ok(format!("{} by {}", token.subject(), app.to_str().unwrap_or("?")))
}

#[refresh_required(check(all(from_our_app, active)))]
async fn refresh(Checked(who): Checked<from_our_app>) -> String {
    who
}

#[jwt_required(check = own_note)]
async fn middleware(request: Request, next: axum::middleware::Next) -> Response {
    next.run(request).await
}

/// A handler by a macro, with a check by another one.
macro_rules! checked_handler {
    ($name:ident, $check:path) => {
        #[jwt_required(check = $check)]
        async fn $name() -> &'static str {
            stringify!($name)
        }
    };
}
checked_handler!(by_macro, own_note);

fn app() -> (Router, App) {
    let auth = config().0.hook_deadline(Duration::from_millis(50)).build().expect("valid");
    let state = App { auth, db: Db::default() };
    let service = tower::service_fn(async |request: Request| {
        Ok::<_, Infallible>(request.uri().path().to_owned())
    });
    let inside: GuardedRouter<App> = GuardedRouter::new()
        .route("/{id}", get(bare))
        .layer(axum::middleware::from_fn_with_state(state.clone(), middleware));
    let router = GuardedRouter::new()
        .route("/read/{id}", get(read))
        .route("/delete/{id}", post(delete))
        .route("/bare/{id}", get(bare))
        .route("/after/{id}", get(after_a_token))
        .route("/both/{id}", get(both))
        .route("/either/{id}", get(either))
        .route("/with-results", get(with_results))
        .route("/nested", get(nested))
        .route("/visitor/{id}", get(visitor))
        .route("/failing", get(failing))
        .route("/failing-or-admin", get(failing_or_admin))
        .route("/active", get(for_active))
        .route("/refresh", post(refresh))
        .route("/macro/{id}", get(by_macro))
        .nest("/inside", inside)
        .guarded_service(
            "/service",
            guard::required().check::<is_admin>().check::<office::hours>(),
            service,
        );
    (router.with_state(state.clone()), state)
}

async fn send(app: &Router, path: &str, token: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::get(path);
    if !token.is_empty() {
        request = request.header("authorization", tests::bearer(token));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(axum::body::Body::empty()).expect("valid");
    let response = tests::send(app, request).await;
    (response.status.as_u16(), response.body)
}

fn token(state: &App, subject: &str) -> String {
    let token = state.auth.access_token(subject).scopes(["notes:read"]).issue();
    token.expect("a token").to_string()
}

fn admin(state: &App) -> String {
    state.auth.access_token("carol").roles(["admin"]).issue().expect("a token").to_string()
}

#[tokio::test]
async fn a_check_sees_the_path_and_the_database_and_hands_its_value_on() {
    let (app, state) = app();
    let (alice, bob) = (token(&state, "alice"), token(&state, "bob"));
    assert_eq!(send(&app, "/read/1", &alice, &[]).await, (200, "1 of alice".into()));
    assert_eq!(state.db.0.load(Ordering::Relaxed), 1, "loaded once, for the check and the handler");
    // A note of another user and no note are the same.
    let other = send(&app, "/read/1", &bob, &[]).await;
    assert_eq!(other, send(&app, "/read/99", &bob, &[]).await);
    assert_eq!(other.0, 404);
    assert!(other.1.contains("\"code\":\"not_found\""), "{}", other.1);
    // The rejection of an extractor is its own.
    assert_eq!(send(&app, "/read/x", &alice, &[]).await.0, 400);
    // Without the scope the check does not run.
    let ran = state.db.0.load(Ordering::Relaxed);
    let without_scope = state.auth.access_token("alice").issue().expect("a token");
    assert_eq!(send(&app, "/read/1", &without_scope, &[]).await.0, 403);
    assert_eq!(send(&app, "/read/1", "", &[]).await.0, 401);
    assert_eq!(send(&app, "/read/1", "junk", &[]).await.0, 401);
    assert_eq!(state.db.0.load(Ordering::Relaxed), ran);
    assert_eq!(send(&app, "/macro/1", &alice, &[]).await.0, 200);
    assert_eq!(send(&app, "/macro/2", &alice, &[]).await.0, 404);
}

#[tokio::test]
async fn a_check_guards_without_its_value_and_as_a_parameter_alone() {
    let (app, state) = app();
    let alice = token(&state, "alice");
    let post = async |path: &str, token| call(&app, "POST", path, token).await.status;
    assert_eq!(post("/delete/1", Some(&*alice)).await, 200);
    assert_eq!(post("/delete/2", Some(&*alice)).await, 404);
    assert_eq!(post("/delete/1", None).await, 401);
    for path in ["/bare", "/after"] {
        assert_eq!(send(&app, &format!("{path}/1"), &alice, &[]).await.0, 200, "{path}");
        assert_eq!(send(&app, &format!("{path}/2"), &alice, &[]).await.0, 404, "{path}");
        assert_eq!(send(&app, &format!("{path}/1"), "", &[]).await.0, 401, "{path}");
    }
    let refresh = state.auth.refresh_token("alice").issue().expect("a token");
    assert_eq!(send(&app, "/bare/1", &refresh, &[]).await.0, 401);
}

#[tokio::test]
async fn checks_combine_by_all_and_any() {
    let (app, state) = app();
    let (alice, bob, carol) = (token(&state, "alice"), token(&state, "bob"), admin(&state));
    let day = [("x-hour", "day")];
    assert_eq!(send(&app, "/both/1", &alice, &day).await, (200, "1 at 9".into()));
    assert_eq!(send(&app, "/both/1", &alice, &[]).await, (410, "moved away".into()));
    assert_eq!(send(&app, "/both/2", &alice, &day).await.0, 404);

    assert_eq!(send(&app, "/either/1", &alice, &[]).await, (200, "owner".into()));
    assert_eq!(send(&app, "/either/1", &carol, &[]).await, (200, "other".into()));
    assert_eq!(send(&app, "/either/1", &bob, &[]).await, (200, "other".into()));
    assert_eq!(send(&app, "/either/2", &alice, &[]).await.0, 404, "the first refusal");

    assert_eq!(send(&app, "/nested", &alice, &day).await.0, 200);
    assert_eq!(send(&app, "/nested", &alice, &[]).await.0, 403);
    assert_eq!(send(&app, "/nested", &bob, &day).await.0, 403);
}

#[tokio::test]
async fn a_check_that_returns_ok_false_refuses() {
    let (app, state) = app();
    let (alice, bob, admits) = (token(&state, "alice"), token(&state, "bob"), [("x-admit", "1")]);
    assert_eq!(send(&app, "/with-results", &alice, &admits).await.0, 200);
    assert_eq!(send(&app, "/with-results", &alice, &[]).await.0, 403, "of `#[check]`");
    assert_eq!(
        send(&app, "/with-results", &bob, &admits).await.0,
        403,
        "of a function of the token"
    );
}

#[tokio::test]
async fn an_anonymous_request_is_not_checked_and_a_token_is() {
    let (app, state) = app();
    assert_eq!(send(&app, "/visitor/1", "", &[]).await, (200, "visitor".into()));
    let alice = token(&state, "alice");
    assert_eq!(send(&app, "/visitor/1", &alice, &[]).await, (200, "owner".into()));
    assert_eq!(send(&app, "/visitor/2", &alice, &[]).await.0, 404);
    assert_eq!(send(&app, "/visitor/1", "junk", &[]).await.0, 401);
}

#[tokio::test]
async fn a_check_that_fails_never_opens_a_route() {
    let (app, state) = app();
    let (alice, carol) = (token(&state, "alice"), admin(&state));
    for (fail, status) in [
        ("panic", 503),
        ("hang", 503),
        ("unavailable", 503),
        ("expired", 403),
        ("scope", 403),
        ("none", 200),
    ] {
        let answer = send(&app, "/failing", &alice, &[("x-fail", fail)]).await;
        assert_eq!(answer.0, status, "{fail}: {}", answer.1);
    }
    // A check that could not decide is no refusal: another one may admit, and otherwise the answer is 503.
    let unavailable = [("x-fail", "unavailable")];
    assert_eq!(send(&app, "/failing-or-admin", &carol, &unavailable).await.0, 200);
    assert_eq!(send(&app, "/failing-or-admin", &alice, &unavailable).await.0, 503);
    assert_eq!(send(&app, "/failing-or-admin", &alice, &[("x-fail", "scope")]).await.0, 403);
    // A refusal with a status of success is 403; a redirect to a log-in page is sent.
    let success = send(&app, "/both/1", &alice, &[("x-hour", "success")]).await;
    assert_eq!(success.0, 403, "{}", success.1);
    assert_eq!(send(&app, "/both/1", &alice, &[("x-hour", "redirect")]).await.0, 303);
}

#[tokio::test]
async fn a_check_takes_the_user_and_keeps_locked_accounts_out() {
    let (app, state) = app();
    let answer = send(&app, "/active", &token(&state, "alice"), &[]).await;
    assert_eq!(answer, (200, "true true".into()));
    let locked = send(&app, "/active", &token(&state, "bob"), &[]).await;
    assert!(locked.0 == 403 && locked.1.contains("The account is locked"), "{locked:?}");
    let deleted = send(&app, "/active", &token(&state, "nobody"), &[]).await;
    assert!(deleted.0 == 401 && deleted.1.contains("user_unknown"), "{deleted:?}");
}

#[tokio::test]
async fn refresh_required_checks_refresh_tokens() {
    let (app, state) = app();
    let post = async |token: &str, headers: &[(&str, &str)]| {
        let mut request = Request::post("/refresh").header("authorization", tests::bearer(token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = tests::send(&app, request.body(axum::body::Body::empty()).expect("valid"));
        let response = response.await;
        (response.status.as_u16(), response.body)
    };
    let alice = state.auth.refresh_token("alice").issue().expect("a token");
    let bob = state.auth.refresh_token("bob").issue().expect("a token");
    let ours = [("x-app", "ours")];
    assert_eq!(post(&alice, &ours).await, (200, "alice by ours".into()));
    assert_eq!(post(&alice, &[]).await.0, 403);
    assert_eq!(post(&bob, &ours).await.0, 403, "a locked user cannot refresh");
    assert_eq!(post(&token(&state, "alice"), &ours).await.0, 401);
}

#[tokio::test]
async fn a_service_takes_checks() {
    let (app, state) = app();
    let (alice, carol) = (token(&state, "alice"), admin(&state));
    let day = [("x-hour", "day")];
    assert_eq!(send(&app, "/service/a", &carol, &day).await.0, 200);
    assert_eq!(send(&app, "/service/a", &carol, &[]).await.0, 410);
    assert_eq!(send(&app, "/service/a", &alice, &day).await.0, 403);
    assert_eq!(send(&app, "/service/a", "", &day).await.0, 401);
}

#[tokio::test]
async fn a_middleware_checks_and_the_handler_checks_for_itself() {
    let (app, state) = app();
    assert_eq!(send(&app, "/inside/1", &token(&state, "alice"), &[]).await, (200, "bare 1".into()));
    assert_eq!(send(&app, "/inside/1", &token(&state, "bob"), &[]).await.0, 404);
    assert_eq!(send(&app, "/inside/1", "", &[]).await.0, 401);
}

#[test]
fn the_manifest_names_the_checks() {
    let router: GuardedRouter<App> = GuardedRouter::new()
        .route("/read/{id}", get(read))
        .route("/bare/{id}", get(bare))
        .route("/nested", get(nested))
        .guarded_service(
            "/service",
            guard::required().check::<is_admin>().check::<office::hours>().check::<active>(),
            axum::routing::any(async || "a report"),
        );
    let manifest = router.manifest().to_string();
    for row in [
        "access  scopes(notes:read)  check(own_note)",
        "access  check(own_note)",
        "access  check(all(is_alice, any(is_admin, office::hours)))",
        "access  check(all(is_admin, hours, active))",
    ] {
        assert!(manifest.contains(row), "{row}: {manifest}");
    }
    assert_eq!(router.manifest().routes_without_permission().count(), 0);
}

#[check]
async fn named_in_header(token: AccessToken, headers: HeaderMap) -> bool {
    headers.get("x-expect").is_some_and(|name| name.as_bytes() == token.subject().as_bytes())
}

#[jwt_required(locations(cookie), check = named_in_header)]
async fn from_cookie() {}

#[jwt_required(audience = "https://reports.example", check = named_in_header)]
async fn of_audience() {}

/// A check reads the token of its guard, not the one that the configuration would find.
#[tokio::test]
async fn g4_a_check_reads_the_token_that_its_guard_admitted() {
    let auth = config().0.build().expect("valid");
    let app: Router = GuardedRouter::new()
        .route("/cookie", post(from_cookie).get(from_cookie))
        .route("/audience", get(of_audience))
        .with_state(auth.clone());
    let token = |subject: &str| auth.access_token(subject).issue().expect("a token").to_string();
    let cookie = format!("access_token_cookie={0}; __Host-access_token_cookie={0}", token("alice"));
    let mallory = token("mallory");
    let both = |name| [("cookie", cookie.as_str()), ("x-expect", name)];
    assert_eq!(send(&app, "/cookie", &mallory, &both("alice")).await.0, 200);
    assert_eq!(send(&app, "/cookie", &mallory, &both("mallory")).await.0, 403);
    let reports = auth.access_token("alice").audience(["https://reports.example"]).issue();
    let reports = reports.expect("a token").to_string();
    assert_eq!(send(&app, "/audience", &reports, &[("x-expect", "alice")]).await.0, 200);
}

mod shadowed {
    use super::{AccessToken, HeaderMap, jwt_required};
    // The type of the check comes from here, and the function from below.
    #[allow(unused_imports)]
    use super::*;

    pub(super) async fn named_in_header(_: AccessToken, _: HeaderMap) -> bool {
        true
    }

    #[jwt_required(check = named_in_header)]
    pub(super) async fn handler() {}
}

/// The compiler accepts it if the signatures are equal. Then the route is closed, and the log says why.
#[tokio::test]
async fn a_function_that_hides_a_check_closes_the_route() {
    let auth = config().0.build().expect("valid");
    let app: Router =
        GuardedRouter::new().route("/", get(shadowed::handler)).with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(send(&app, "/", &token, &[("x-expect", "alice")]).await.0, 503);
}

/// A test calls the function, without HTTP.
#[tokio::test]
async fn a_check_is_still_a_function() {
    let (_, state) = app();
    let alice = state.auth.verify_access(&token(&state, "alice")).await.expect("valid");
    let note = own_note(alice.clone(), State(state.db.clone()), Path(1)).await;
    assert_eq!(note.expect("her note").owner, "alice");
    assert!(own_note(alice, State(state.db), Path(2)).await.is_err());
}
