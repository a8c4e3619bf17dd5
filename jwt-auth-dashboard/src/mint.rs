//! A new token for a user, to try the routes with.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use jwt_auth::JwtAuth;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Problem, read};

/// The longest life of a token of the page, in seconds.
const LONGEST: u64 = 86_400;

#[derive(Deserialize)]
struct Wanted {
    subject: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    roles: Vec<String>,
    /// In seconds. Without it, the configured lifetime applies.
    expires_in: Option<u64>,
    /// Whether it counts as one from a log-in.
    #[serde(default)]
    is_fresh: bool,
    /// Whether a session begins, which the list of sessions then shows.
    #[serde(default)]
    has_session: bool,
}

/// The only answer of the page that contains a token.
#[derive(Serialize)]
pub(crate) struct Minted {
    token: String,
}

pub(crate) async fn mint(auth: JwtAuth, body: Bytes) -> Answer<Minted> {
    let wanted: Wanted = read(&body)?;
    if wanted.subject.is_empty() {
        return Err(Problem::new("name the user: the subject is empty"));
    }
    if wanted.expires_in.is_some_and(|life| !(1..=LONGEST).contains(&life)) {
        return Err(Problem::new(format!("the life is 1 to {LONGEST} seconds")));
    }
    let life = wanted.expires_in.map(Duration::from_secs);
    let token = if wanted.has_session {
        let mut login = auth.log_in(&wanted.subject).device("the developer's page");
        login = login.scopes(wanted.scopes).roles(wanted.roles).fresh(wanted.is_fresh);
        if let Some(life) = life {
            login = login.expires_in(life);
        }
        login.await?.access_token().to_owned()
    } else {
        let mut token = auth.access_token(&wanted.subject);
        token = token.scopes(wanted.scopes).roles(wanted.roles).fresh(wanted.is_fresh);
        if let Some(life) = life {
            token = token.expires_in(life);
        }
        token.await?.as_str().to_owned()
    };
    Ok(Json(Minted { token }))
}
