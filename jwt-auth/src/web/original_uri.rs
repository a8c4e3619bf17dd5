//! The request as the client sent it: axum's `nest` removes the beginning of its path.

use axum::extract::OriginalUri;
use http::request::Parts;

/// A copy of the request, with the URI that the client sent.
pub(super) fn as_sent(parts: &Parts) -> Parts {
    let mut parts = parts.clone();
    if let Some(OriginalUri(uri)) = parts.extensions.get() {
        parts.uri = uri.clone();
    }
    parts
}
