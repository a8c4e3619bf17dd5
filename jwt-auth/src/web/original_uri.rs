//! The URI that the client sent: axum's `nest` removes the beginning of its path.

use axum::extract::OriginalUri;
use http::Uri;
use http::request::Parts;

pub(crate) fn original_uri(parts: &Parts) -> &Uri {
    parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri)
}
