//! Each preset with a token of the documented shape, and its near misses.

use jwt_auth::{AccessToken, Config, ManualClock};
use jwt_auth_oidc::Issuer;
use serde_json::{Value, json};
use tests::provider::RSA;
use tests::{NOW, SECRET};

use crate::Server;

struct Case {
    issuer: fn() -> Issuer,
    typ: Option<&'static str>,
    claims: Value,
    roles: &'static [&'static str],
    scopes: &'static [&'static str],
    /// Changes that turn the token into one for something else.
    misses: Vec<Value>,
}

fn at(claims: Value) -> Value {
    let mut claims = claims;
    claims["exp"] = (NOW + 300).into();
    claims["iat"] = NOW.into();
    claims
}

fn cases() -> Vec<Case> {
    [servers(), clouds(), others()].into_iter().flatten().collect()
}

fn servers() -> Vec<Case> {
    vec![
        Case {
            issuer: || Issuer::keycloak("https://login.example/", "staff").audience(["api"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://login.example/realms/staff", "aud": ["api", "account"], "sub": "f3c1", "typ": "Bearer",
                "azp": "web", "sid": "s", "scope": "openid notes", "realm_access": { "roles": ["staff"] }, "jti": "j" }),
            roles: &["staff"],
            scopes: &["openid", "notes"],
            misses: vec![
                json!({ "typ": "ID" }),
                json!({ "typ": "Refresh" }),
                json!({ "aud": "account" }),
                json!({ "aud": null }),
                json!({ "iss": "https://login.example/realms/other" }),
            ],
        },
        Case {
            issuer: || Issuer::auth0("acme.eu.auth0.com").audience(["https://api"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://acme.eu.auth0.com/", "aud": ["https://api", "https://acme.eu.auth0.com/userinfo"],
                "sub": "auth0|1", "azp": "web", "scope": "openid", "permissions": ["read:notes"], "gty": "password" }),
            roles: &[],
            scopes: &["openid", "read:notes"],
            misses: vec![json!({ "iss": "https://acme.eu.auth0.com" }), json!({ "aud": "web" })],
        },
        Case {
            issuer: || Issuer::okta("acme.okta.com", "default").audience(["api://default"]),
            typ: None,
            claims: json!({ "ver": 1, "iss": "https://acme.okta.com/oauth2/default", "aud": "api://default", "sub": "a@acme.com",
                "cid": "web", "uid": "u", "scp": ["openid", "notes"], "groups": ["Everyone"], "jti": "AT.x" }),
            roles: &["Everyone"],
            scopes: &["openid", "notes"],
            misses: vec![
                json!({ "iss": "https://acme.okta.com" }),
                json!({ "aud": "https://acme.okta.com" }),
            ],
        },
    ]
}

fn clouds() -> Vec<Case> {
    vec![
        Case {
            issuer: || Issuer::entra("72f988bf").audience(["the-api"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://login.microsoftonline.com/72f988bf/v2.0", "aud": "the-api", "sub": "s", "azp": "web",
                "ver": "2.0", "scp": "Notes.Read", "roles": ["Editor"], "uti": "u", "tid": "72f988bf" }),
            roles: &["Editor"],
            scopes: &["Notes.Read"],
            misses: vec![
                json!({ "ver": "1.0" }),
                json!({ "iss": "https://sts.windows.net/72f988bf/" }),
                json!({ "iss": "https://login.microsoftonline.com/other/v2.0" }),
                json!({ "aud": "00000003-0000-0000-c000-000000000000" }),
            ],
        },
        Case {
            issuer: || Issuer::entra_many(["a0", "b1"]).audience(["the-api"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://login.microsoftonline.com/b1/v2.0", "aud": "the-api", "sub": "s", "ver": "2.0",
                "scp": "Notes.Read", "tid": "b1" }),
            roles: &[],
            scopes: &["Notes.Read"],
            misses: vec![
                json!({ "iss": "https://login.microsoftonline.com/c2/v2.0" }),
                json!({ "iss": "https://login.microsoftonline.com/{tenantid}/v2.0" }),
                json!({ "iss": "https://login.microsoftonline.com/common/v2.0" }),
            ],
        },
        Case {
            issuer: || Issuer::cognito("eu-west-1", "eu-west-1_a").client_ids(["web"]),
            typ: None,
            claims: json!({ "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a", "sub": "s", "client_id": "web",
                "token_use": "access", "scope": "notes", "cognito:groups": ["editors"], "jti": "j" }),
            roles: &["editors"],
            scopes: &["notes"],
            misses: vec![
                json!({ "token_use": "id" }),
                json!({ "client_id": "other" }),
                json!({ "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_b" }),
            ],
        },
        Case {
            issuer: || Issuer::google().audience(["https://api"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://accounts.google.com", "aud": "https://api", "azp": "1", "sub": "1", "email": "a@b.c" }),
            roles: &[],
            scopes: &[],
            misses: vec![
                json!({ "aud": "https://other" }),
                json!({ "iss": "https://accounts.google.com/" }),
            ],
        },
        Case {
            issuer: || Issuer::zitadel("acme.zitadel.cloud").audience(["2591"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://acme.zitadel.cloud", "aud": ["web", "2591"], "sub": "1",
                "urn:zitadel:iam:org:project:roles": { "editor": { "1": "acme" } }, "jti": "V2_1" }),
            roles: &["editor"],
            scopes: &[],
            misses: vec![json!({ "aud": ["web"] })],
        },
    ]
}

fn others() -> Vec<Case> {
    vec![
        Case {
            issuer: || Issuer::hydra("https://hydra.example/").audience(["api"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://hydra.example/", "aud": ["api"], "sub": "a", "client_id": "web", "scp": ["notes"], "jti": "j" }),
            roles: &[],
            scopes: &["notes"],
            misses: vec![json!({ "aud": [] }), json!({ "iss": "https://hydra.example" })],
        },
        Case {
            issuer: || Issuer::fusionauth("acme.com", "https://auth.example").audience(["web"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "acme.com", "aud": "web", "sub": "u", "applicationId": "web", "roles": ["admin"], "scope": "x", "jti": "j" }),
            roles: &["admin"],
            scopes: &["x"],
            misses: vec![json!({ "iss": "other.com" }), json!({ "aud": "other" })],
        },
        Case {
            issuer: || Issuer::supabase("https://abc.supabase.co").audience(["authenticated"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://abc.supabase.co/auth/v1", "aud": "authenticated", "sub": "u", "role": "authenticated",
                "user_metadata": { "role": "admin" }, "session_id": "s", "aal": "aal1" }),
            roles: &["authenticated"],
            scopes: &[],
            misses: vec![
                json!({ "aud": "anon" }),
                json!({ "iss": "supabase" }),
                json!({ "sub": null }),
            ],
        },
        Case {
            issuer: || Issuer::firebase("acme-notes"),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://securetoken.google.com/acme-notes", "aud": "acme-notes", "sub": "u", "user_id": "u" }),
            roles: &[],
            scopes: &[],
            misses: vec![
                json!({ "aud": "other" }),
                json!({ "iss": "https://securetoken.google.com/other", "aud": "other" }),
            ],
        },
        Case {
            issuer: || Issuer::clerk("https://clerk.example").client_ids(["https://app.example"]),
            typ: Some("JWT"),
            claims: json!({ "iss": "https://clerk.example", "sub": "user_1", "azp": "https://app.example", "sid": "sess_1", "v": 2,
                "o": { "id": "org_1", "rol": "admin" } }),
            roles: &["admin"],
            scopes: &[],
            misses: vec![json!({ "azp": "https://evil.example" }), json!({ "azp": null })],
        },
    ]
}

#[tokio::test(start_paused = true)]
async fn tokens_of_the_documented_shapes_are_accepted_and_near_misses_are_not() {
    let cases = cases();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let server = Server::of(&[RSA.jwk()]);
        let issuer = (case.issuer)().fetch_with(server.clone());
        let config = Config::hs256(SECRET).clock(ManualClock::at(NOW)).trust(issuer);
        let auth = config.build().expect("valid");
        let name = case.claims["iss"].to_string();
        let good = RSA.sign(case.typ, &at(case.claims.clone()));
        let read: AccessToken =
            auth.verify_access(&good).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(read.roles().collect::<Vec<_>>(), case.roles, "{name}");
        assert_eq!(read.scopes().collect::<Vec<_>>(), case.scopes, "{name}");
        assert!(!read.id().is_empty() && !read.subject().is_empty(), "{name}");
        for miss in case.misses {
            let mut claims = at(case.claims.clone());
            for (claim, value) in miss.as_object().expect("an object") {
                claims[claim] = value.clone();
                if value.is_null() {
                    claims.as_object_mut().expect("an object").remove(claim);
                }
            }
            let token = RSA.sign(case.typ, &claims);
            assert!(auth.verify_access(&token).await.is_err(), "{name}: {miss}");
        }
        let forged = tests::tamper_with_signature(&good);
        assert!(auth.verify_access(&forged).await.is_err(), "{name}");
    }
}

#[test]
fn a_name_that_means_any_tenant_is_refused() {
    let error = |issuer: Issuer| {
        let config = Config::hs256(SECRET).trust(issuer.audience(["the-api"]));
        config.build().err().map(|error| error.to_string()).unwrap_or_default()
    };
    for tenants in [
        vec!["common"],
        vec!["a0", "organizations"],
        vec!["{tenantid}"],
        vec![""],
        vec!["a/b"],
        vec![],
    ] {
        let found = error(Issuer::entra_many(&tenants));
        assert!(found.contains("a tenant of Entra is named by its id"), "{tenants:?}: {found}");
    }
    assert!(error(Issuer::entra("common")).contains("a tenant of Entra"));
    assert_eq!(error(Issuer::entra_many(["a0", "contoso.onmicrosoft.com"])), "");
}
