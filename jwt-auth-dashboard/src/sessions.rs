//! The sessions of a user, and their end.

use axum::Json;
use axum::body::Bytes;
use jwt_auth::JwtAuth;
use jwt_auth::session::Session;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, read};

#[derive(Deserialize)]
struct OfUser {
    subject: String,
}

#[derive(Deserialize)]
struct OneOfUser {
    subject: String,
    id: String,
}

#[derive(Serialize)]
pub(crate) struct Ended {
    /// Whether the user had the session.
    ended: bool,
}

pub(crate) async fn list(auth: JwtAuth, body: Bytes) -> Answer<Vec<Session>> {
    let OfUser { subject } = read(&body)?;
    Ok(Json(auth.sessions(subject).await?))
}

pub(crate) async fn end(auth: JwtAuth, body: Bytes) -> Answer<Ended> {
    let OneOfUser { subject, id } = read(&body)?;
    let ended = auth.end_session(subject, &id).await?;
    Ok(Json(Ended { ended }))
}
