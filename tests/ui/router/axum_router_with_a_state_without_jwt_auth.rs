use jwt_auth::jwt_required;

#[jwt_required]
async fn handler() {}

fn main() {
    let _app: axum::Router = axum::Router::new().route("/", axum::routing::get(handler)).with_state(7_u8);
}
