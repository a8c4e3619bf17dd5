//! The refusal of a gRPC call: a client reads a status of gRPC, and takes the body of another response for a message.

use std::fmt::Write as _;

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

/// The most that a header should carry of a body.
const MESSAGE_BYTES: usize = 4096;

/// The media type of the request if it is a call of gRPC or gRPC-Web.
pub(super) fn media_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let media_type = headers.get(CONTENT_TYPE)?;
    media_type.as_bytes().starts_with(b"application/grpc").then(|| media_type.clone())
}

/// The refusal as a response of trailers only: its status and body are the `grpc-status` and the `grpc-message`.
///
/// The HTTP status stays, for proxies and logs. Clients that read it first map 401, 403 and 503 to the same statuses of gRPC.
pub(super) async fn as_trailers(refusal: Response, media_type: HeaderValue) -> Response {
    let (mut parts, body) = refusal.into_parts();
    let body = to_bytes(body, MESSAGE_BYTES).await.unwrap_or_default();
    parts.headers.insert(CONTENT_TYPE, media_type);
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert("grpc-status", HeaderValue::from(code(parts.status)));
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(&body)) {
        parts.headers.insert("grpc-message", message);
    }
    Response::from_parts(parts, Body::empty())
}

/// The status of gRPC for the HTTP status of a refusal.
fn code(status: StatusCode) -> u16 {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => 3,
        StatusCode::NOT_FOUND => 5,
        StatusCode::FORBIDDEN => 7,
        StatusCode::INTERNAL_SERVER_ERROR => 13,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::UNAUTHORIZED => 16,
        _ => 2,
    }
}

/// As gRPC over HTTP/2 encodes `grpc-message`: each byte that is not printable ASCII, and `%`.
fn percent_encoded(text: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_of_a_refusal_has_one_of_grpc() {
        let of_http =
            [(400, 3), (401, 16), (403, 7), (404, 5), (418, 2), (422, 3), (500, 13), (503, 14)];
        for (http, grpc) in of_http {
            assert_eq!(code(StatusCode::from_u16(http).unwrap()), grpc, "{http}");
        }
    }

    #[test]
    fn a_message_is_printable_ascii() {
        assert_eq!(percent_encoded(b"{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(percent_encoded("ä%\r\n".as_bytes()), "%C3%A4%25%0D%0A");
    }
}
