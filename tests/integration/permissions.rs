//! Permissions as types, and scopes that cover others.

use jwt_auth::router::Require;
use jwt_auth::routing::get;
use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, Permission, guard, jwt_required};
use tests::{config, get as fetch};

#[derive(Clone, Copy, Permission)]
#[permission(prefix = "notes:", rename_all = "kebab-case")]
enum Notes {
    Read,
    Write,
    ReadArchive,
    #[permission("purge")]
    Purge,
}

#[derive(Permission)]
enum Role {
    Admin,
}

#[jwt_required(scopes(Notes::Read))]
async fn read(token: AccessToken) -> String {
    format!("{} {}", token.has(Notes::Write), token.has_role(Role::Admin))
}

#[jwt_required(any_scope(Notes::ReadArchive, Notes::Purge), roles(Role::Admin))]
async fn archive() {}

fn routes() -> GuardedRouter<JwtAuth> {
    let group =
        GuardedRouter::new().require(Require::scopes([Notes::Purge])).route("/group", get(read));
    let service =
        tower::service_fn(async |_: axum::extract::Request| Ok::<_, std::convert::Infallible>(()));
    GuardedRouter::new()
        .route("/notes", get(read))
        .route("/archive", get(archive))
        .merge(group)
        .guarded_service("/service", guard::required().scopes([Notes::Write]), service)
}

#[test]
fn the_names_follow_the_rule_and_the_manifest_shows_them() {
    assert_eq!(
        [Notes::Read, Notes::Write, Notes::ReadArchive, Notes::Purge].map(String::from),
        ["notes:read", "notes:write", "notes:read-archive", "purge"]
    );
    assert_eq!(Role::Admin.name(), "Admin");
    let manifest = routes().manifest().to_string();
    for line in [
        "GET /notes            access  scopes(notes:read)\n",
        "GET /archive          access  any_scope(notes:read-archive purge)  roles(Admin)\n",
        "GET /group            access  scopes(notes:read purge)\n",
    ] {
        assert!(manifest.contains(line), "{manifest}");
    }
}

#[tokio::test]
async fn permissions_are_issued_required_and_checked_by_their_type() {
    let auth = config().0.build().expect("valid");
    let app = routes().with_state(auth.clone());
    let token = auth.access_token("a").scopes([Notes::Read]).roles([Role::Admin]);
    let token = token.issue().expect("a token");
    assert_eq!(fetch(&app, "/notes", &token).await.body, "false true");
    assert_eq!(fetch(&app, "/archive", &token).await.status, 403);
    assert_eq!(fetch(&app, "/group", &token).await.status, 403);
    assert_eq!(fetch(&app, "/service", &token).await.status, 403);
}

#[tokio::test]
async fn a_scope_with_a_star_covers_others_if_wildcards_are_on() {
    for (granted, required, is_covered) in [
        ("notes:*", "notes:read", true),
        ("notes:*", "notes:read:own", true),
        ("a notes:* b", "notes:write", true),
        ("notes:*", "notes:*", true),
        ("notes:*", "notes:", false),
        ("notes:*", "notes", false),
        ("notes:*", "notesx:read", false),
        ("notes:*", "other", false),
        ("notes*", "notes:read", false),
        ("*", "notes:read", false),
        (":*", "notes:read", false),
        ("*:read", "notes:read", false),
        ("notes:*:own", "notes:read:own", false),
    ] {
        for is_on in [true, false] {
            let auth = config().0.scope_wildcards(is_on).build().expect("valid");
            let token = auth.access_token("a").scopes(granted.split(' ')).issue().expect("a token");
            let token: AccessToken = auth.verify_access(&token).await.expect("valid");
            let has = token.scopes().any(|scope| scope == required);
            assert_eq!(
                token.has(Box::leak(required.to_owned().into_boxed_str()) as &str),
                has || (is_on && is_covered),
                "{granted} {required} {is_on}"
            );
        }
    }
    let auth = config().0.scope_wildcards(true).build().expect("valid");
    let app = routes().with_state(auth.clone());
    let token = auth.access_token("a").scopes(["notes:*"]).issue().expect("a token");
    assert_eq!(fetch(&app, "/notes", &token).await.body, "true false");
    assert_eq!(fetch(&app, "/service", &token).await.status, 200);
    assert_eq!(fetch(&app, "/group", &token).await.status, 403, "it also needs `purge`");
}
