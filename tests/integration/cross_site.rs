//! The table of the guide: which request of which page passes under which setting.

use axum::Router;
use axum::http::Request;
use jwt_auth::danger::DangerousConfig as _;
use jwt_auth::routing::any;
use jwt_auth::{Config, GuardedRouter, TokenLocation, jwt_required, public};
use tests::send;

const CHAPTER: &str = include_str!("../../jwt-auth/src/guide/cookies_and_csrf.md");
const SIBLING: &str = "https://blog.example.com";
const OTHER: &str = "https://evil.example";

#[jwt_required]
async fn change() {}

#[public(same_origin)]
async fn log_in() {}

/// The rows of the table: from, request, site, origin, value, and the four outcomes.
fn rows() -> Vec<[&'static str; 9]> {
    let table = CHAPTER.split("| from | request |").nth(1).expect("the table of the chapter");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim);
    rows.map(|line| cells(line).collect::<Vec<_>>().try_into().expect("nine cells")).collect()
}

struct App {
    router: Router,
    access: String,
    csrf: String,
}

async fn app(change_config: impl FnOnce(Config) -> Config) -> App {
    let (config, _) = tests::config();
    let config = change_config(config.token_location([TokenLocation::Cookie]));
    let auth = config.build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    let router = GuardedRouter::new().route("/change", any(change)).route("/login", any(log_in));
    App {
        router: router.with_state(auth),
        access: pair.access_token().to_owned(),
        csrf: pair.access_csrf_token().unwrap_or("a value").to_owned(),
    }
}

/// The outcome of a row, as the table writes it.
async fn outcome(app: &App, path: &str, row: &[&str; 9]) -> String {
    let [_, method, site, origin, value, ..] = row;
    let method = if *method == "upgrade" { "GET" } else { method };
    let mut request = Request::builder().method(method).uri(path).header("host", "app.example.com");
    if path == "/change" {
        request = request.header("cookie", format!("__Host-access_token_cookie={}", app.access));
    }
    if row[1] == "upgrade" {
        request = request.header("upgrade", "websocket").header("connection", "upgrade");
    }
    if *site != "(none)" {
        request = request.header("sec-fetch-site", *site);
    }
    let origin = match *origin {
        "own" => Some("https://app.example.com"),
        "sibling" => Some(SIBLING),
        "other" => Some(OTHER),
        "null" => Some("null"),
        _ => None,
    };
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    if *value == "yes" {
        request = request.header("x-csrf-token", &app.csrf);
    }
    let request = request.body(axum::body::Body::empty()).expect("a request");
    match send(&app.router, request).await.status.as_u16() {
        200 => "passes".to_owned(),
        status => status.to_string(),
    }
}

#[tokio::test]
async fn x7_x8_each_row_of_the_table_of_the_guide_is_true() {
    let apps = [
        (app(|config| config).await, "/change"),
        (app(|config| config.cookie_csrf_protect(false)).await, "/change"),
        (app(|config| config.trusted_origins([SIBLING, OTHER])).await, "/change"),
        (app(|config| config).await, "/login"),
    ];
    let rows = rows();
    assert!(rows.len() >= 18, "the table was found");
    let mut wrong = Vec::new();
    for row in &rows {
        for ((app, path), expected) in apps.iter().zip(&row[5..]) {
            let found = outcome(app, path, row).await;
            if found != **expected {
                wrong.push(format!("{row:?} at {path}: {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn x7_a_form_of_a_sibling_host_with_the_domain_wide_value_is_refused() {
    let app = app(|config| config.csrf_form_field("csrf_token")).await;
    let body = format!("csrf_token={}", app.csrf);
    for headers in
        [[("sec-fetch-site", "same-site"), ("origin", SIBLING)].as_slice(), &[("origin", SIBLING)]]
    {
        let mut request = Request::post("/change")
            .header("host", "app.example.com")
            .header("cookie", format!("__Host-access_token_cookie={}", app.access))
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.clone().into()).expect("a request");
        assert_eq!(send(&app.router, request).await.code(), "request_cross_site", "{headers:?}");
    }
}

#[test]
fn x8_the_manifest_shows_a_log_in_for_own_pages_only() {
    let router: GuardedRouter = GuardedRouter::new().route("/login", any(log_in));
    assert_eq!(router.manifest().to_string(), "ANY /login  public  same_origin\n");
}
