//! Tokens for tests, good and bad ones, with the configuration of the application.

use std::fmt;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde_json::{Value, json};

use crate::auth::JwtAuth;
use crate::clock::{Clock as _, ManualClock};
use crate::config::{Config, ConfigError, TokenLocation};
use crate::keys::KeyMaterial;
use crate::testing::{BadToken, START};
use crate::token::{AccessKind, TokenBuilder};
use crate::token_kind::TokenKind;

const HOUR: Duration = Duration::from_secs(3600);
/// The `exp` of forged tokens: they are valid at any time of a test.
const LATE: u64 = 4_102_444_800;

/// Issues the tokens of tests, with the configuration of the application and a clock of its own.
///
/// Its requests carry the token in a header, or in cookies with their CSRF value, whichever is configured first.
///
/// ```
/// use jwt_auth::testing::{BadToken, TestAuth};
/// use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial, jwt_required, routing::get};
/// use tower::ServiceExt as _;
///
/// #[jwt_required(scopes("notes:read"))]
/// async fn notes() -> &'static str { "notes" }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
/// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes", get(notes));
/// let manifest = router.manifest();
/// let app: axum::Router = router.with_state(test.auth());
///
/// let token = test.access_token("alice").scopes(["notes:read"]).issue()?;
/// let response = app.clone().oneshot(test.request("GET", "/notes", &token)).await?;
/// assert_eq!(response.status(), 200);
///
/// test.clock().advance(std::time::Duration::from_secs(3600));
/// let response = app.clone().oneshot(test.request("GET", "/notes", &token)).await?;
/// assert_eq!(response.status(), 401, "it has expired");
///
/// test.assert_guarded(app, &manifest).await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TestAuth {
    auth: JwtAuth,
    clock: ManualClock,
    /// The same configuration with clocks of its own, which issues tokens of other times.
    other_time: JwtAuth,
    other_clock: ManualClock,
}

impl TestAuth {
    /// Builds the configuration of the application, with a clock that only the test moves.
    ///
    /// # Errors
    ///
    /// Those of [`Config::build`].
    ///
    /// ```
    /// use jwt_auth::testing::TestAuth;
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// assert!(TestAuth::new(Config::hs256(KeyMaterial::ephemeral())).is_ok());
    /// assert!(TestAuth::new(Config::hs256("too short")).is_err());
    /// ```
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let [clock, other_clock] = [0; 2].map(|_| ManualClock::at(START));
        let auth = config.clone().clock(clock.clone()).build()?;
        let other_time = config.clock(other_clock.clone()).build()?;
        Ok(Self { auth, clock, other_time, other_clock })
    }

    /// The state for the application's router.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, testing::TestAuth};
    /// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
    /// assert!(test.auth().access_token("alice").issue().is_ok());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn auth(&self) -> JwtAuth {
        self.auth.clone()
    }

    /// The clock of the configuration. It starts at the Unix time 2 000 000 000 (May 2033), and does not move until the test
    /// moves it.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, testing::TestAuth};
    /// # use std::time::Duration;
    /// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
    /// test.clock().advance(Duration::from_secs(60));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// An access token of the application. See [`JwtAuth::access_token`].
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, testing::TestAuth};
    /// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
    /// let token = test.access_token("alice").roles(["admin"]).issue();
    /// assert!(token.is_ok());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn access_token(&self, subject: impl fmt::Display) -> TokenBuilder<'_, AccessKind> {
        self.auth.access_token(subject)
    }

    /// The headers of a request with the token, for clients other than tower's.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, testing::TestAuth};
    /// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
    /// let token = test.access_token("alice").issue().expect("issued");
    /// assert_eq!(test.headers(&token)["authorization"], format!("Bearer {}", token.as_str()));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn headers(&self, token: impl AsRef<str>) -> HeaderMap {
        self.carrying(token.as_ref(), TokenKind::Access).unwrap_or_default()
    }

    /// The same for a refresh token, which has cookies of its own.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation, testing::TestAuth};
    /// let config = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// let test = TestAuth::new(config)?;
    /// let token = test.auth().refresh_token("alice").issue().expect("issued");
    /// let headers = test.refresh_headers(&token);
    /// assert!(headers.contains_key("cookie") && headers.contains_key("x-csrf-token"));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn refresh_headers(&self, token: impl AsRef<str>) -> HeaderMap {
        self.carrying(token.as_ref(), TokenKind::Refresh).unwrap_or_default()
    }

    /// A request with the token and no body.
    ///
    /// # Panics
    ///
    /// If the method or the path is not valid.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, testing::TestAuth};
    /// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
    /// let token = test.access_token("alice").issue().expect("issued");
    /// assert_eq!(test.request("GET", "/notes", &token).uri(), "/notes");
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn request(&self, method: &str, path: &str, token: impl AsRef<str>) -> Request<Body> {
        request(method, path, &self.headers(token))
    }

    /// The headers of a request that must be refused; `None` if the application cannot issue the token that it needs, or
    /// reads tokens from neither headers nor cookies.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use jwt_auth::testing::{BadToken, TestAuth};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
    /// let expired = test.bad(BadToken::Expired).await.expect("the application has a key");
    /// assert!(expired.contains_key("authorization"));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn bad(&self, which: BadToken) -> Option<HeaderMap> {
        self.bad_of_kind(which, TokenKind::Access).await
    }

    pub(super) async fn bad_of_kind(&self, which: BadToken, kind: TokenKind) -> Option<HeaderMap> {
        let text = match which {
            BadToken::Missing => return Some(HeaderMap::new()),
            BadToken::Garbage => "not.a.token".to_owned(),
            BadToken::AlgNone => unsigned(kind),
            BadToken::OtherKey => foreign(kind),
            BadToken::ChangedSignature => changed(&self.token(kind)?, 2),
            BadToken::ChangedClaims => changed(&self.token(kind)?, 1),
            BadToken::Expired => self.token_at(kind, |now| now - 400 * 24 * HOUR)?,
            BadToken::NotYetValid => self.token_at(kind, |now| now + HOUR)?,
            BadToken::OtherAudience => {
                const OTHER: [&str; 1] = ["https://another-service.example"];
                match kind {
                    TokenKind::Access => self.auth.access_token("alice").audience(OTHER).issue(),
                    TokenKind::Refresh => self.auth.refresh_token("alice").audience(OTHER).issue(),
                }
                .ok()?
                .as_str()
                .to_owned()
            }
            BadToken::OtherKind => self.token(kind.other())?,
            BadToken::Revoked => {
                let text = self.token(kind)?;
                match kind {
                    TokenKind::Access => {
                        let token = self.auth.verify_access(&text).await.ok()?;
                        self.auth.revoke(&token).await.ok()?;
                    }
                    TokenKind::Refresh => {
                        let token = self.auth.verify_refresh(&text).await.ok()?;
                        self.auth.revoke(&token).await.ok()?;
                    }
                }
                text
            }
            BadToken::Two => {
                let mut headers = self.carrying(&self.token(kind)?, kind)?;
                let is_carrier =
                    |name: &HeaderName| *name == COOKIE || *name == self.auth.web().header_name;
                let doubled: Vec<_> = headers
                    .iter()
                    .filter(|(name, _)| is_carrier(name))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                for (name, value) in doubled {
                    headers.append(name, value);
                }
                return Some(headers);
            }
        };
        self.carrying(&text, kind)
    }

    /// A valid token without scopes or roles; `None` if the application cannot issue it.
    fn token(&self, kind: TokenKind) -> Option<String> {
        issue(&self.auth, kind)
    }

    /// A valid token; `None` if the application cannot issue it.
    pub(super) fn token_with(
        &self,
        kind: TokenKind,
        scopes: &[String],
        roles: &[String],
        fresh: bool,
    ) -> Option<String> {
        let token = match kind {
            TokenKind::Access => {
                self.auth.access_token("alice").fresh(fresh).scopes(scopes).roles(roles).issue()
            }
            TokenKind::Refresh => {
                self.auth.refresh_token("alice").scopes(scopes).roles(roles).issue()
            }
        };
        Some(token.ok()?.as_str().to_owned())
    }

    fn token_at(
        &self,
        kind: TokenKind,
        time: impl FnOnce(SystemTime) -> SystemTime,
    ) -> Option<String> {
        self.other_clock.set(time(self.clock.now()));
        issue(&self.other_time, kind)
    }

    /// The headers of a request with the token; `None` if the configuration looks into neither headers nor cookies.
    fn carrying(&self, token: &str, kind: TokenKind) -> Option<HeaderMap> {
        let web = self.auth.web();
        let mut locations = web.locations_or(&[]).iter();
        let in_headers = [TokenLocation::Header, TokenLocation::Cookie];
        let location = locations.find(|location| in_headers.contains(location))?;
        let mut headers = HeaderMap::new();
        let mut insert = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        };
        if *location == TokenLocation::Cookie {
            let cookie = &web.cookies.kinds.get(kind).token.name;
            insert(COOKIE, format!("{cookie}={token}"));
            if let Some(csrf) = claim(token, "csrf") {
                insert(web.csrf.header(kind).clone(), csrf);
            }
        } else {
            let value = match &web.errors.scheme {
                Some(scheme) => format!("{scheme} {token}"),
                None => token.to_owned(),
            };
            insert(web.header_name.clone(), value);
        }
        Some(headers)
    }
}

impl fmt::Debug for TestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAuth").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// A request without a body.
pub(super) fn request(method: &str, path: &str, headers: &HeaderMap) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).body(Body::empty());
    if let Ok(request) = &mut request {
        request.headers_mut().extend(headers.clone());
    }
    request.expect("a valid method and path")
}

fn issue(auth: &JwtAuth, kind: TokenKind) -> Option<String> {
    let token = match kind {
        TokenKind::Access => auth.access_token("alice").issue(),
        TokenKind::Refresh => auth.refresh_token("alice").issue(),
    };
    Some(token.ok()?.as_str().to_owned())
}

/// A claim of a token, unverified.
fn claim(token: &str, name: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims[name].as_str().map(str::to_owned)
}

/// The token with another first character in one of its segments, or another subject.
fn changed(token: &str, segment: usize) -> String {
    let mut segments: Vec<String> = token.split('.').map(str::to_owned).collect();
    let text = &mut segments[segment];
    if segment == 1 {
        let payload = URL_SAFE_NO_PAD.decode(&*text).unwrap_or_default();
        let mut claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
        claims["sub"] = "mallory".into();
        *text = URL_SAFE_NO_PAD.encode(claims.to_string());
    } else {
        let other = if text.starts_with('A') { "B" } else { "A" };
        text.replace_range(..1, other);
    }
    segments.join(".")
}

/// A token whose claims would be accepted, without a signature.
pub(super) fn unsigned(kind: TokenKind) -> String {
    format!("{}.{}.", encoded(&json!({ "alg": "none", "typ": "JWT" })), encoded(&claims(kind)))
}

/// A token with a signature of an unknown key: its secret is new for each token, unlike that of `KeyMaterial::ephemeral`.
pub(super) fn foreign(kind: TokenKind) -> String {
    let mut secret = [0_u8; 64];
    let _ = getrandom::fill(&mut secret);
    let auth = Config::hs256(KeyMaterial::raw(secret));
    let auth = auth.clock(ManualClock::at(START)).build();
    auth.ok().and_then(|auth| issue(&auth, kind)).unwrap_or_else(|| unsigned(kind))
}

fn claims(kind: TokenKind) -> Value {
    let issued = START;
    json!({ "sub": "mallory", "iat": issued, "nbf": issued, "exp": LATE, "jti": "a-forged-token",
        "type": kind.claim(), "fresh": true, "scope": "admin", "roles": ["admin"] })
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
