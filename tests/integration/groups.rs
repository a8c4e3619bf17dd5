//! `require` for groups of routes, and `guarded_service`.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use jwt_auth::router::Require;
use jwt_auth::routing::{any, get, post};
use jwt_auth::{
    AccessToken, AuthError, GuardedRouter, JwtAuth, Permission, RefreshToken, TokenLocation, guard,
    jwt_required, public, refresh_required,
};
use tests::{call, config};
use tower::ServiceExt as _;

#[public]
async fn open() {}

#[jwt_required]
async fn plain() {}

#[jwt_required(optional)]
async fn optional(token: Option<AccessToken>) -> String {
    token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
}

#[jwt_required(scopes("audit"), any_role("auditor", "owner"))]
async fn audit() {}

async fn by_token(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[refresh_required]
async fn refresh(_: RefreshToken) {}

enum Role {
    Admin,
}

impl Permission for Role {
    fn name(&self) -> &str {
        match self {
            Self::Admin => "admin",
        }
    }
}

fn build() -> (JwtAuth, jwt_auth::ManualClock) {
    let (config, clock) = config();
    (config.build().expect("a valid configuration"), clock)
}

async fn status(app: &axum::Router, path: &str, token: Option<&str>) -> StatusCode {
    call(app, "GET", path, token).await.status
}

#[tokio::test]
async fn a_group_adds_its_rules_to_every_route_before_and_after_it() {
    let (auth, _) = build();
    let nested = GuardedRouter::new().route("/deep", get(plain)).route("/optional", get(optional));
    let admin = GuardedRouter::new()
        .route("/before", get(plain))
        .require(Require::roles([Role::Admin]).fresh())
        .route("/after", get(plain))
        .route("/audit", get(audit))
        .route("/token", get(by_token))
        .route("/any", any(plain).fallback(plain))
        .nest("/nested", nested)
        .fallback(plain);
    let router = GuardedRouter::new().route("/open", get(open)).nest("/admin", admin);
    assert_eq!(
        router.manifest().to_string(),
        "\
ANY   /admin (fallback)       access  fresh  roles(admin)
GET   /admin/after            access  fresh  roles(admin)
ANY   /admin/any              access  fresh  roles(admin)
OTHER /admin/any              access  fresh  roles(admin)
GET   /admin/audit            access  fresh  scopes(audit)  roles(admin)  any_role(auditor owner)
GET   /admin/before           access  fresh  roles(admin)
GET   /admin/nested/deep      access  fresh  roles(admin)
GET   /admin/nested/optional  access  fresh  roles(admin)
GET   /admin/token            access  fresh  roles(admin)
GET   /open                   public
"
    );
    let app: axum::Router = router.with_state(auth.clone());
    let issue = |fresh, roles: &[&str]| {
        auth.access_token("alice")
            .fresh(fresh)
            .roles(roles.iter().copied())
            .issue()
            .expect("a token")
    };
    let (admin, stale, user) =
        (issue(true, &["admin"]), issue(false, &["admin"]), issue(true, &[]));
    for path in
        ["before", "after", "token", "any", "nested/deep", "nested/optional", "no-such-page"]
    {
        let path = format!("/admin/{path}");
        assert_eq!(status(&app, &path, Some(&admin)).await, StatusCode::OK, "{path}");
        assert_eq!(status(&app, &path, Some(&user)).await, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(status(&app, &path, Some(&stale)).await, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(status(&app, &path, None).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    // The handler's own rules hold as well.
    assert_eq!(status(&app, "/admin/audit", Some(&admin)).await, StatusCode::FORBIDDEN);
    let auditor =
        auth.access_token("bob").fresh(true).roles(["admin", "auditor"]).scopes(["audit"]);
    let auditor = auditor.issue().expect("a token");
    assert_eq!(status(&app, "/admin/audit", Some(&auditor)).await, StatusCode::OK);
    assert_eq!(status(&app, "/open", None).await, StatusCode::OK);
}

#[tokio::test]
async fn groups_in_groups_add_up_and_end_with_their_router() {
    let (auth, clock) = build();
    let inner = GuardedRouter::new()
        .require(Require::any_scope(["eu", "us"]).max_age(std::time::Duration::from_secs(60)))
        .route("/inner", get(plain).post(refresh));
    let outer = GuardedRouter::new().require(Require::any_scope(["read", "write"])).merge(inner);
    let router =
        GuardedRouter::new().route("/free", get(plain)).merge(outer.route("/outer", get(plain)));
    assert_eq!(
        router.manifest().to_string(),
        "\
GET  /free   access
GET  /inner  access  max_age(60s)  any_scope(eu us)  any_scope(read write)
POST /inner  refresh  max_age(60s)  any_scope(eu us)  any_scope(read write)
GET  /outer  access  any_scope(read write)
"
    );
    let state = auth.clone();
    let provided: GuardedRouter<JwtAuth> = router.provide_state(state);
    let app: axum::Router = provided.with_state(auth.clone());
    let issue = |scopes: &[&str]| {
        let token = auth.access_token("alice").fresh(true).scopes(scopes.iter().copied());
        token.issue().expect("a token")
    };
    for (scopes, inner, outer) in [
        (&["eu", "read"][..], StatusCode::OK, StatusCode::OK),
        (&["eu"], StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (&["write"], StatusCode::FORBIDDEN, StatusCode::OK),
    ] {
        let token = issue(scopes);
        assert_eq!(status(&app, "/inner", Some(&token)).await, inner, "{scopes:?}");
        assert_eq!(status(&app, "/outer", Some(&token)).await, outer, "{scopes:?}");
        assert_eq!(status(&app, "/free", Some(&token)).await, StatusCode::OK);
    }
    let token = issue(&["eu", "read"]);
    clock.advance(std::time::Duration::from_secs(61));
    let response = call(&app, "GET", "/inner", Some(&token)).await;
    assert_eq!(response.code(), "reauthentication_required");
}

#[jwt_required]
async fn log_who(token: AccessToken, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let subject = token.subject().parse().expect("a header value");
    response.headers_mut().insert("x-subject", subject);
    response
}

#[tokio::test]
async fn a_guarded_middleware_around_a_group_does_not_weaken_it() {
    let (auth, _) = build();
    let group =
        GuardedRouter::new().require(Require::roles(["admin"])).route("/token", get(by_token));
    let app: axum::Router = GuardedRouter::new()
        .merge(group.route("/plain", get(plain)))
        .layer(from_fn_with_state(auth.clone(), log_who))
        .with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    for path in ["/token", "/plain"] {
        assert_eq!(status(&app, path, Some(&token)).await, StatusCode::FORBIDDEN, "{path}");
    }
}

/// The message of a panic.
fn panic_of(build: impl FnOnce() -> GuardedRouter + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(|| drop(build())).expect_err("refused");
    panic.downcast_ref::<String>().cloned().expect("a message")
}

#[test]
fn what_anyone_may_call_is_refused_in_a_group_with_its_name() {
    let group = || GuardedRouter::new().require(Require::roles(["admin"]));
    let message = panic_of(move || group().route("/health", get(open)));
    assert!(message.contains("`GET /health` ") && message.contains("groups::open"), "{message}");
    assert!(message.contains("requires access  roles(admin)"), "{message}");
    for message in [
        panic_of(|| GuardedRouter::new().route("/health", get(open)).require(Require::token())),
        panic_of(move || group().nest("/x", GuardedRouter::new().route("/health", get(open)))),
        panic_of(move || group().merge(GuardedRouter::new().route("/x", post(plain).get(open)))),
        panic_of(move || group().fallback(open)),
        panic_of(move || group().method_not_allowed_fallback(open)),
    ] {
        assert!(message.contains("is public") && message.contains("groups::open"), "{message}");
    }
    let service = || axum::routing::any(async || "anyone");
    for message in [
        panic_of(move || group().unguarded("docs", axum::Router::new())),
        panic_of(move || group().unguarded_service("/files", "public", service())),
        panic_of(move || group().unguarded_service("/", "public", service())),
        panic_of(move || group().unguarded_route_service("/file", "public", service())),
    ] {
        assert!(message.contains("is unguarded"), "{message}");
    }
}

async fn echo(request: Request) -> Result<String, Infallible> {
    let token = request.extensions().get::<AccessToken>().map_or("none", |token| token.subject());
    Ok(format!("{} {token}", request.uri()))
}

#[tokio::test]
async fn a_guarded_service_sees_the_rest_of_the_path_and_the_token() {
    let (auth, _) = build();
    let service = || tower::service_fn(echo);
    let app: axum::Router = GuardedRouter::new()
        .guarded_service("/mcp", guard::required().scopes(["mcp"]), service())
        .guarded_service("/", guard::required().any_role(["staff", "admin"]), service())
        .with_state(auth.clone());
    let mcp = auth.access_token("alice").scopes(["mcp"]).issue().expect("a token");
    let staff = auth.access_token("bob").roles(["staff"]).issue().expect("a token");
    // The same paths as a service that is nested in an axum router.
    let nested: axum::Router = axum::Router::new().nest_service("/mcp", service());
    for (path, rest) in [("/mcp", "/"), ("/mcp/", "/"), ("/mcp/a/b?x=1", "/a/b?x=1")] {
        let plain = call(&nested, "GET", path, None).await;
        assert_eq!(plain.body, format!("{rest} none"), "{path}");
        let response = call(&app, "POST", path, Some(&mcp)).await;
        assert_eq!((response.status, &*response.body), (StatusCode::OK, &*format!("{rest} alice")));
        assert_eq!(status(&app, path, None).await, StatusCode::UNAUTHORIZED, "{path}");
        let response = call(&app, "GET", path, Some(&staff)).await;
        assert_eq!(response.status, StatusCode::FORBIDDEN, "{path}");
        assert!(response.challenge().contains("scope=\"mcp\""), "{}", response.challenge());
    }
    assert_eq!(call(&app, "GET", "/other", Some(&staff)).await.body, "/other bob");
    assert_eq!(status(&app, "/other", Some(&mcp)).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&app, "/mcpx", None).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refused_grpc_call_has_a_status_of_grpc() {
    let (auth, _) = build();
    let app: axum::Router = GuardedRouter::new()
        .guarded_service("/", guard::required().scopes(["notes"]), tower::service_fn(echo))
        .with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    let call = async |media_type: &str, token: Option<&str>| {
        let request = Request::post("/notes.Notes/Add").header("content-type", media_type);
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        let response = app.clone().oneshot(request.body(Body::empty()).expect("a request")).await;
        response.expect("a response").into_parts()
    };
    for media_type in ["application/grpc", "application/grpc-web+proto"] {
        let (head, body) = call(media_type, None).await;
        assert_eq!(head.status, StatusCode::UNAUTHORIZED);
        assert_eq!(head.headers["grpc-status"], "16");
        assert_eq!(head.headers["content-type"], media_type);
        assert_eq!(head.headers["www-authenticate"], "Bearer");
        let message = head.headers["grpc-message"].to_str().expect("printable");
        assert!(message.contains("\"code\":\"token_missing\""), "{message}");
        let body = axum::body::to_bytes(body, 1).await.expect("an empty body");
        assert!(body.is_empty());
        let (head, _) = call(media_type, Some(&token)).await;
        assert_eq!(
            (head.status, &head.headers["grpc-status"]),
            (StatusCode::FORBIDDEN, &"7".parse().expect("a value"))
        );
    }
    let (head, _) = call("application/json", None).await;
    assert!(!head.headers.contains_key("grpc-status"));
}

#[tokio::test]
async fn a_router_behind_a_guard_sees_its_own_path_parameters() {
    let (auth, _) = build();
    let report = async |Path(id): Path<String>| id;
    let reports = || axum::Router::new().route("/{id}", axum::routing::get(report));
    let app: axum::Router = GuardedRouter::new()
        .guarded_service("/reports", guard::required(), reports())
        .with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(call(&app, "GET", "/reports/7", Some(&token)).await.body, "7");
}

#[tokio::test]
async fn a_guarded_route_service_sees_the_whole_path_and_no_other() {
    let (auth, _) = build();
    let service = tower::service_fn(echo);
    let guard = guard::required().scopes(["notes"]);
    let router = GuardedRouter::new().require(Require::roles(["staff"]));
    let router = router.guarded_route_service("/notes.Notes/{method}", guard, service);
    assert_eq!(
        router.manifest().to_string(),
        "ANY /notes.Notes/{method}  access  scopes(notes)  roles(staff)\n"
    );
    let app: axum::Router = router.with_state(auth.clone());
    let token = |role| auth.access_token("alice").scopes(["notes"]).roles([role]).issue();
    let (staff, guest) = (token("staff").expect("a token"), token("guest").expect("a token"));
    let response = call(&app, "POST", "/notes.Notes/Add?x=1", Some(&staff)).await;
    assert_eq!(response.body, "/notes.Notes/Add?x=1 alice");
    assert_eq!(status(&app, "/notes.Notes/Add", Some(&guest)).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&app, "/notes.Notes/Add", None).await, StatusCode::UNAUTHORIZED);
    for path in ["/notes.Notes", "/notes.Notes/", "/notes.Notes/Add/more"] {
        assert_eq!(status(&app, path, Some(&staff)).await, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_words_of_a_service_guard_mean_what_they_mean_in_the_attribute() {
    let (auth, clock) = build();
    let served = |guard| -> axum::Router {
        let router = GuardedRouter::new().guarded_service("/x", guard, tower::service_fn(echo));
        router.with_state(auth.clone())
    };
    let token = |roles: &[&str]| {
        auth.access_token("alice")
            .fresh(true)
            .roles(roles.iter().copied())
            .issue()
            .expect("a token")
    };
    let app = served(guard::required().roles(["a", "b"]));
    assert_eq!(status(&app, "/x", Some(&token(&["a"]))).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&app, "/x", Some(&token(&["a", "b"]))).await, StatusCode::OK);
    let app = served(guard::required().any_scope(["s", "t"]));
    assert_eq!(status(&app, "/x", Some(&token(&[]))).await, StatusCode::FORBIDDEN);
    let app = served(guard::required().audience("https://mcp.example"));
    assert_eq!(call(&app, "GET", "/x", Some(&token(&[]))).await.code(), "audience_invalid");
    let there =
        auth.access_token("alice").audience(["https://mcp.example"]).issue().expect("a token");
    assert_eq!(status(&app, "/x", Some(&there)).await, StatusCode::OK);
    let app = served(guard::required().locations([TokenLocation::Query]));
    let query = format!("/x?access_token={}", &*token(&[]));
    assert_eq!(status(&app, &query, None).await, StatusCode::OK);
    assert_eq!(status(&app, "/x", Some(&token(&[]))).await, StatusCode::UNAUTHORIZED);
    let app = served(guard::required().fresh().max_age(std::time::Duration::from_secs(60)));
    let login = token(&[]);
    assert_eq!(status(&app, "/x", Some(&login)).await, StatusCode::OK);
    clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(call(&app, "GET", "/x", Some(&login)).await.code(), "reauthentication_required");
    let stale = auth.access_token("alice").issue().expect("a token");
    assert_eq!(call(&app, "GET", "/x", Some(&stale)).await.code(), "fresh_token_required");
    let router: GuardedRouter = GuardedRouter::new().guarded_service(
        "/x",
        guard::required().strict_revocation(),
        tower::service_fn(echo),
    );
    assert_eq!(router.manifest().entries()[0].access().revocation(), Some("strict"));
    // In a group the service is guarded by both.
    let group = GuardedRouter::new().require(Require::roles(["admin"]));
    let group = group.guarded_service("/x", guard::required(), tower::service_fn(echo));
    let app: axum::Router = group.with_state(auth.clone());
    assert_eq!(status(&app, "/x", Some(&token(&[]))).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&app, "/x", Some(&token(&["admin"]))).await, StatusCode::OK);
}

#[tokio::test]
async fn a_handler_in_a_group_that_returns_an_error_is_still_rendered_by_the_configuration() {
    async fn failing(_: AccessToken) -> Result<(), AuthError> {
        Err(AuthError::forbidden("not yours"))
    }
    let (config, _) = config();
    let auth = config.error_body_key("message").build().expect("a valid configuration");
    let group = GuardedRouter::new().require(Require::token()).route("/x", get(failing));
    let app: axum::Router = group.with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    let response = call(&app, "GET", "/x", Some(&token)).await;
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert!(response.body.contains("\"message\""), "{}", response.body);
}
