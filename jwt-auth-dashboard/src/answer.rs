//! What the handlers read and answer.

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jwt_auth::AuthError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// JSON, or why there is none.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;

/// Why a handler has no answer, for the page to show.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    sentence: String,
}

impl Problem {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, sentence: sentence.into() }
    }
}

/// Not by its own response: that would count as a refused request.
impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let sentence = format!("{}: {}", error.detail(), error.kind().hint());
        Self { status: error.status(), sentence }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: String,
        }
        (self.status, Json(Body { error: self.sentence })).into_response()
    }
}

/// Reads a body. The error quotes nothing of it: it may contain a token.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|_| Problem::new("the body is not the JSON that the page sends; reload the page"))
}
