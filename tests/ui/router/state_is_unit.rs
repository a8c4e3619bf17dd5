use jwt_auth::routing::get;
use jwt_auth::{GuardedRouter, jwt_required};

#[jwt_required]
async fn handler() {}

fn main() {
    let _app: axum::Router = GuardedRouter::new().route("/", get(handler)).with_state(());
}
