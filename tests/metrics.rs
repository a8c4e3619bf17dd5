//! The metrics of a service, as Prometheus scrapes them, against the files in `monitoring`.
//!
//! It is a separate test binary, because a process has one recorder.

use std::collections::BTreeSet;
use std::time::Duration;

use jwt_auth::config::TrustedIssuer;
use jwt_auth::routing::get;
use jwt_auth::{
    AccessToken, Config, GuardedRouter, JwtAuth, KeyMaterial, ManualClock, TokenIdentity,
    jwt_required,
};
use jwt_auth_oidc::{Fetch, FetchError, Fetched, Issuer};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tests::provider::ED;
use tests::{NOW, SECRET};

#[jwt_required(scopes("notes:read"))]
async fn notes(_: AccessToken) {}

/// A provider whose keys can be fetched, or not.
struct Provider(bool);

impl Fetch for Provider {
    async fn get(&self, _: &str) -> Result<Fetched, FetchError> {
        let set = serde_json::json!({ "keys": [ED.jwk()] });
        if self.0 { Ok(Fetched::new(set.to_string())) } else { Err(FetchError::new("down")) }
    }
}

fn issuer(name: &str, is_up: bool) -> TrustedIssuer {
    Issuer::jwks(name, format!("{name}/keys"))
        .audience(["notes"])
        .fetch_with(Provider(is_up))
        .into()
}

/// Lets everything happen that is counted.
async fn happen() -> Vec<String> {
    let folder = tests::folder::Folder::new("metrics");
    let clock = ManualClock::at(NOW);
    let is_down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = std::sync::Arc::clone(&is_down);
    let config = Config::hs256(SECRET)
        .clock(clock.clone())
        .trust(issuer("https://up.example", true))
        .trust(issuer("https://down.example", false))
        .denylist(move |_: &TokenIdentity<'_>| {
            let is_down = switch.load(std::sync::atomic::Ordering::Relaxed);
            async move { if is_down { Err("down") } else { Ok(false) } }
        });
    let auth = config.build().expect("valid");
    let router: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes", get(notes));
    let app: axum::Router = router.with_state(auth.clone());
    let good = auth.access_token("alice").scopes(["notes:read"]).issue().expect("a token");
    let poor = auth.access_token("mallory").issue().expect("a token");
    let mut tokens = vec![good.to_string(), poor.to_string()];
    for token in [&*good, &*good, &*poor, "not-a-token"] {
        tests::get(&app, "/notes", token).await;
    }
    for name in ["https://up.example", "https://down.example"] {
        let mut claims = tests::claims();
        claims["iss"] = name.into();
        claims["aud"] = "notes".into();
        let _ = auth.verify_access(&ED.sign(None, &claims)).await;
    }
    let pair = auth.log_in("alice").await.expect("a pair");
    tokens.push(pair.refresh_token().to_owned());
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("valid");
    auth.rotate(token).await.expect("a pair");
    clock.advance(Duration::from_secs(60));
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("valid");
    auth.rotate(token).await.expect_err("used twice");
    auth.log_out_everywhere("alice").await.expect("recorded");
    is_down.store(true, std::sync::atomic::Ordering::Relaxed);
    tests::get(&app, "/notes", &poor).await;
    let keys = jwt_auth::KeyRotation::every(Duration::from_secs(90 * 86_400));
    let keys = keys.directory(folder.path());
    let rotating = Config::with_keys(jwt_auth::KeyRing::default()).key_rotation(keys);
    rotating.start().await.expect("keys");
    drop(KeyMaterial::ephemeral());
    tokens
}

/// The names of metrics of this crate in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = text.match_indices("jwt_auth_").map(|(at, _)| &text[at..]);
    starts.map(|rest| rest.chars().take_while(|c| is_part(*c)).collect()).collect()
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_use_what_a_scrape_contains() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).expect("the first recorder");
    let tokens = happen().await;
    let scrape = handle.render();
    let found = names(&scrape);
    let expected = [
        "jwt_auth_decisions_total",
        "jwt_auth_issuer_fetches_total",
        "jwt_auth_keys_created_total",
        "jwt_auth_logins_total",
        "jwt_auth_refresh_reuse_total",
        "jwt_auth_refreshes_total",
        "jwt_auth_revocations_total",
        "jwt_auth_source_up",
        "jwt_auth_tokens_issued_total",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{scrape}");
    for line in [
        r#"jwt_auth_decisions_total{guard="access",result="admitted",code=""} 2"#,
        r#"jwt_auth_decisions_total{guard="",result="refused",code="scope_insufficient"} 1"#,
        r#"jwt_auth_decisions_total{guard="",result="refused",code="token_malformed"} 1"#,
        r#"jwt_auth_source_up{source="the denylist"} 0"#,
        r#"jwt_auth_issuer_fetches_total{issuer="https://up.example",result="fetched"} 1"#,
        r#"jwt_auth_issuer_fetches_total{issuer="https://down.example",result="failed"}"#,
        r#"jwt_auth_revocations_total{what="subject"} 1"#,
        "jwt_auth_refresh_reuse_total 1",
    ] {
        assert!(scrape.contains(line), "{line} in\n{scrape}");
    }
    // No label comes from a token or a request, so clients cannot add series.
    for secret in
        ["alice", "mallory", "/notes"].into_iter().chain(tokens.iter().map(String::as_str))
    {
        assert!(!scrape.contains(secret), "{secret}");
    }
    let dashboard = include_str!("../monitoring/grafana-dashboard.json");
    let alerts = include_str!("../monitoring/alerts.yaml");
    assert_eq!(names(dashboard), found, "the dashboard shows each metric, and no other");
    assert!(names(alerts).is_subset(&found), "{:?}", names(alerts));
    let dashboard: Value = serde_json::from_str(dashboard).expect("JSON");
    assert_eq!(dashboard["panels"].as_array().map(Vec::len), Some(6));
    assert_eq!(alerts.matches("- alert: ").count(), 4);
}
