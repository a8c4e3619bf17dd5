//! The option to accept the tokens of another issuer, such as an identity provider.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::config::{
    ClaimNames, Config, ConfigProblem, ErasedIntrospect, ErasedIssuerKeys, Introspect, IssuerKeys,
    IssuerSource, KindRule,
};
use crate::keys::{Family, KeyRing, LoadedRing, RingTerms};

/// The claims that may name the client of a token, in this order.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "appid", "cid"];

/// An issuer whose access tokens are accepted beside our own, with its keys and the names of its claims.
///
/// Its keys verify its tokens and no others: the `iss` of a token chooses the issuer, and only the keys of that issuer are
/// tried (RFC 8725 §3.8). Its tokens open routes by the same attributes: scopes and roles come from the claims that
/// [`scopes`](Self::scopes) and [`roles`](Self::roles) name. Its refresh tokens are never accepted.
///
/// A subject is unique within its issuer only: compare [`token.issuer()`](crate::AccessToken::issuer) too, before you take
/// the subject for one of your own users.
///
/// ```
/// use jwt_auth::config::TrustedIssuer;
/// use jwt_auth::{Config, KeyMaterial, KeyRing};
///
/// let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// let keycloak = TrustedIssuer::new("https://login.example/realms/staff", KeyRing::jwk_set(keys))
///     .audience(["notes-api"])
///     .required_claim("typ", "Bearer")
///     .roles([["realm_access", "roles"]]);
/// let auth = Config::hs256(KeyMaterial::ephemeral()).trust(keycloak).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "an issuer is used by `Config::trust`"]
pub struct TrustedIssuer {
    keys: DescribedKeys,
    rules: IssuerRules,
    /// Each a rule, and the line to write.
    problems: Vec<(String, String)>,
}

#[derive(Clone)]
enum DescribedKeys {
    Ring(Box<KeyRing>),
    Changing(Arc<dyn ErasedIssuerKeys>),
    Introspection(Arc<dyn ErasedIntrospect>),
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// How the tokens of an issuer are checked and read.
#[derive(Clone, Debug)]
pub(crate) struct IssuerRules {
    /// Exactly as the tokens name it.
    pub(crate) issuer: String,
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) audience: Vec<String>,
    pub(crate) client_ids: Vec<String>,
    /// Claims with a fixed value, which tell an access token from an ID token.
    pub(crate) required: Vec<(String, String)>,
    /// Whether the header must say `at+jwt`, and the claims of RFC 9068 must be present.
    pub(crate) is_rfc9068: bool,
    pub(crate) names: ClaimNames,
}

impl IssuerRules {
    /// The name of the issuer that is this `iss`.
    pub(crate) fn name(&self, iss: &str) -> Option<&str> {
        if self.issuer == iss {
            return Some(&self.issuer);
        }
        self.aliases.get(iss).map(String::as_str)
    }

    /// Every name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.issuer.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// The claims that may name the client.
    pub(crate) fn client_claims() -> &'static [&'static str] {
        &CLIENT_CLAIMS
    }
}

/// A path of names from the payload to a claim.
fn path<P: Into<String>>(names: impl IntoIterator<Item = P>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}

impl TrustedIssuer {
    /// An issuer by the exact text of its `iss`, and its public keys.
    ///
    /// The text is compared byte by byte: a slash at its end matters.
    ///
    /// ```
    /// use jwt_auth::config::TrustedIssuer;
    /// use jwt_auth::KeyRing;
    ///
    /// let issuer = TrustedIssuer::new("https://login.example/", KeyRing::directory("login-keys"));
    /// # drop(issuer);
    /// ```
    pub fn new(issuer: impl Into<String>, keys: KeyRing) -> Self {
        Self::of(issuer.into(), DescribedKeys::Ring(Box::new(keys)))
    }

    /// An issuer whose keys change while the service runs.
    ///
    /// [`IssuerKeys`] has an example. The crate `jwt-auth-oidc` fetches the keys of well-known issuers.
    ///
    /// ```
    /// use jwt_auth::config::{IssuerKeySet, IssuerKeys, TrustedIssuer};
    ///
    /// /// Keys that never arrive: tokens of the issuer are refused with 503.
    /// struct Unreachable;
    ///
    /// impl IssuerKeys for Unreachable {
    ///     fn current(&self) -> Option<IssuerKeySet> { None }
    ///     async fn newer(&self) {}
    /// }
    ///
    /// let issuer = TrustedIssuer::with_keys("https://login.example", Unreachable).audience(["notes"]);
    /// # drop(issuer);
    /// ```
    pub fn with_keys(issuer: impl Into<String>, keys: impl IssuerKeys) -> Self {
        Self::of(issuer.into(), DescribedKeys::Changing(Arc::new(keys)))
    }

    fn of(issuer: String, keys: DescribedKeys) -> Self {
        let rules = IssuerRules {
            issuer,
            aliases: BTreeSet::new(),
            audience: Vec::new(),
            client_ids: Vec::new(),
            required: Vec::new(),
            is_rfc9068: false,
            names: ClaimNames {
                subject: path(["sub"]),
                kind: Some(KindRule::AllAccess),
                scopes: vec![path(["scope"]), path(["scp"])],
                roles: vec![path(["roles"])],
                ids: vec![path(["jti"]), path(["uti"])],
                ignores_audience: false,
            },
        };
        Self { keys, rules, problems: Vec::new() }
    }

    /// An issuer whose tokens are introspected (RFC 7662), because they are opaque, or because a revocation must hold at once.
    ///
    /// [`Introspect`] has an example. An opaque token names no issuer, so only one issuer may be of this kind: the token of one
    /// must not be shown to another. A JWT is shown to the issuer that it names.
    ///
    /// Refresh tokens are active, too. A response is accepted if its `token_use` is `access_token`, or its `token_type` is
    /// `Bearer` or `DPoP`; for an issuer that writes neither, name another mark by
    /// [`required_claim`](Self::required_claim). Without `sub`, the subject is the `client_id`. A response without `exp` is
    /// refused.
    ///
    /// ```
    /// use jwt_auth::config::{Introspect, TrustedIssuer};
    /// use jwt_auth::errors::BoxError;
    ///
    /// /// An issuer that never answers: its tokens are refused with 503.
    /// struct Unreachable;
    ///
    /// impl Introspect for Unreachable {
    ///     async fn introspect(&self, _: &str) -> Result<String, BoxError> { Err("no route".into()) }
    /// }
    ///
    /// let issuer = TrustedIssuer::with_introspection("https://login.example", Unreachable).audience(["notes"]);
    /// # drop(issuer);
    /// ```
    pub fn with_introspection(issuer: impl Into<String>, introspect: impl Introspect) -> Self {
        Self::of(issuer.into(), DescribedKeys::Introspection(Arc::new(introspect)))
    }

    /// Reports a mistake in the description of the issuer: [`Config::build`](crate::Config::build) fails with it. For crates
    /// that describe issuers.
    ///
    /// ```
    /// use jwt_auth::config::TrustedIssuer;
    /// use jwt_auth::{Config, KeyMaterial, KeyRing};
    ///
    /// let issuer = TrustedIssuer::new("https://login.example", KeyRing::default())
    ///     .problem("the realm has no name", "write `Issuer::keycloak(server, \"staff\")`");
    /// let error = Config::hs256(KeyMaterial::ephemeral()).trust(issuer).build().unwrap_err();
    /// assert!(error.to_string().contains("the realm has no name"));
    /// ```
    pub fn problem(mut self, rule: impl Into<String>, fix: impl Into<String>) -> Self {
        self.problems.push((rule.into(), fix.into()));
        self
    }

    #[cfg(test)]
    pub(crate) fn into_rules(self) -> IssuerRules {
        self.rules
    }

    /// Further names of the issuer: for one that writes two, or whose tenants have names of their own and share its keys.
    ///
    /// Each is compared byte by byte. [`token.issuer()`](crate::AccessToken::issuer) is the one that the token has.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let google = TrustedIssuer::new("https://accounts.google.com", KeyRing::default());
    /// let google = google.aliases(["accounts.google.com"]);
    /// # drop(google);
    /// ```
    pub fn aliases<A: Into<String>>(mut self, names: impl IntoIterator<Item = A>) -> Self {
        self.rules.aliases = names.into_iter().map(Into::into).collect();
        self
    }

    /// The audiences by which the issuer names this service. This or [`client_ids`](Self::client_ids) is required.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let issuer = TrustedIssuer::new("https://login.example", KeyRing::default());
    /// let issuer = issuer.audience(["https://api.example"]);
    /// # drop(issuer);
    /// ```
    pub fn audience<A: Into<String>>(mut self, audience: impl IntoIterator<Item = A>) -> Self {
        self.rules.audience = path(audience);
        self
    }

    /// The clients whose tokens are accepted although they name no audience.
    ///
    /// For issuers that write no audience, such as Cognito: the token names its client in `client_id`, `azp`, `appid` or
    /// `cid`. A token that names another audience is refused nevertheless. Default: none.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let issuer = TrustedIssuer::new("https://login.example", KeyRing::default());
    /// let issuer = issuer.client_ids(["the-web-app"]);
    /// # drop(issuer);
    /// ```
    pub fn client_ids<A: Into<String>>(mut self, ids: impl IntoIterator<Item = A>) -> Self {
        self.rules.client_ids = path(ids);
        self
    }

    /// A claim that must have this value. May be called several times. Default: none.
    ///
    /// Many issuers sign ID tokens with the same keys, and say only in a claim which one is an access token: `typ` is
    /// `Bearer` (Keycloak), `token_use` is `access` (Cognito). Without such a rule an ID token for this audience is accepted.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let issuer = TrustedIssuer::new("https://login.example", KeyRing::default());
    /// let issuer = issuer.required_claim("token_use", "access");
    /// # drop(issuer);
    /// ```
    pub fn required_claim(mut self, claim: impl Into<String>, value: impl Into<String>) -> Self {
        self.rules.required.push((claim.into(), value.into()));
        self
    }

    /// Requires what RFC 9068 requires: the header type `at+jwt`, and `sub`, `client_id`, `iat` and `jti`.
    ///
    /// Default: off, since most issuers follow it only on request. An ID token never passes it.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let issuer = TrustedIssuer::new("https://login.example", KeyRing::default());
    /// let issuer = issuer.rfc9068();
    /// # drop(issuer);
    /// ```
    pub fn rfc9068(mut self) -> Self {
        self.rules.is_rfc9068 = true;
        self
    }

    /// The path of names to the subject. Default: `["sub"]`.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let issuer = TrustedIssuer::new("https://login.example", KeyRing::default());
    /// let issuer = issuer.subject(["oid"]);
    /// # drop(issuer);
    /// ```
    pub fn subject<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.rules.names.subject = path(names);
        self
    }

    /// The paths to scopes: text separated by spaces, or an array of strings. Default: `["scope"]` and `["scp"]`.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let issuer = TrustedIssuer::new("https://login.example", KeyRing::default());
    /// let issuer = issuer.scopes([["permissions"]]);
    /// # drop(issuer);
    /// ```
    pub fn scopes<N: Into<String>, P: IntoIterator<Item = N>>(
        mut self,
        paths: impl IntoIterator<Item = P>,
    ) -> Self {
        self.rules.names.scopes = paths.into_iter().map(path).collect();
        self
    }

    /// The paths to roles: one role as text, an array of strings, or an object whose names are the roles. Default: `["roles"]`.
    ///
    /// A path is a list of names, because names contain dots and colons: `["resource_access", "notes.api", "roles"]`.
    ///
    /// ```
    /// # use jwt_auth::{KeyRing, config::TrustedIssuer};
    /// # let issuer = TrustedIssuer::new("https://login.example", KeyRing::default());
    /// let issuer = issuer.roles([["realm_access", "roles"].as_slice(), &["groups"]].map(<[&str]>::to_vec));
    /// # drop(issuer);
    /// ```
    pub fn roles<N: Into<String>, P: IntoIterator<Item = N>>(
        mut self,
        paths: impl IntoIterator<Item = P>,
    ) -> Self {
        self.rules.names.roles = paths.into_iter().map(path).collect();
        self
    }

    /// Checks the issuer, and loads its keys.
    fn parse(
        self,
        own_issuers: &[&str],
        earlier: &[(IssuerRules, IssuerSource)],
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<(IssuerRules, IssuerSource)> {
        let Self { keys, rules, problems: found } = self;
        let before = problems.len();
        let name = rules.issuer.escape_debug().to_string();
        let mut report = |rule: String, fix: &str| {
            problems.push(ConfigProblem::new(format!("trust ({name})"), rule, fix));
        };
        for (rule, fix) in found {
            report(rule, &fix);
        }
        if rules.names().any(|name| name.trim().is_empty()) {
            report("the issuer has no name".to_owned(), "write the `iss` of its tokens");
        }
        if rules.names().any(|name| own_issuers.contains(&name)) {
            report(
                "it is the issuer of our own tokens, and a token has the keys of one issuer"
                    .to_owned(),
                "write another `.issuer(…)` for our own tokens",
            );
        }
        if rules.names().any(|name| earlier.iter().any(|(other, _)| other.name(name).is_some())) {
            report("it is trusted twice".to_owned(), "remove one of the two");
        }
        if rules.audience.is_empty() && rules.client_ids.is_empty() {
            report(
                "it does not say for whom its tokens are, so those for every other service would be accepted".to_owned(),
                "write `.audience([\"https://api.example\"])`, or `.client_ids([…])` if the issuer writes no audience",
            );
        }
        let keys = match keys {
            DescribedKeys::Ring(keys) => keys,
            DescribedKeys::Introspection(introspect) => {
                if earlier.iter().any(|(_, source)| source.introspection().is_some()) {
                    report(
                        "opaque tokens name no issuer, and another issuer has some already"
                            .to_owned(),
                        "accept the opaque tokens of one issuer only, and configure the other to issue JWTs",
                    );
                }
                if rules.is_rfc9068 {
                    report(
                        "`rfc9068` is a profile of JWTs, and the tokens of this issuer are introspected"
                            .to_owned(),
                        "remove `.rfc9068()`",
                    );
                }
                let source = IssuerSource::Introspection(introspect);
                return (problems.len() == before).then_some((rules, source));
            }
            DescribedKeys::Changing(keys) => {
                let source = IssuerSource::Changing(keys);
                return (problems.len() == before).then_some((rules, source));
            }
        };
        for problem in &keys.problems {
            report(problem.rule.clone(), &problem.fix);
        }
        let ring = match LoadedRing::load(&keys, RingTerms::default()) {
            Ok(ring) => ring,
            // A set that could not be read has no keys, and was reported above.
            Err(_) if !keys.problems.is_empty() => return None,
            Err(found) => {
                for (_, problem) in found {
                    report(problem.rule, &problem.fix);
                }
                return None;
            }
        };
        if ring.keys().any(|key| key.can_sign() || key.algorithm.family() == Family::Hmac) {
            report(
                "whoever has its private key or its secret can issue its tokens, and that is not this service".to_owned(),
                "configure its public keys: `KeyRing::jwk_set(…)`, `Key::public_pem(…)`",
            );
        }
        (problems.len() == before).then(|| (rules, IssuerSource::Fixed(Arc::new(ring))))
    }
}

/// Checks every trusted issuer.
pub(super) fn parse_all(
    issuers: Vec<TrustedIssuer>,
    own_issuers: &[&str],
    problems: &mut Vec<ConfigProblem>,
) -> Vec<(IssuerRules, IssuerSource)> {
    let mut parsed = Vec::new();
    for issuer in issuers {
        parsed.extend(issuer.parse(own_issuers, &parsed, problems));
    }
    parsed
}

/// # Other issuers
impl Config {
    /// Accepts the access tokens of another issuer, beside our own. May be called several times.
    ///
    /// Default: none. See [`TrustedIssuer`]. A service that issues no tokens needs no key of its own:
    /// `Config::with_keys(KeyRing::default())`.
    ///
    /// ```
    /// use jwt_auth::config::TrustedIssuer;
    /// use jwt_auth::{Config, KeyMaterial, KeyRing};
    ///
    /// let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let issuer = || TrustedIssuer::new("https://login.example", KeyRing::jwk_set(set));
    /// let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().trust(issuer().audience(["notes"])).build().is_ok());
    /// assert!(config().trust(issuer()).build().is_err(), "tokens for other services would be accepted");
    /// ```
    pub fn trust(mut self, issuer: impl Into<TrustedIssuer>) -> Self {
        self.trusted.push(issuer.into());
        self
    }
}
