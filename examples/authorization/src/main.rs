//! Authorization beyond scopes: the tenant in the path, the owner or an administrator, and rules in a policy language.

mod issues;
mod policies;
#[cfg(test)]
mod tests;

use axum::Json;
use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, Checked, Config, GuardedRouter, JwtAuth, TokenPair, check,
    jwt_required, load_config, public,
};
use serde::{Deserialize, Serialize};

use crate::issues::{Issue, Issues};
use crate::policies::Policies;

#[load_config]
fn auth(config: Config) -> Config {
    config.issuer("https://issues.example")
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    issues: Issues,
    policies: Policies,
}

/// The custom claims of our tokens.
#[derive(Deserialize, Serialize)]
struct Claims {
    tenant: String,
}

/// The tenant in the path is that of the token. The issues of other tenants do not exist for a caller.
#[check]
async fn own_tenant(
    token: AccessToken<Claims>,
    State(issues): State<Issues>,
    Path((tenant, id)): Path<(String, i64)>,
) -> Result<Issue, AuthError> {
    if token.custom().tenant != tenant {
        return Err(AuthError::not_found());
    }
    issues.find(&tenant, id).await?.ok_or_else(AuthError::not_found)
}

/// The caller created the issue.
#[check]
async fn owner(
    token: AccessToken,
    State(issues): State<Issues>,
    Path((tenant, id)): Path<(String, i64)>,
) -> Result<(), AuthError> {
    let issue = issues.find(&tenant, id).await?.ok_or_else(AuthError::not_found)?;
    if issue.owner == token.subject() {
        Ok(())
    } else {
        Err(AuthError::forbidden("Only its owner or an administrator may delete an issue"))
    }
}

/// A function of the token alone needs no attribute.
fn admin(token: &AccessToken) -> bool {
    token.roles().any(|role| role == "admin")
}

/// A policy engine decides: the check loads the facts, and the policies are a file.
#[check]
async fn may_close(
    token: AccessToken<Claims>,
    State(policies): State<Policies>,
    State(issues): State<Issues>,
    Path((tenant, id)): Path<(String, i64)>,
) -> Result<Issue, AuthError> {
    let issue = match issues.find(&tenant, id).await? {
        Some(issue) if token.custom().tenant == tenant => issue,
        _ => return Err(AuthError::not_found()),
    };
    let roles: Vec<&str> = token.roles().collect();
    if policies.permit("close", token.subject(), &roles, &issue)? {
        Ok(issue)
    } else {
        Err(AuthError::forbidden("The policies do not permit closing this issue"))
    }
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[public]
async fn login(auth: JwtAuth, Json(form): Json<Login>) -> axum::response::Result<TokenPair> {
    // Look the user up and check a password hash here; the quickstart does it with argon2.
    let (tenant, roles): (_, &[&str]) = match (form.username.as_str(), form.password.as_str()) {
        ("alice", "wonderland") => ("acme", &[]),
        ("bob", "builder") => ("acme", &["admin"]),
        ("dora", "explorer") => ("acme", &["triage"]),
        ("carol", "singer") => ("globex", &["admin"]),
        _ => return Err(StatusCode::UNAUTHORIZED.into()),
    };
    let claims = Claims { tenant: tenant.to_owned() };
    Ok(auth.log_in(form.username).roles(roles.iter().copied()).claims(&claims).await?)
}

/// The check loaded the issue; the handler receives it.
#[jwt_required(check = own_tenant)]
async fn show(Checked(issue): Checked<own_tenant>) -> Json<Issue> {
    Json(issue)
}

#[jwt_required(check(all(own_tenant, any(owner, admin))))]
async fn delete(
    Checked(issue): Checked<own_tenant>,
    State(issues): State<Issues>,
) -> Result<StatusCode, AuthError> {
    issues.delete(&issue).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Between the check and the write, another request may change the issue. The condition is therefore in the `UPDATE` too.
#[jwt_required(check = may_close)]
async fn close(
    Checked(issue): Checked<may_close>,
    State(issues): State<Issues>,
) -> Result<StatusCode, AuthError> {
    if issues.close(&issue).await? { Ok(StatusCode::NO_CONTENT) } else { Ok(StatusCode::CONFLICT) }
}

fn router() -> GuardedRouter<App> {
    GuardedRouter::new()
        .route("/login", post(login))
        .route("/tenants/{tenant}/issues/{id}", get(show).delete(delete))
        .route("/tenants/{tenant}/issues/{id}/close", post(close))
}

async fn app(config: Config) -> Result<App, Box<dyn std::error::Error>> {
    Ok(App {
        auth: auth(config)?,
        issues: Issues::in_memory().await?,
        policies: Policies::load(include_str!("policies.cedar"))?,
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    println!("{}", router().manifest());
    let state = app(Config::from_env()).await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("Listening on http://{address}. Paste into another terminal:\n");
    println!("{}", curl_lines(&address.to_string()));
    axum::serve(listener, router().with_state(state)).await?;
    Ok(())
}

fn curl_lines(address: &str) -> String {
    [
        format!("TOKEN=$(curl -s {address}/login -H 'Content-Type: application/json' -d '{{\"username\":\"alice\",\"password\":\"wonderland\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -i {address}/tenants/acme/issues/1 -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {address}/tenants/globex/issues/3 -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i -X DELETE {address}/tenants/acme/issues/2 -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i -X POST {address}/tenants/acme/issues/1/close -H \"Authorization: Bearer $TOKEN\""),
    ]
    .join("\n")
}
