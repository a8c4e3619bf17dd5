//! Logs contain the reason of a refusal and never a token: `guide::security`, rule G3 and "Secrets".
//!
//! It is a separate test binary, because `tracing` caches per process which events are enabled.

#[path = "integration/app.rs"]
mod app;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jwt_auth::TokenIdentity;
use serde_json::json;
use tests::{call, claims, config, forge, get, plain_header};

use crate::app::app;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn logs_contain_the_reason_and_never_the_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (config, clock) = config();
    let (app, auth) = app(config);
    let mut sent = Vec::new();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let good = forge(&plain_header(), &claims());
            for token in [
                good.clone(),
                format!("{good}x"),
                tests::tamper_with_signature(&good),
                "aaaa.bbbb.cccc".to_owned(),
                forge(&json!({ "alg": "none" }), &claims()),
            ] {
                get(&app, "/fresh", &token).await;
                sent.push(token);
            }
            let pair = auth.log_in("alice").await.expect("a pair");
            call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
            clock.advance(std::time::Duration::from_secs(60));
            call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
            sent.push(pair.refresh_token().to_owned());
        });
    });
    let text = String::from_utf8(log.0.lock().expect("one thread").clone()).expect("text");
    let sentence = "reason=\"Signature verification failed\"";
    for code in ["fresh_token_required", "token_malformed", "algorithm_not_allowed", sentence] {
        assert!(text.contains(code), "{text}");
    }
    // One line per refusal. Once the signature is good it names the token, and what was expected and found.
    assert_eq!(text.matches("code=\"fresh_token_required\"").count(), 1, "{text}");
    let line = text.lines().find(|line| line.contains("fresh_token_required")).expect("a line");
    assert!(line.contains("subject=\"alice\"") && line.contains("token="), "{line}");
    let line = text.lines().find(|line| line.contains("algorithm_not_allowed")).expect("a line");
    assert!(!line.contains("subject"), "nothing of it is trusted: {line}");
    assert!(text.contains("authn_token_reuse") && text.contains("subject=\"alice\""), "{text}");
    for token in sent {
        for part in token.split('.').filter(|part| part.len() > 3) {
            assert!(!text.contains(part), "{text}");
        }
    }
    assert_eq!(above_debug(&text).len(), 1, "only the reuse is logged above debug: {text}");
    a_store_that_is_down_is_logged_once_and_not_per_request();
    a_span_of_a_request_contains_no_token_of_the_query();
}

fn above_debug(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.contains("DEBUG") && !line.contains("TRACE")).collect()
}

/// Called by the only test: a second one could change which events are enabled for the first.
fn a_span_of_a_request_contains_no_token_of_the_query() {
    use axum::extract::Request;
    use jwt_auth::{AccessToken, GuardedRouter, TokenLocation};
    use tower_http::trace::TraceLayer;

    async fn feed(_: AccessToken) {}

    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let (config, _) = config();
    let auth =
        config.token_location([TokenLocation::Query]).build().expect("a valid configuration");
    let spans = auth.clone();
    let layer = TraceLayer::new_for_http()
        .make_span_with(move |request: &Request| spans.request_span(request));
    let router = GuardedRouter::new().route("/feed", jwt_auth::routing::get(feed)).layer(layer);
    let app = router.with_state(auth);
    let good = forge(&plain_header(), &claims());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    tracing::subscriber::with_default(subscriber, || {
        let path = format!("/feed?access_token={good}&page=2");
        let response = runtime.block_on(call(&app, "GET", &path, None));
        assert_eq!(response.status.as_u16(), 200);
    });
    let text = String::from_utf8(log.0.lock().expect("one thread").clone()).expect("text");
    assert!(text.contains("/feed?access_token=[token]&page=2"), "{text}");
    assert!(!text.contains(&good), "{text}");
}

/// Called by the only test: a second one could change which events are enabled for the first.
fn a_store_that_is_down_is_logged_once_and_not_per_request() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let is_down = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&is_down);
    let (config, _) = config();
    let (app, _) = app(config.denylist(move |_: &TokenIdentity<'_>| {
        let is_down = switch.load(Ordering::Relaxed);
        async move { if is_down { Err("connection refused") } else { Ok(false) } }
    }));
    let good = forge(&plain_header(), &claims());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            tokio::time::pause();
            for _ in 0..50 {
                assert_eq!(get(&app, "/me", &good).await.status.as_u16(), 503);
            }
            is_down.store(false, Ordering::Relaxed);
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
            for _ in 0..50 {
                assert_eq!(get(&app, "/me", &good).await.status.as_u16(), 200);
            }
        });
    });
    let text = String::from_utf8(log.0.lock().expect("one thread").clone()).expect("text");
    let [failure, recovery] = above_debug(&text)[..] else { panic!("one line each: {text}") };
    assert!(failure.contains("WARN") && failure.contains("connection refused"), "{failure}");
    assert!(failure.contains("source=\"the denylist\""), "{failure}");
    assert!(recovery.contains("INFO") && recovery.contains("failures=50"), "{recovery}");
}

#[test]
fn the_effective_settings_name_every_option_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let secret = "a secret that no log may contain";
    tracing::subscriber::with_default(subscriber, || {
        let vars = [
            ("JWT_AUTH_SECRET_KEY", secret),
            ("JWT_AUTH_KEY_ID", "2026"),
            ("JWT_AUTH_TOKEN_LOCATION", "header,cookie,query"),
            ("JWT_AUTH_ISSUER", "https://auth.example"),
            ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "5m"),
        ];
        let config = jwt_auth::Config::from_vars(vars).log_settings();
        config.on_refusal(|_, _| ()).build().expect("valid");
    });
    let text = String::from_utf8(log.0.lock().expect("one thread").clone()).expect("text");
    for setting in [
        "keys=[HS256 id=\\\"2026\\\" signs]",
        "decode_issuer=https://auth.example",
        "access_token_expires=5m",
        "refresh_token_expires=30d",
        "access_cookie_key=__Host-access_token_cookie",
        "hooks=[on_refusal]",
        "danger=[]",
    ] {
        assert!(text.contains(setting), "{setting}: {text}");
    }
    assert!(!text.contains(secret), "{text}");
    // Other settings show the effect of these.
    let shown_by_others = ["issuer", "header_type", "cookie_prefix"];
    for row in jwt_auth::__private::options() {
        let Some(name) = row.setter.filter(|name| !shown_by_others.contains(&name.as_str())) else {
            continue;
        };
        assert!(text.contains(&format!(" {name}=")), "{name} is missing: {text}");
    }
}
