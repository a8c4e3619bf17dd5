//! A build like a release has no page.
//!
//! `TESTS_RELEASE=1 cargo test -p jwt-auth-dashboard --test release --config 'profile.dev.package.jwt-auth-dashboard.debug-assertions=false'`

use axum::body::Body;
use axum::extract::Request;
use jwt_auth::{Config, GuardedRouter, KeyMaterial, public, routing::get};
use jwt_auth_dashboard::Dashboard as _;
use tower::ServiceExt as _;

#[public]
async fn health() -> &'static str {
    "ok"
}

/// Whether the crate was compiled without the page.
fn is_release() -> bool {
    std::env::var_os("TESTS_RELEASE").is_some()
}

#[tokio::test]
async fn only_a_debug_build_serves_the_page() {
    let auth = Config::hs256(KeyMaterial::ephemeral()).build().expect("valid");
    let router = GuardedRouter::new().route("/health", get(health)).dashboard();
    assert_eq!(router.manifest().entries().len(), if is_release() { 1 } else { 2 });
    let app: axum::Router = router.with_state(auth);
    let expected = if is_release() { 404 } else { 200 };
    for path in ["", "/script.js", "/keys"] {
        let request = Request::get(format!("/_jwt-auth{path}")).header("host", "localhost");
        let response =
            app.clone().oneshot(request.body(Body::empty()).expect("valid")).await.expect("valid");
        assert_eq!(response.status(), expected, "{path}");
    }
    let request = Request::get("/health").body(Body::empty()).expect("valid");
    assert_eq!(app.oneshot(request).await.expect("valid").status(), 200);
}

#[test]
fn only_a_debug_build_contains_the_files_of_the_page() {
    let program = std::fs::read(std::env::current_exe().expect("valid")).expect("valid");
    // Backwards, so that the test itself does not contain them.
    for backwards in ["egap s'repoleved :htua-twj>eltit<", "noisiced-on"] {
        let mark: Vec<u8> = backwards.bytes().rev().collect();
        let is_in = program.windows(mark.len()).any(|window| window == mark);
        assert_eq!(is_in, !is_release(), "{}", String::from_utf8_lossy(&mark));
    }
}
