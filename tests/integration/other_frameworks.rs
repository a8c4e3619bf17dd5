//! Routers and states of other frameworks: utoipa's `OpenApiRouter`, and a framework that owns the state.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use jwt_auth::routing::{get, post};
use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, jwt_required, public};
use tests::framework::{AppContext, Hooks, boot};
use tests::{call, config};

/// Holds the framework's state and ours.
#[derive(Clone, FromRef)]
struct AppState {
    context: AppContext,
    auth: JwtAuth,
}

#[public]
async fn log_in(auth: JwtAuth) -> jwt_auth::IssuedToken {
    auth.access_token("alice").issue().expect("a token")
}

#[jwt_required]
async fn me(token: AccessToken, State(context): State<AppContext>) -> String {
    format!("{} in {}", token.subject(), context.environment)
}

struct App;

impl Hooks for App {
    fn routes() -> Router<AppContext> {
        let environment = async |State(context): State<AppContext>| context.environment;
        Router::new().route("/environment", axum::routing::get(environment))
    }

    fn after_routes(router: Router, context: &AppContext) -> Router {
        let auth = config().0.build().expect("a valid configuration");
        let state = AppState { context: context.clone(), auth };
        let guarded: Router = GuardedRouter::new()
            .route("/log-in", post(log_in))
            .route("/me", get(me))
            .with_state(state);
        router.merge(guarded)
    }
}

#[tokio::test]
async fn a_state_of_ones_own_holds_the_state_of_a_framework_and_the_auth() {
    let app = boot::<App>();
    assert_eq!(call(&app, "GET", "/environment", None).await.body, "test");
    assert_eq!(call(&app, "GET", "/me", None).await.status, StatusCode::UNAUTHORIZED);
    let issued = call(&app, "POST", "/log-in", None).await;
    let issued: serde_json::Value = serde_json::from_str(&issued.body).expect("JSON");
    let token = issued["access_token"].as_str().expect("a token");
    assert_eq!(call(&app, "GET", "/me", Some(token)).await.body, "alice in test");
}

#[tokio::test]
async fn a_router_that_takes_axums_method_routers_keeps_the_guards() {
    use utoipa_axum::router::OpenApiRouter;
    let auth = config().0.build().expect("a valid configuration");
    let api: OpenApiRouter<JwtAuth> = OpenApiRouter::new()
        .route("/log-in", post(log_in).into())
        .route("/who", get(async |token: AccessToken| token.subject().to_owned()).into());
    let (app, _) = api.split_for_parts();
    let app: Router = app.with_state(auth.clone());
    assert_eq!(call(&app, "GET", "/who", None).await.status, StatusCode::UNAUTHORIZED);
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(call(&app, "GET", "/who", Some(&token)).await.body, "alice");
}

#[tokio::test]
async fn a_guarded_router_enters_a_router_of_another_framework() {
    use utoipa_axum::router::OpenApiRouter;
    let auth = config().0.build().expect("a valid configuration");
    let guarded: GuardedRouter = GuardedRouter::new()
        .route("/who", get(async |token: AccessToken| token.subject().to_owned()));
    let api: OpenApiRouter<JwtAuth> = OpenApiRouter::from(guarded.into_router());
    let (app, _) = api.split_for_parts();
    let app: Router = app.with_state(auth.clone());
    assert_eq!(call(&app, "GET", "/who", None).await.status, StatusCode::UNAUTHORIZED);
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(call(&app, "GET", "/who", Some(&token)).await.body, "alice");
}
