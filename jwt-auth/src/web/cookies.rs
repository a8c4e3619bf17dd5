//! Cookies that carry tokens: set and deleted with the same attributes.

use std::borrow::Cow;
use std::time::Duration;

use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::auth::JwtAuth;
use crate::clock::since_epoch;
use crate::config::{CookieName, MAX_COOKIE, SameSite, TokenLocation, is_domain};
use crate::error::{AuthError, Refusal};
use crate::secret::Secret;
use crate::token::{Claims, TokenPair};
use crate::token_kind::TokenKind;

/// Cookies to set or delete, as a response or as a part of one.
///
/// As a part of a response: `(auth.set_cookies(&pair), Json(body))`.
///
/// Returned by [`JwtAuth::set_cookies`] and the similar methods. If cookies are not among the locations, or if a
/// token is too large for a browser, the response becomes a 500, and the log contains the reason.
///
/// ```
/// use axum::Json;
/// use jwt_auth::{AuthError, JwtAuth, SetCookies, public};
/// use std::time::Duration;
///
/// #[public]
/// async fn login(auth: JwtAuth) -> Result<(SetCookies, Json<&'static str>), AuthError> {
///     let pair = auth.log_in("alice").await?;
///     Ok((auth.set_cookies(&pair).max_age(Duration::from_secs(3600)), Json("welcome")))
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "cookies are set once they are part of a response"]
pub struct SetCookies {
    auth: JwtAuth,
    changes: Vec<(TokenKind, Change)>,
    max_age: Option<Duration>,
    domain: Option<String>,
}

/// The change to the cookies of one kind of token.
#[derive(Clone, Debug)]
enum Change {
    Set(Secret),
    Delete,
}

/// The parts of a token that its cookie depends on.
struct CookieToken {
    csrf: Option<String>,
    /// When its session ends, if no request continues it. The cookie of an access token outlives the token, so that a
    /// visitor whose token has expired is told apart from a stranger.
    ends_at: Option<Duration>,
    /// Whether the cookie ends with the browser.
    is_temporary: bool,
    /// How long the browser stores the cookie, if the log-in said so.
    age: Option<Duration>,
}

impl JwtAuth {
    /// Sets the cookies of both tokens and of their CSRF values.
    ///
    /// ```
    /// use axum::response::{IntoResponse, Response};
    /// use jwt_auth::{AuthError, JwtAuth, public};
    ///
    /// #[public]
    /// async fn login(auth: JwtAuth) -> Result<Response, AuthError> {
    ///     let pair = auth.log_in("alice").await?;
    ///     Ok((auth.set_cookies(&pair), "welcome").into_response())
    /// }
    /// ```
    pub fn set_cookies(&self, pair: &TokenPair) -> SetCookies {
        self.cookies(vec![
            (TokenKind::Access, Change::Set(pair.tokens.access.clone())),
            (TokenKind::Refresh, Change::Set(pair.tokens.refresh.clone())),
        ])
    }

    /// Sets the cookie of an access token, and of its CSRF value.
    ///
    /// ```
    /// # use jwt_auth::{AuthError, JwtAuth, SetCookies};
    /// # fn renew(auth: JwtAuth) -> Result<SetCookies, AuthError> {
    /// Ok(auth.set_access_cookie(&auth.access_token("alice").issue()?))
    /// # }
    /// ```
    pub fn set_access_cookie(&self, token: &str) -> SetCookies {
        self.cookies(vec![(TokenKind::Access, Change::Set(token.into()))])
    }

    /// Sets the cookie of a refresh token, and of its CSRF value.
    ///
    /// ```
    /// # use jwt_auth::{AuthError, JwtAuth, SetCookies};
    /// # fn renew(auth: JwtAuth) -> Result<SetCookies, AuthError> {
    /// Ok(auth.set_refresh_cookie(&auth.refresh_token("alice").issue()?))
    /// # }
    /// ```
    pub fn set_refresh_cookie(&self, token: &str) -> SetCookies {
        self.cookies(vec![(TokenKind::Refresh, Change::Set(token.into()))])
    }

    /// Deletes every cookie that [`set_cookies`](Self::set_cookies) sets.
    ///
    /// The tokens themselves stay valid until they expire, so revoke them as well, with
    /// [`log_out`](Self::log_out).
    ///
    /// ```
    /// use jwt_auth::{AccessToken, AuthError, JwtAuth, SetCookies, jwt_required};
    ///
    /// #[jwt_required]
    /// async fn log_out(auth: JwtAuth, token: AccessToken) -> Result<(SetCookies, &'static str), AuthError> {
    ///     auth.log_out(token).await?;
    ///     Ok((auth.unset_cookies(), "bye"))
    /// }
    /// ```
    pub fn unset_cookies(&self) -> SetCookies {
        self.cookies(vec![
            (TokenKind::Access, Change::Delete),
            (TokenKind::Refresh, Change::Delete),
        ])
    }

    /// Deletes the cookies of the access token.
    ///
    /// ```
    /// # use jwt_auth::{JwtAuth, SetCookies};
    /// # fn forget(auth: JwtAuth) -> SetCookies {
    /// auth.unset_access_cookie()
    /// # }
    /// ```
    pub fn unset_access_cookie(&self) -> SetCookies {
        self.cookies(vec![(TokenKind::Access, Change::Delete)])
    }

    /// Deletes the cookies of the refresh token.
    ///
    /// ```
    /// # use jwt_auth::{JwtAuth, SetCookies};
    /// # fn forget(auth: JwtAuth) -> SetCookies {
    /// auth.unset_refresh_cookie()
    /// # }
    /// ```
    pub fn unset_refresh_cookie(&self) -> SetCookies {
        self.cookies(vec![(TokenKind::Refresh, Change::Delete)])
    }

    /// Deletes the cookies, if this configuration has any.
    pub(crate) fn unset_own_cookies(&self) -> SetCookies {
        if self.web().reads(TokenLocation::Cookie) {
            self.unset_cookies()
        } else {
            self.cookies(Vec::new())
        }
    }

    /// The `Set-Cookie` lines that delete the cookies, if this configuration has any.
    pub(crate) fn deleted_cookies(&self) -> Vec<HeaderValue> {
        self.unset_own_cookies().lines().unwrap_or_default()
    }

    fn cookies(&self, changes: Vec<(TokenKind, Change)>) -> SetCookies {
        SetCookies { auth: self.clone(), changes, max_age: None, domain: None }
    }
}

impl SetCookies {
    /// How long browsers store these cookies, instead of the configured time.
    ///
    /// Each refresh of the session keeps it: the cookies contain it, as a claim of their tokens. It does not change when
    /// the session ends; [`idle_for`](crate::token::TokenBuilder::idle_for) of the log-in does. For cookies that end with
    /// the browser, use [`remember`](crate::token::TokenBuilder::remember).
    ///
    /// ```
    /// # use jwt_auth::{JwtAuth, SetCookies, TokenPair};
    /// # use std::time::Duration;
    /// # fn remember(auth: JwtAuth, pair: &TokenPair) -> SetCookies {
    /// auth.set_cookies(pair).max_age(Duration::from_secs(7 * 86_400))
    /// # }
    /// ```
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// The domain of these cookies, instead of the configured one.
    ///
    /// It requires a configuration with a domain, because a `__Host-` cookie cannot have one. Delete the cookies
    /// with the same domain.
    ///
    /// ```
    /// # use jwt_auth::{JwtAuth, SetCookies};
    /// # fn forget(auth: JwtAuth) -> SetCookies {
    /// auth.unset_cookies().domain("shop.example.com")
    /// # }
    /// ```
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Adds the `Set-Cookie` lines, and `Cache-Control: no-store`, to the headers of a response that you build yourself.
    ///
    /// # Errors
    ///
    /// As a response would: [`CannotIssue`](crate::AuthErrorKind::CannotIssue).
    ///
    /// ```
    /// use axum::http::HeaderMap;
    /// use jwt_auth::{AuthError, JwtAuth, TokenPair};
    ///
    /// fn add(auth: &JwtAuth, pair: &TokenPair, headers: &mut HeaderMap) -> Result<(), AuthError> {
    ///     auth.set_cookies(pair).append_to(headers)
    /// }
    /// ```
    pub fn append_to(&self, headers: &mut HeaderMap) -> Result<(), AuthError> {
        for line in self.auth.attach(self.lines())? {
            headers.append(SET_COOKIE, line);
        }
        // A cache would send the session to the next visitor.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(())
    }

    /// The `Set-Cookie` lines of the response.
    pub(crate) fn lines(&self) -> Result<Vec<HeaderValue>, Refusal> {
        let settings = self.auth.web();
        if self.changes.is_empty() {
            return Ok(Vec::new());
        }
        if !settings.reads(TokenLocation::Cookie) {
            return Err(Refusal::cannot_issue(
                "cookies are not among the locations; write `.token_location([TokenLocation::Cookie])`",
            ));
        }
        if let Some(domain) = &self.domain
            && (settings.cookies.domain.is_none() || !is_domain(domain))
        {
            return Err(Refusal::cannot_issue(
                "`.domain(…)` requires a configuration with a domain; write `.cookie_domain(\"example.com\")`",
            ));
        }
        let mut session_ends = None;
        for (kind, change) in &self.changes {
            if let (TokenKind::Refresh, Change::Set(token)) = (kind, change) {
                session_ends = self.read_own(token.expose(), *kind)?.ends_at;
            }
        }
        let mut lines = Vec::with_capacity(4);
        for (kind, change) in &self.changes {
            let cookie = settings.cookies.of(*kind);
            let read = match change {
                Change::Set(token) => Some((token.expose(), self.read_own(token.expose(), *kind)?)),
                Change::Delete => None,
            };
            let age = read.as_ref().map_or(Some(0), |(_, token)| self.age(token, session_ends));
            let value =
                read.as_ref().map_or(Ok(Cow::Borrowed("")), |(text, _)| self.value(text))?;
            lines.push(self.line(&cookie.token, true, &value, age)?);
            let csrf = match &read {
                Some((_, token)) => token.csrf.as_deref(),
                None => Some(""),
            };
            if let Some(csrf) = csrf.filter(|_| settings.csrf.in_cookies) {
                lines.push(self.line(&cookie.csrf, false, csrf, age)?);
            }
        }
        Ok(lines)
    }

    /// The value of a token's cookie. It contains the age that the application chose, so that refreshes keep it.
    fn value<'t>(&self, token: &'t str) -> Result<Cow<'t, str>, Refusal> {
        match self.max_age {
            Some(age) => self.auth.issuer().with_cookie_age(token, age).map(Cow::Owned),
            None => Ok(Cow::Borrowed(token)),
        }
    }

    /// The `Max-Age` of a token's cookies, in seconds. Both cookies of a pair have that of the session.
    fn age(&self, token: &CookieToken, session_ends: Option<Duration>) -> Option<u64> {
        // Claims have whole seconds, so the current second counts as a whole one.
        let now = since_epoch(&*self.auth.rules().clock).as_secs();
        let ends_at = session_ends.or(token.ends_at);
        let life = ends_at.map(|at| at.saturating_sub(Duration::from_secs(now)));
        let usual = || token.age.or(self.auth.web().cookies.max_age).or(life);
        let age = self.max_age.or_else(|| if token.is_temporary { None } else { usual() });
        age.map(|age| age.as_secs())
    }

    /// Reads a token that this process issued, without verifying it: it is only put into a cookie.
    fn read_own(&self, token: &str, kind: TokenKind) -> Result<CookieToken, Refusal> {
        let wrong = || Refusal::cannot_issue("this is not a token of the cookie's kind");
        let payload =
            token.split('.').nth(1).and_then(|segment| URL_SAFE_NO_PAD.decode(segment).ok());
        let payload =
            payload.and_then(|payload| String::from_utf8(payload).ok()).ok_or_else(wrong)?;
        let claims = Claims::read(&payload, self.auth.rules().compat).map_err(|_| wrong())?;
        if claims.kind != Some(kind) {
            return Err(wrong());
        }
        let csrf = claims.csrf.as_ref().map(|csrf| csrf.of(&payload).to_owned());
        let ends_at = match (&claims.sid, claims.exp, claims.iat) {
            (Some(_), Some(exp), Some(issued_at)) if kind == TokenKind::Access => {
                let idle = claims.session_idle.unwrap_or(self.auth.rules().expires.refresh);
                let idle_end = issued_at.saturating_add(idle);
                Some(claims.session_ends_at.map_or(idle_end, |end| end.min(idle_end)).max(exp))
            }
            (_, exp, _) => exp,
        };
        let (is_temporary, age) = (claims.is_temporary, claims.cookie_age);
        Ok(CookieToken { csrf, ends_at, is_temporary, age })
    }

    /// One `Set-Cookie` line. Setting and deleting differ only in value and age (C5).
    fn line(
        &self,
        CookieName { name, path }: &CookieName,
        is_http_only: bool,
        value: &str,
        age: Option<u64>,
    ) -> Result<HeaderValue, Refusal> {
        let cookies = &self.auth.web().cookies;
        if !value.bytes().all(is_octet) {
            return Err(Refusal::cannot_issue(
                "the value has a character that cookies do not allow",
            ));
        }
        let mut line = format!("{name}={value}");
        if is_http_only {
            line.push_str("; HttpOnly");
        }
        line.push_str(match cookies.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        if cookies.secure {
            line.push_str("; Secure");
        }
        line.push_str("; Path=");
        line.push_str(path);
        if let Some(domain) = self.domain.as_ref().or(cookies.domain.as_ref()) {
            line.push_str("; Domain=");
            line.push_str(domain);
        }
        if let Some(age) = age {
            // Browsers read the age as a signed 64-bit number.
            line.push_str("; Max-Age=");
            line.push_str(&age.min(i64::MAX.unsigned_abs()).to_string());
        }
        if line.len() > MAX_COOKIE {
            return Err(Refusal::cannot_issue("browsers drop a cookie of more than 4096 bytes"));
        }
        let mut line = HeaderValue::try_from(line).map_err(|_| {
            Refusal::cannot_issue("the cookie has a character that headers do not allow")
        })?;
        line.set_sensitive(true);
        Ok(line)
    }
}

/// A character of a cookie's value (RFC 6265 §4.1.1, `cookie-octet`): none of them ends the value.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// The cookies with an empty body.
impl IntoResponse for SetCookies {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl IntoResponseParts for SetCookies {
    type Error = AuthError;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, AuthError> {
        self.append_to(response.headers_mut())?;
        Ok(response)
    }
}
