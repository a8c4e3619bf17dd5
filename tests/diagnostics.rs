//! Hints about a refusal: a debug build sends them, a release build does not.
//!
//! `scripts/check.sh` runs it a second time with a runtime crate that is built like a release.

use axum::Router;
use jwt_auth::routing::get;
use jwt_auth::{AuthErrorKind, Compat, Config, GuardedRouter, JwtAuth, KeyMaterial, jwt_required};
use serde_json::Value;

#[jwt_required(scopes("notes:write"), audience = "https://notes.example")]
async fn notes() {}

fn app(change: impl FnOnce(Config) -> Config) -> (Router, JwtAuth) {
    let config = Config::hs256(KeyMaterial::ephemeral()).audience(["https://api.example"]);
    let auth = change(config).build().expect("valid");
    let router: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes", get(notes));
    (router.with_state(auth.clone()), auth)
}

async fn body(app: &Router, token: &str) -> Value {
    serde_json::from_str(&tests::get(app, "/notes", token).await.body).expect("JSON")
}

/// Whether the runtime crate was built for development.
fn is_debug() -> bool {
    std::env::var("TESTS_RELEASE").as_deref() != Ok("1")
}

#[tokio::test]
async fn a_debug_build_names_the_check_and_what_to_do_and_a_release_build_does_not() {
    let (app, auth) = app(|config| config);
    let token = |audience: &str, scopes: &[&str]| {
        let token = auth.access_token("alice").audience([audience]);
        token.scopes(scopes.iter().copied()).issue().expect("a token")
    };
    for (token, expected) in [
        (
            token("https://api.example", &[]).to_string(),
            "expected https://notes.example, found https://api.example: compare `aud` with",
        ),
        (
            token("https://notes.example", &["notes:read"]).to_string(),
            "expected all scopes of: notes:write, found notes:read: issue the token with the scopes",
        ),
        ("not-a-token".to_owned(), "send the text of the token alone"),
    ] {
        let body = body(&app, &token).await;
        if is_debug() {
            let hint = body["hint"].as_str().expect("a hint");
            assert!(hint.starts_with(expected), "{hint}");
            assert!(!hint.contains(&token), "the token is nowhere");
        } else {
            assert_eq!(body.as_object().expect("an object").len(), 2, "{body}");
        }
    }
}

#[tokio::test]
async fn the_bodies_of_other_frameworks_have_no_hint() {
    for compat in [Compat::FastApiJwtAuth, Compat::FlaskJwtExtended] {
        let (app, _) = app(|config| config.compat(compat));
        let body = body(&app, "not-a-token").await;
        assert_eq!(body.as_object().expect("an object").len(), 1, "{body}");
    }
    let (app, _) = app(Config::problem_details);
    assert_eq!(body(&app, "not-a-token").await.get("hint").is_some(), is_debug());
}

#[test]
fn every_code_has_its_section_in_the_guide() {
    let chapter = include_str!("../jwt-auth/src/guide/why_401.md");
    for kind in AuthErrorKind::ALL {
        let heading = format!("\n# `{}`\n", kind.code());
        assert!(chapter.contains(&heading), "{}", kind.code());
    }
}
