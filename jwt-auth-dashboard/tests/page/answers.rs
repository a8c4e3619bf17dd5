//! What the page answers.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use jwt_auth::router::Require;
use jwt_auth::{GuardedRouter, JwtAuth};
use jwt_auth_dashboard::Dashboard as _;
use serde_json::{Value, json};

use crate::client::{
    OTHER_SECRET, PAGES, SECRET, app, call, config, get_json, get_page, router, send, stream_until,
    text,
};

#[tokio::test]
async fn the_routes_are_listed_with_who_may_call_them() {
    let (app, _) = app();
    let listed = get_json(&app, "/routes").await;
    let who = |path: &str| {
        let routes = listed["routes"].as_array().expect("valid");
        routes.iter().find(|route| route["path"] == path).expect("valid")["who"].clone()
    };
    assert_eq!(
        listed["routes"].as_array().expect("valid").len(),
        3,
        "the page itself is not listed"
    );
    assert_eq!(who("/health"), json!(["anyone"]));
    assert_eq!(who("/"), json!(["anyone; if there is an access token, it must be valid"]));
    assert_eq!(
        who("/notes"),
        json!([
            "an access token",
            "from a log-in, not from a refresh",
            "with the scope notes:write",
            "with the role editor or admin",
        ])
    );
    assert_eq!(listed["access"], json!({ "name": "authorization", "scheme": "Bearer" }));
}

#[tokio::test]
async fn the_manifest_shows_the_page_with_its_reason() {
    let manifest = router().dashboard().manifest().to_string();
    assert!(
        manifest.contains("why(the developer's page, debug builds on this machine only)"),
        "{manifest}"
    );
    assert!(!router().manifest().to_string().contains("developer"));
}

#[tokio::test]
async fn a_nested_router_has_its_page_below_its_path() {
    let auth = config(SECRET).build().expect("valid");
    let app: Router = GuardedRouter::new().nest("/api", router().dashboard()).with_state(auth);
    let request = |path: &str| {
        Request::get(path).header("host", "localhost").body(Body::empty()).expect("valid")
    };
    assert_eq!(send(&app, request("/api/_jwt-auth")).await.status(), 200);
    assert_eq!(send(&app, request("/api/_jwt-auth/script.js")).await.status(), 200);
    assert_eq!(send(&app, request("/_jwt-auth")).await.status(), 404);
    // The gate is not in front of other paths.
    let unknown = Request::get("/api/unknown").header("host", "app.example");
    let response = send(&app, unknown.body(Body::empty()).expect("valid")).await;
    assert_eq!(response.status(), 404);
}

/// The rule that failed, with its fix, after checking the verdicts around it.
fn failed_rule(report: &Value) -> (String, String) {
    let rules = report["rules"].as_array().expect("valid");
    let at = rules.iter().position(|rule| rule["verdict"] == "no").expect("valid");
    assert!(rules[..at].iter().all(|rule| rule["verdict"] == "yes"), "{report}");
    assert!(rules[at + 1..].iter().all(|rule| rule["verdict"] == "not checked"), "{report}");
    let text = |name: &str| rules[at][name].as_str().expect("valid").to_owned();
    (text("rule"), text("fix"))
}

#[tokio::test]
async fn a_pasted_token_gets_a_verdict_for_each_rule() {
    let (app, auth) = app();
    let token = auth.access_token("alice").issue().expect("valid");
    let good = format!(" Bearer {}\n", &*token);
    let (status, report) = call(&app, "/verify", json!({ "token": good })).await;
    assert_eq!((status, &report["valid"]), (StatusCode::OK, &json!(true)));
    assert!(report["rules"].as_array().expect("valid").iter().all(|rule| rule["verdict"] == "yes"));

    let other = config(OTHER_SECRET).build().expect("valid");
    let pair = auth.log_in("alice").await.expect("valid");
    let revoked = auth.log_in("bob").await.expect("valid");
    auth.log_out_everywhere("bob").await.expect("valid");
    let foreign =
        auth.access_token("alice").audience(["https://other.example"]).issue().expect("valid");
    for (token, is_refresh, code, rule) in [
        ("no token", false, "token_malformed", "compact JWS"),
        (
            &other.access_token("alice").issue().expect("valid"),
            false,
            "signature_invalid",
            "signature",
        ),
        (&foreign, false, "audience_invalid", "for this service"),
        (pair.refresh_token(), false, "access_token_required", "right kind"),
        (pair.access_token(), true, "refresh_token_required", "right kind"),
        (revoked.access_token(), false, "token_revoked", "not revoked"),
    ] {
        let body = json!({ "token": token, "is_refresh": is_refresh });
        let (_, report) = call(&app, "/verify", body).await;
        assert_eq!(report["code"], code, "{report}");
        let (failed, fix) = failed_rule(&report);
        assert!(failed.contains(rule) && !fix.is_empty(), "{report}");
        assert!(!report.to_string().contains(token), "the token is not echoed");
        if code == "audience_invalid" {
            assert!(fix.contains("https://other.example"), "{fix}");
        }
    }
    let (_, report) =
        call(&app, "/verify", json!({ "token": pair.refresh_token(), "is_refresh": true })).await;
    assert_eq!(report["valid"], true, "checking a refresh token does not use it");
    assert!(auth.verify_refresh(pair.refresh_token()).await.is_ok());
}

#[tokio::test]
async fn a_minted_token_opens_the_route_that_requires_its_claims() {
    let (app, auth) = app();
    let wanted = json!({
        "subject": "alice", "scopes": ["notes:write"], "roles": ["editor"], "expires_in": 60, "is_fresh": true,
    });
    let (status, minted) = call(&app, "/mint", wanted).await;
    assert_eq!(status, 200);
    let token = minted["token"].as_str().expect("valid");
    let request = Request::post("/notes").header("authorization", format!("Bearer {token}"));
    let response = send(&app, request.body(Body::empty()).expect("valid")).await;
    assert_eq!(text(response).await, "alice");
    assert!(auth.sessions("alice").await.expect("valid").is_empty());

    let (_, minted) = call(&app, "/mint", json!({ "subject": "bob", "has_session": true })).await;
    let token = auth.verify_access(minted["token"].as_str().expect("valid")).await.expect("valid");
    assert_eq!(
        auth.sessions("bob").await.expect("valid")[0].id(),
        token.session_id().expect("valid")
    );
    assert!(!token.is_fresh());

    for wrong in [
        json!({ "subject": "" }),
        json!({ "subject": "alice", "expires_in": 0 }),
        json!({ "subject": "alice", "expires_in": 90_000 }),
        json!({ "scopes": [] }),
    ] {
        let (status, problem) = call(&app, "/mint", wrong).await;
        assert_eq!(status, 422);
        assert!(problem["error"].is_string(), "{problem}");
    }
    let (status, problem) =
        call(&app, "/mint", json!({ "subject": "alice", "scopes": ["two words"] })).await;
    assert_eq!(status, 500);
    assert!(problem["error"].as_str().expect("valid").contains("scope"), "{problem}");
}

#[tokio::test]
async fn a_session_is_listed_and_ended() {
    let (app, auth) = app();
    let pair = auth.log_in("alice").device("phone").await.expect("valid");
    let (_, sessions) = call(&app, "/sessions", json!({ "subject": "alice" })).await;
    assert_eq!(sessions[0]["device"], "phone");
    let id = sessions[0]["id"].clone();
    let (_, of_other) = call(&app, "/sessions/end", json!({ "subject": "bob", "id": id })).await;
    assert_eq!(of_other, json!({ "ended": false }));
    assert!(auth.verify_access(pair.access_token()).await.is_ok());
    let (_, ended) = call(&app, "/sessions/end", json!({ "subject": "alice", "id": id })).await;
    assert_eq!(ended, json!({ "ended": true }));
    assert!(auth.verify_access(pair.access_token()).await.is_err());
    let (_, sessions) = call(&app, "/sessions", json!({ "subject": "alice" })).await;
    assert_eq!(sessions, json!([]));
}

#[tokio::test]
async fn keys_issuers_and_store_are_listed_with_their_states() {
    let (app, _) = app();
    let states = get_json(&app, "/keys").await;
    assert_eq!(states["keys"][0]["id"], "2026");
    assert_eq!(states["keys"][0]["algorithm"], "HS256");
    assert_eq!(states["keys"][0]["state"], "signing");
    assert_eq!(states["issuers"][0]["name"], "https://login.example");
    assert_eq!(states["issuers"][0]["state"], "has keys, from the configuration");
    assert_eq!(states["store"]["is_fresh"], true);
}

#[tokio::test]
async fn no_response_contains_a_secret() {
    let (app, auth) = app();
    let pair = auth.log_in("alice").await.expect("valid");
    let stored = auth.sessions("alice").await.expect("valid");
    let mut answers = Vec::new();
    for path in &PAGES[..5] {
        answers.push(text(send(&app, get_page(path)).await).await);
    }
    let response = send(&app, get_page("/decisions")).await;
    answers.push(stream_until(response, "a user logged in").await);
    for (path, body) in [
        ("/verify", json!({ "token": pair.access_token() })),
        ("/verify", json!({ "token": pair.refresh_token() })),
        ("/verify", json!({ "token": pair.refresh_token(), "is_refresh": true })),
        ("/verify", json!({ "token": { "text": pair.access_token() } })),
        ("/mint", json!({ "subject": "bob" })),
        ("/mint", json!({ "subject": "bob", "expires_in": pair.access_token() })),
        ("/sessions", json!({ "subject": "alice" })),
        ("/sessions/end", json!({ "subject": "alice", "id": stored[0].id() })),
    ] {
        answers.push(call(&app, path, body).await.1.to_string());
    }
    let base64 = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZS0wMTIzNDU2Nzg5";
    for answer in &answers {
        for secret in [SECRET, base64, pair.access_token(), pair.refresh_token()] {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
}

#[test]
#[should_panic(expected = "the developer's page")]
fn a_router_that_requires_a_token_has_no_page() {
    let router: GuardedRouter<JwtAuth> = GuardedRouter::new().require(Require::roles(["admin"]));
    let _ = router.dashboard();
}
