//! The files of the page.

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, StatusCode};

type File = ([(HeaderName, &'static str); 1], &'static str);

pub(crate) async fn index() -> File {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("page/index.html"))
}

pub(crate) async fn style() -> File {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/style.css"))
}

pub(crate) async fn script() -> File {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page/script.js"))
}

/// The page has no slash at its end: the addresses in it are relative to that, so that it also works in a nested router.
pub(crate) async fn without_slash() -> (StatusCode, [(HeaderName, &'static str); 1]) {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "../_jwt-auth")])
}
