//! The CSRF value of an HTML form, read from the body and handed to the guard.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::body::Body;
use axum_core::extract::Request;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE};
use http_body_util::{BodyExt as _, Limited};
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::http::FormValue;

/// A form with its CSRF value is small; a larger body is left alone, and needs the header.
const LARGEST: usize = 64 * 1024;

impl JwtAuth {
    /// A layer that takes the CSRF value from the [configured field](crate::Config::csrf_form_field) of an
    /// HTML form, for pages without scripts.
    ///
    /// It reads bodies of `application/x-www-form-urlencoded`, of at most 64 KiB and with a
    /// `Content-Length`, whose request bears a token in a cookie and no CSRF header; the handler gets the body
    /// as it was. It stands before the guards, so such a body is read even when the token turns out to be bad.
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth, TokenLocation};
    ///
    /// let config = Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// let auth = config.csrf_form_field("csrf_token").build()?;
    /// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().layer(auth.csrf_form());
    /// # drop(router);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn csrf_form(&self) -> CsrfFormLayer {
        CsrfFormLayer(self.clone())
    }
}

/// The layer of [`JwtAuth::csrf_form`].
#[derive(Clone, Debug)]
pub struct CsrfFormLayer(JwtAuth);

/// The service of a [`CsrfFormLayer`].
#[derive(Clone, Debug)]
pub struct CsrfForm<S> {
    auth: JwtAuth,
    inner: S,
}

impl<S> Layer<S> for CsrfFormLayer {
    type Service = CsrfForm<S>;

    fn layer(&self, inner: S) -> CsrfForm<S> {
        CsrfForm { auth: self.0.clone(), inner }
    }
}

impl<S> Service<Request> for CsrfForm<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let settings = self.auth.settings();
        let wanted = settings.cookies.csrf_form_field.clone();
        let wanted =
            wanted.filter(|_| is_small_form(&request) && needs_value(&request, &self.auth));
        // The service that is ready is the one that is called (tower's own rule).
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            let Some(field) = wanted else { return inner.call(request).await };
            let (mut parts, body) = request.into_parts();
            let Ok(body) = Limited::new(body, LARGEST).collect().await else {
                return Ok(StatusCode::BAD_REQUEST.into_response());
            };
            let bytes = body.to_bytes();
            if let Some(value) = only_value(&bytes, &field) {
                parts.extensions.insert(FormValue(value.into()));
            }
            inner.call(Request::from_parts(parts, Body::from(bytes))).await
        })
    }
}

fn is_small_form(request: &Request) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let kind = text(CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && length.is_some_and(|length| length <= LARGEST)
}

fn needs_value(request: &Request, auth: &JwtAuth) -> bool {
    let cookies = &auth.settings().cookies;
    let headers = request.headers();
    let bears = |name: &str| {
        let names_it = |pair: &[u8]| {
            pair.trim_ascii()
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.starts_with(b"="))
        };
        headers
            .get_all(COOKIE)
            .iter()
            .any(|line| line.as_bytes().split(|b| *b == b';').any(names_it))
    };
    (bears(&cookies.access.key) || bears(&cookies.refresh.key))
        && !headers.contains_key(&cookies.access.csrf_header)
        && !headers.contains_key(&cookies.refresh.csrf_header)
}

/// The field's value, when the form has it once. The values are ours, and need no percent-encoding.
fn only_value<'a>(form: &'a [u8], field: &str) -> Option<&'a [u8]> {
    let mut values = form
        .split(|b| *b == b'&')
        .filter_map(|pair| pair.strip_prefix(field.as_bytes())?.strip_prefix(b"="));
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_counts_when_it_stands_once() {
        assert_eq!(only_value(b"a=1&csrf=v&b=2", "csrf"), Some(&b"v"[..]));
        for none in [&b""[..], b"xcsrf=v", b"csrf", b"csrf=a&csrf=a"] {
            assert_eq!(only_value(none, "csrf"), None);
        }
    }
}
