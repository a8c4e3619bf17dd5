//! `GuardedRouter`, its routing functions and its manifest.

use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use jwt_auth::router::ManifestEntry;
use jwt_auth::routing::{MethodFilter, any, get, on, post};
use jwt_auth::{
    AccessToken, GuardedRouter, JwtAuth, RefreshToken, jwt_required, public, refresh_required,
};
use tests::{bearer, call, claims, config, forge, plain_header, send};

#[public]
async fn health() -> &'static str {
    "ok"
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(optional)]
async fn maybe() {}

#[jwt_required(fresh, max_age = "1h", scopes("a", "b"), any_scope("c"), roles("r"), any_role("s", "t"), locations(query, header), audience = "x", check = deny_all)]
async fn everything() {}

fn deny_all(_: &AccessToken) -> bool {
    false
}

#[refresh_required]
async fn refresh() {}

#[jwt_required]
async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

async fn by_token(_: AccessToken) {}
async fn by_refresh(_: RefreshToken) {}

fn router() -> GuardedRouter<JwtAuth> {
    let inner = GuardedRouter::new().route("/", get(me)).route("/{id}", get(me).put(me));
    GuardedRouter::new()
        .route("/health", get(health))
        .route("/maybe", get(maybe))
        .route("/everything", post(everything))
        .route("/refresh", post(refresh).delete(refresh))
        .route("/any", any(me))
        .route("/on", on(MethodFilter::GET.or(MethodFilter::PATCH), me))
        .route("/token", get(by_token).post(by_refresh))
        .nest("/api", inner)
        .merge(GuardedRouter::new().route("/merged", get(health)))
        .unguarded(
            "assets are public",
            axum::Router::new().route("/logo", axum::routing::get(|| async { "logo" })),
        )
        .unguarded_service(
            "/static",
            "files",
            tower::service_fn(|_| async {
                Ok(axum::response::Response::new(axum::body::Body::from("file")))
            }),
        )
        .fallback(not_found)
}

#[test]
fn the_manifest_lists_the_access_of_every_route() {
    let text = router().manifest().to_string();
    let expected = "\
ANY    (fallback)                   access
ANY    (routes of an axum::Router)  unguarded  why(assets are public)
ANY    /any                         access
GET    /api                         access
GET    /api/{id}                    access
PUT    /api/{id}                    access
POST   /everything                  access  fresh  max_age(3600s)  scopes(a b)  any_scope(c)  roles(r)  any_role(s t)  locations(query header)  audience(x)  check(deny_all)
GET    /health                      public
GET    /maybe                       access  optional
GET    /merged                      public
GET    /on                          access
PATCH  /on                          access
DELETE /refresh                     refresh
POST   /refresh                     refresh
ANY    /static                      unguarded  why(files)
ANY    /static/{*rest}              unguarded  why(files)
GET    /token                       access
POST   /token                       refresh
";
    assert_eq!(text, expected);
}

#[test]
fn the_manifest_serialises_as_json() {
    let json = serde_json::to_value(router().manifest()).expect("json");
    let entries = json.as_array().expect("a list");
    let of = |path: &str| entries.iter().find(|entry| entry["path"] == path).cloned().expect(path);
    assert_eq!(
        of("/health"),
        serde_json::json!({ "path": "/health", "method": "GET", "guard": "public" })
    );
    assert_eq!(
        of("/everything"),
        serde_json::json!({
            "path": "/everything", "method": "POST", "guard": "access", "fresh": true, "max_age": 3600,
            "scopes": ["a", "b"], "any_scope": ["c"], "roles": ["r"], "any_role": ["s", "t"], "locations": ["query", "header"], "audience": "x", "check": "deny_all",
        })
    );
    assert_eq!(of("/static/{*rest}")["why"], "files");
}

#[tokio::test]
async fn nested_merged_and_fallback_routes_are_guarded() {
    let (config, _) = config();
    let app: axum::Router = router().with_state(config.build().expect("a valid configuration"));
    let token = forge(&plain_header(), &claims());
    for (path, without, with) in [
        ("/health", 200, 200),
        ("/merged", 200, 200),
        ("/api", 401, 200),
        ("/api/7", 401, 200),
        ("/any", 401, 200),
        ("/on", 401, 200),
        ("/token", 401, 200),
        ("/logo", 200, 200),
        ("/static/x", 200, 200),
        ("/nowhere", 401, 404),
        ("/everything", 405, 405),
    ] {
        assert_eq!(call(&app, "GET", path, None).await.status, without, "{path}");
        assert_eq!(call(&app, "GET", path, Some(&token)).await.status, with, "{path}");
    }
}

#[tokio::test]
async fn guards_work_with_an_application_state() {
    #[derive(Clone, FromRef)]
    struct App {
        auth: JwtAuth,
        name: String,
    }

    #[jwt_required]
    async fn hello(State(name): State<String>, Path(id): Path<u32>, token: AccessToken) -> String {
        format!("{name} {id} {}", token.subject())
    }

    let (config, _) = config();
    let state = App { auth: config.build().expect("a valid configuration"), name: "app".into() };
    let app: axum::Router =
        GuardedRouter::new().route("/{id}", get(hello)).with_state(state.clone());
    let token = forge(&plain_header(), &claims());
    assert_eq!(tests::get(&app, "/7", &token).await.body, "app 7 alice");
    // The attributes guard the handlers of an `axum::Router` too.
    let app: axum::Router =
        axum::Router::new().route("/{id}", axum::routing::get(hello)).with_state(state);
    assert_eq!(tests::get(&app, "/7", &token).await.body, "app 7 alice");
    assert_eq!(call(&app, "GET", "/7", None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn guards_work_with_a_state_in_an_arc_and_with_a_provided_state() {
    #[derive(Clone, FromRef)]
    struct App {
        auth: JwtAuth,
    }

    #[jwt_required]
    async fn shared(State(app): State<std::sync::Arc<App>>, token: AccessToken) -> String {
        drop(app);
        token.subject().to_owned()
    }

    // The default state is `JwtAuth` itself.
    fn library() -> GuardedRouter {
        GuardedRouter::new().route("/me", get(me))
    }

    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let state = std::sync::Arc::new(App { auth: auth.clone() });
    let router = GuardedRouter::new()
        .route("/shared", get(shared))
        .nest("/library", library().provide_state(auth));
    assert_eq!(
        router.clone().manifest().to_string(),
        "GET /library/me  access\nGET /shared      access\n"
    );
    let app: axum::Router = router.with_state(state);
    let token = forge(&plain_header(), &claims());
    for path in ["/shared", "/library/me"] {
        assert_eq!(tests::get(&app, path, &token).await.body, "alice");
        assert_eq!(call(&app, "GET", path, None).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn route_access_is_public_where_no_token_is_required() {
    let manifest = router().manifest();
    let public: Vec<&str> = manifest
        .entries()
        .iter()
        .filter(|entry| entry.access().is_public())
        .map(ManifestEntry::path)
        .collect();
    assert_eq!(
        public,
        [
            "(routes of an axum::Router)",
            "/health",
            "/maybe",
            "/merged",
            "/static",
            "/static/{*rest}"
        ]
    );
    let everything =
        manifest.entries().iter().find(|entry| entry.path() == "/everything").expect("the route");
    let access = everything.access();
    assert_eq!(
        (access.scopes(), access.roles(), access.is_fresh()),
        (&["a".to_owned(), "b".to_owned()][..], &["r".to_owned()][..], true)
    );
}

#[tokio::test]
async fn layers_run_before_the_guards() {
    use axum::http::HeaderValue;
    use axum::middleware::{Next, map_request};

    async fn put_token(mut request: axum::extract::Request) -> axum::extract::Request {
        let token = forge(&plain_header(), &claims());
        let value = HeaderValue::from_str(&bearer(&token)).expect("a value");
        request.headers_mut().insert("authorization", value);
        request
    }
    async fn stamp(request: axum::extract::Request, next: Next) -> axum::response::Response {
        let mut response = next.run(request).await;
        response.headers_mut().insert("x-stamp", HeaderValue::from_static("1"));
        response
    }

    let (config, _) = config();
    let app: axum::Router = GuardedRouter::new()
        .route("/with", get(me).layer(map_request(put_token)))
        .route("/without", get(me))
        .route_layer(axum::middleware::from_fn(stamp))
        .layer(axum::middleware::from_fn(stamp))
        .with_state(config.build().expect("a valid configuration"));
    assert_eq!(call(&app, "GET", "/with", None).await.body, "alice");
    let refused = call(&app, "GET", "/without", None).await;
    assert_eq!(
        (refused.status, refused.headers.contains_key("x-stamp")),
        (StatusCode::UNAUTHORIZED, true)
    );
    let request =
        axum::http::Request::get("/with").body(axum::body::Body::empty()).expect("a request");
    assert_eq!(send(&app, request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_method_is_guarded_by_its_function_and_by_its_chained_method() {
    use jwt_auth::routing::{self, MethodRouter};
    type Make = fn() -> MethodRouter<JwtAuth>;
    const ALL: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    let functions: [Make; 8] = [
        || get(me),
        || routing::head(me),
        || post(me),
        || routing::put(me),
        || routing::patch(me),
        || routing::delete(me),
        || routing::options(me),
        || routing::trace(me),
    ];
    // `CONNECT` matches no other method, so each chain starts with it.
    let first = || on(MethodFilter::CONNECT, health);
    let chained: [MethodRouter<JwtAuth>; 8] = [
        first().get(me),
        first().head(me),
        first().post(me),
        first().put(me),
        first().patch(me),
        first().delete(me),
        first().options(me),
        first().trace(me),
    ];
    let auth = config().0.build().expect("a valid configuration");
    let token = forge(&plain_header(), &claims());
    let routers = functions.map(|make| make()).into_iter().chain(chained);
    for (method, router) in ALL.iter().cycle().zip(routers) {
        let guarded = GuardedRouter::new().route("/x", router);
        let entries: Vec<_> =
            guarded.manifest().entries().iter().map(|entry| entry.method().to_owned()).collect();
        assert!(entries.iter().any(|entry| entry == method), "{method}: {entries:?}");
        let app = guarded.into_router().with_state(auth.clone());
        for other in ALL {
            // axum serves HEAD by the handler of GET.
            let is_served = other == *method || (other == "HEAD" && *method == "GET");
            let status = call(&app, other, "/x", Some(&token)).await.status;
            assert_eq!(status, if is_served { 200 } else { 405 }, "{method}: {other}");
            let without = call(&app, other, "/x", None).await.status;
            assert_eq!(without, if is_served { 401 } else { 405 }, "{method}: {other}");
        }
    }
}

#[tokio::test]
async fn the_manifest_shows_only_the_fallback_in_force() {
    #[public]
    async fn not_found() -> &'static str {
        "not found"
    }

    let files = axum::routing::any(|| async { "a file" });
    let replaced: GuardedRouter =
        GuardedRouter::new().fallback(not_found).unguarded_service("/", "files", files.clone());
    assert_eq!(replaced.manifest().to_string(), "ANY (fallback)  unguarded  why(files)\n");
    let app: axum::Router = replaced.with_state(config().0.build().expect("a valid configuration"));
    assert_eq!(call(&app, "GET", "/x", None).await.body, "a file");
    let again: GuardedRouter =
        GuardedRouter::new().unguarded_service("/", "files", files).fallback(not_found);
    assert_eq!(again.manifest().to_string(), "ANY (fallback)  public\n");
}

#[tokio::test]
async fn the_manifest_names_the_layers_that_may_respond_before_the_guard() {
    use axum::middleware::{Next, from_fn};

    #[jwt_required]
    async fn me() {}

    #[public]
    async fn not_found() {}

    async fn maintenance(_: axum::extract::Request, _: Next) -> &'static str {
        "back at noon"
    }

    let auth = config().0.build().expect("a valid configuration");
    let router: GuardedRouter = GuardedRouter::new()
        .route("/me", get(me).layer(from_fn(maintenance)))
        .fallback(not_found)
        .route_layer(axum::middleware::map_request(async |request: axum::extract::Request| request))
        .layer(axum::extract::DefaultBodyLimit::max(9))
        .layer(auth.implicit_refresh())
        .route("/late", get(me));
    assert_eq!(
        router.manifest().to_string(),
        "ANY (fallback)  public\nGET /late       access\nGET /me         access  behind(MapRequestLayer FromFnLayer)\n"
    );
    let json = serde_json::to_value(router.manifest()).expect("JSON");
    assert_eq!(json[2]["layers"], serde_json::json!(["MapRequestLayer", "FromFnLayer"]));
    let app: axum::Router = router.with_state(auth);
    assert_eq!(call(&app, "GET", "/me", None).await.body, "back at noon");
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_gets_the_handler_for_it() {
    #[public]
    async fn wrong_method() -> (StatusCode, &'static str) {
        (StatusCode::METHOD_NOT_ALLOWED, "no such method")
    }

    let auth = config().0.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/me", get(me))
        .method_not_allowed_fallback(wrong_method)
        .with_state(auth);
    let response = call(&app, "DELETE", "/me", None).await;
    assert_eq!((response.status.as_u16(), response.body.as_str()), (405, "no such method"));
    assert_eq!(call(&app, "GET", "/me", None).await.code(), "token_missing");
}

#[test]
#[should_panic(
    expected = "these routes below `/admin` have another access:\nGET /admin/new  access"
)]
fn assert_every_names_the_routes_with_another_access() {
    #[jwt_required(roles("admin"))]
    async fn users() {}

    let router: GuardedRouter = GuardedRouter::new()
        .route("/admin/users", get(users))
        .route("/admin/new", get(me))
        .route("/administrators", get(me));
    router.manifest().assert_every("/admin", |access| access.roles() == ["admin"]);
}

#[tokio::test]
async fn methods_in_a_plain_router_keep_their_guards() {
    let auth = config().0.build().expect("a valid configuration");
    let app: axum::Router = axum::Router::new().route("/me", get(me).into()).with_state(auth);
    assert_eq!(call(&app, "GET", "/me", None).await.code(), "token_missing");
}
