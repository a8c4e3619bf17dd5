//! A layer that reads the CSRF value of an HTML form from the body, for the guards.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::body::Body;
use axum_core::extract::Request;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::token_kind::TokenKind;
use crate::web::{FormValue, cookie_values};

/// The maximum size of a form. A larger body is not read, and its request needs the header.
const LARGEST: usize = 64 * 1024;

impl JwtAuth {
    /// A layer that reads the CSRF value of an HTML form.
    ///
    /// It is for pages without scripts, and reads the [configured field](crate::Config::csrf_form_field).
    ///
    /// It reads bodies of `application/x-www-form-urlencoded` with a `Content-Length` of at most 64 KiB, if the
    /// request carries a token in a cookie and no CSRF header. The handler receives the body unchanged. The layer
    /// runs before the guards, so it reads such a body even if the token is not valid.
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial, TokenLocation};
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
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
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, layer::CsrfFormLayer};
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).csrf_form_field("csrf_token").build()?;
/// let layer: CsrfFormLayer = auth.csrf_form();
/// let router: axum::Router = axum::Router::new().layer(layer);
/// # drop(router);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing before it is applied"]
pub struct CsrfFormLayer(JwtAuth);

/// The service of a [`CsrfFormLayer`].
///
/// ```
/// use axum::Router;
/// use jwt_auth::layer::CsrfForm;
/// use tower::Layer as _;
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let service: CsrfForm<Router> = auth.csrf_form().layer(Router::new());
/// # drop(service);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

/// The future of a [`CsrfForm`].
///
/// ```
/// use axum::extract::Request;
/// use jwt_auth::layer::{CsrfForm, CsrfFormFuture};
/// use tower::{Layer as _, Service as _};
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let mut service: CsrfForm<axum::Router> = auth.csrf_form().layer(axum::Router::new());
/// let response: CsrfFormFuture<std::convert::Infallible> = service.call(Request::default());
/// # drop(response);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CsrfFormFuture<E>(Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>);

impl<E> Future for CsrfFormFuture<E> {
    type Output = Result<Response, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<E> fmt::Debug for CsrfFormFuture<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfFormFuture").finish_non_exhaustive()
    }
}

impl<S> Service<Request> for CsrfForm<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = CsrfFormFuture<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let field = self.auth.web().csrf.form_field.clone();
        let field = field.filter(|_| is_small_form(&request) && needs_value(&request, &self.auth));
        // tower requires that the service that was polled to readiness is the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        CsrfFormFuture(Box::pin(async move {
            let Some(field) = field else { return inner.call(request).await };
            let (mut parts, body) = request.into_parts();
            let Ok(body) = Limited::new(body, LARGEST).collect().await else {
                return Ok(StatusCode::BAD_REQUEST.into_response());
            };
            let bytes = body.to_bytes();
            if let Some(value) = only_value(&bytes, &field) {
                parts.extensions.insert(FormValue(value.into()));
            }
            inner.call(Request::from_parts(parts, Body::from(bytes))).await
        }))
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
    let settings = auth.web();
    let headers = request.headers();
    let has_cookie = |name: &str| cookie_values(headers, name).next().is_some();
    TokenKind::ALL.iter().any(|kind| has_cookie(&settings.cookies.of(*kind).token.name))
        && !TokenKind::ALL.iter().any(|kind| headers.contains_key(settings.csrf.header(*kind)))
}

/// The value of the field, if the form has it once. CSRF values need no percent-encoding.
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
    fn a_field_counts_only_if_it_occurs_once() {
        assert_eq!(only_value(b"a=1&csrf=v&b=2", "csrf"), Some(&b"v"[..]));
        for none in [&b""[..], b"xcsrf=v", b"csrf", b"csrf=a&csrf=a"] {
            assert_eq!(only_value(none, "csrf"), None);
        }
    }
}
