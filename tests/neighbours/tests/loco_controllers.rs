//! Loco: a guarded router beside its controllers.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, jwt_required, routing};
use loco_rs::app::{AppContext, Hooks};
use loco_rs::bgworker::Queue;
use loco_rs::boot::{BootResult, StartMode, create_app};
use loco_rs::config::Config;
use loco_rs::controller::AppRoutes;
use loco_rs::environment::Environment;
use loco_rs::prelude::async_trait;
use loco_rs::task::Tasks;
use neighbours::{auth, send};
use serde_json::json;

#[derive(Clone, FromRef)]
struct AppState {
    context: AppContext,
    auth: JwtAuth,
}

#[jwt_required(scopes("notes:read"))]
async fn notes(token: AccessToken, State(context): State<AppContext>) -> String {
    format!("{} in {}", token.subject(), context.environment)
}

fn guarded(context: &AppContext) -> Router {
    let auth = context.shared_store.get::<JwtAuth>().expect("`after_context` stores it");
    GuardedRouter::new()
        .route("/notes", routing::get(notes))
        .with_state(AppState { context: context.clone(), auth })
}

struct App;

#[async_trait]
impl Hooks for App {
    fn app_name() -> &'static str {
        "notes"
    }

    async fn boot(
        mode: StartMode,
        environment: &Environment,
        config: Config,
    ) -> loco_rs::Result<BootResult> {
        create_app::<Self>(mode, environment, config).await
    }

    async fn after_context(context: AppContext) -> loco_rs::Result<AppContext> {
        context.shared_store.insert(auth());
        Ok(context)
    }

    async fn after_routes(router: Router, context: &AppContext) -> loco_rs::Result<Router> {
        Ok(router.merge(guarded(context)))
    }

    fn routes(_: &AppContext) -> AppRoutes {
        AppRoutes::with_default_routes()
    }

    async fn connect_workers(_: &AppContext, _: &Queue) -> loco_rs::Result<()> {
        Ok(())
    }

    fn register_tasks(_: &mut Tasks) {}
}

#[tokio::test]
async fn a_guarded_router_stands_beside_the_controllers() {
    let config = json!({
        "logger": { "enable": false, "level": "off", "format": "compact" },
        "workers": { "mode": "ForegroundBlocking" },
        "server": { "port": 0, "host": "http://localhost" },
    });
    let config = serde_json::from_value(config).expect("a configuration of Loco");
    let booted = App::boot(StartMode::ServerOnly, &Environment::Test, config).await;
    let booted = booted.expect("the application starts");
    let (app, context) = (booted.router.expect("a router"), booted.app_context);
    let auth = context.shared_store.get::<JwtAuth>().expect("`after_context` stores it");
    let token = |scope| auth.access_token("alice").scopes([scope]).issue().expect("a token");
    let (reader, writer) = (token("notes:read"), token("notes:write"));
    let get = async |path, token| send(&app, "GET", path, token, "").await;
    assert_eq!(get("/_ping", None).await.0, StatusCode::OK);
    assert_eq!(get("/notes", None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(get("/notes", Some(&writer)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(get("/notes", Some(&reader)).await, (StatusCode::OK, "alice in test".into()));
}
