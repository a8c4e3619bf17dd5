//! Cookies that bear tokens: set and deleted, with the same attributes each time.

use std::time::Duration;

use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, SET_COOKIE};

use crate::auth::JwtAuth;
use crate::claims::{Claims, TokenKind};
use crate::clock::since_epoch;
use crate::config::{SameSite, Settings, TokenLocation, is_domain};
use crate::error::AuthError;
use crate::issue::{MAX_COOKIE, TokenPair};
use crate::secret::Secret;

/// Cookies on their way into a response: `(auth.set_cookies(&pair), Json(body))`, or a response by itself.
///
/// Made by [`JwtAuth::set_cookies`] and its kin. What cannot be set (cookies are not among the locations, a
/// token too large for a browser) is an error of the response, 500, with its reason in the log.
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
#[must_use = "cookies are set by being part of a response"]
pub struct SetCookies {
    auth: JwtAuth,
    changes: Vec<(TokenKind, Change)>,
    max_age: Option<Duration>,
    domain: Option<String>,
}

/// What happens to the cookies of one kind.
#[derive(Clone, Debug)]
enum Change {
    Set(Secret),
    Delete,
}

/// What a cookie needs to know of the token in it.
struct Facts {
    csrf: Option<String>,
    expires_at: Option<Duration>,
}

impl JwtAuth {
    /// Sets the cookies of both tokens, and those of their CSRF values.
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
            (TokenKind::Access, Change::Set(pair.access.clone())),
            (TokenKind::Refresh, Change::Set(pair.refresh.clone())),
        ])
    }

    /// Sets the cookie of an access token, and that of its CSRF value.
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

    /// Sets the cookie of a refresh token, and that of its CSRF value.
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

    /// Deletes every cookie that [`set_cookies`](Self::set_cookies) sets. The tokens stay good until they
    /// expire: take them back as well, by [`log_out`](Self::log_out).
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

    fn cookies(&self, changes: Vec<(TokenKind, Change)>) -> SetCookies {
        SetCookies { auth: self.clone(), changes, max_age: None, domain: None }
    }
}

impl SetCookies {
    /// How long the browser keeps these cookies, in place of what is configured: "remember me".
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

    /// The domain of these cookies, in place of the configured one. It needs names without `__Host-`, so a
    /// configuration with a domain; delete them with the same domain.
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

    /// The lines of the response.
    pub(crate) fn lines(&self) -> Result<Vec<HeaderValue>, AuthError> {
        let settings = self.auth.settings();
        if !settings.reads(TokenLocation::Cookie) {
            return Err(AuthError::cannot_issue(
                "cookies are not among the locations; write `.token_location([TokenLocation::Cookie])`",
            ));
        }
        if let Some(domain) = &self.domain
            && (settings.cookies.domain.is_none() || !is_domain(domain))
        {
            return Err(AuthError::cannot_issue(
                "a domain for one call needs a configuration whose cookies have one; write `.cookie_domain(\"example.com\")`",
            ));
        }
        let mut lines = Vec::with_capacity(4);
        for (kind, change) in &self.changes {
            let cookie = settings.cookies.of(*kind);
            let facts = match change {
                Change::Set(token) => Some((token.expose(), facts(token.expose(), *kind)?)),
                Change::Delete => None,
            };
            let token = facts.as_ref().map(|(token, facts)| (*token, facts));
            lines.push(self.line(settings, &cookie.key, &cookie.path, true, token)?);
            let csrf = facts.as_ref().and_then(|(_, facts)| Some((facts.csrf.as_deref()?, facts)));
            if settings.cookies.csrf_in_cookies && (facts.is_none() || csrf.is_some()) {
                lines.push(self.line(
                    settings,
                    &cookie.csrf_key,
                    &cookie.csrf_path,
                    false,
                    csrf,
                )?);
            }
        }
        Ok(lines)
    }

    /// One `Set-Cookie`: deletion differs from setting by value and age alone (C5).
    fn line(
        &self,
        settings: &Settings,
        name: &str,
        path: &str,
        http_only: bool,
        value: Option<(&str, &Facts)>,
    ) -> Result<HeaderValue, AuthError> {
        let cookies = &settings.cookies;
        let age = match value {
            None => Some(0),
            Some((_, facts)) => {
                let now = since_epoch(&*settings.clock);
                // Claims count whole seconds: what was made in this one has all of its life before it.
                let now = Duration::from_secs(now.as_secs());
                let life = facts.expires_at.map(|at| at.saturating_sub(now));
                self.max_age.or(cookies.max_age).or(life).map(|age| age.as_secs())
            }
        };
        let value = value.map_or("", |(value, _)| value);
        if !value.bytes().all(is_octet) {
            return Err(AuthError::cannot_issue("the cookie holds what no cookie can"));
        }
        let mut line = format!("{name}={value}");
        if http_only {
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
            // Browsers read it into 64 bits with a sign.
            line.push_str("; Max-Age=");
            line.push_str(&age.min(i64::MAX.unsigned_abs()).to_string());
        }
        if line.len() > MAX_COOKIE {
            return Err(AuthError::cannot_issue(
                "a browser keeps no cookie of more than 4096 bytes",
            ));
        }
        let mut line = HeaderValue::try_from(line)
            .map_err(|_| AuthError::cannot_issue("the cookie holds what no header can"))?;
        line.set_sensitive(true);
        Ok(line)
    }
}

/// What a cookie's value is made of (RFC 6265 §4.1.1, `cookie-octet`): nothing that ends it.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// What stands in a token of our own making. It is not verified: nobody is let in by it.
fn facts(token: &str, kind: TokenKind) -> Result<Facts, AuthError> {
    let wrong = || AuthError::cannot_issue("a cookie is given a token of its own kind");
    let payload = token.split('.').nth(1).and_then(|segment| URL_SAFE_NO_PAD.decode(segment).ok());
    let payload = payload.and_then(|payload| String::from_utf8(payload).ok()).ok_or_else(wrong)?;
    let claims = Claims::read(&payload).map_err(|_| wrong())?;
    if claims.kind != Some(kind) {
        return Err(wrong());
    }
    let csrf = claims.csrf.map(|csrf| csrf.of(&payload).to_owned());
    Ok(Facts { csrf, expires_at: claims.exp })
}

/// Cookies and nothing else: an empty body.
impl IntoResponse for SetCookies {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl IntoResponseParts for SetCookies {
    type Error = AuthError;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, AuthError> {
        let lines = self.auth.told(self.lines())?;
        let headers = response.headers_mut();
        for line in lines {
            headers.append(SET_COOKIE, line);
        }
        // A cache that keeps a session hands it to the next visitor.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}
