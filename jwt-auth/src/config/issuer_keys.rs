//! The keys of a trusted issuer that change while the service runs.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::config::{ConfigError, ConfigProblem, ErasedIntrospect};
use crate::keys::{
    Algorithm, Key, KeyProblem, KeyRing, LoadedRing, RingTerms, next_version, published_keys,
};

/// The public keys of an issuer at a time: its JWK set (RFC 7517 §5), parsed.
///
/// ```
/// use jwt_auth::Algorithm;
/// use jwt_auth::config::IssuerKeySet;
///
/// let set = r#"{"keys":[
///     {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///     {"kty":"RSA","use":"enc","kid":"b"}
/// ]}"#;
/// assert_eq!(IssuerKeySet::parse(set, Algorithm::RS256)?.len(), 1, "the second one is for encryption");
/// assert!(IssuerKeySet::parse("{}", Algorithm::RS256).is_err());
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct IssuerKeySet(Arc<Rings>);

struct Rings {
    /// A number that no other set and no ring of this process has.
    version: u64,
    /// The keys that are not bound to one issuer.
    shared: Arc<LoadedRing>,
    /// By the name of an issuer that has keys of its own: those, and the shared ones.
    of_issuer: HashMap<String, Arc<LoadedRing>>,
}

/// Loads the keys. One that conflicts with one before it, such as the same one under another id, does not spoil the set.
fn load_ring(ring: &KeyRing) -> Result<Arc<LoadedRing>, Vec<KeyProblem>> {
    let load = |ring: &KeyRing| LoadedRing::load(ring, RingTerms::default());
    let loaded = load(ring).or_else(|found| {
        let others: Vec<_> = found.iter().map(|(position, _)| *position).collect();
        load(&ring.without(&others))
    });
    loaded.map(Arc::new).map_err(|found| found.into_iter().map(|(_, problem)| problem).collect())
}

impl IssuerKeySet {
    /// Parses a JWK set. Keys that are not for signatures, weak or damaged ones, and a second key of one `kid` are left out. A
    /// key with a member `issuer` verifies the tokens of that issuer only, unless it is a template such as
    /// `https://login.microsoftonline.com/{tenantid}/v2.0`.
    ///
    /// `algorithm` is that of RSA keys which name none.
    ///
    /// # Errors
    ///
    /// If the text is no JWK set, contains a shared secret, or has no usable key or more than 100.
    ///
    /// ```
    /// # use jwt_auth::{Algorithm, config::IssuerKeySet};
    /// let secret = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"aGlkZGVuIGV4YW1wbGUgd2l0aCAzMiBieXRlcyBvZiBpdA"}]}"#;
    /// assert!(IssuerKeySet::parse(secret, Algorithm::RS256).is_err());
    /// ```
    pub fn parse(jwk_set: &str, algorithm: Algorithm) -> Result<Self, ConfigError> {
        let problem = |p: KeyProblem| ConfigProblem::new("jwk_set", p.rule, p.fix);
        let published = published_keys(jwk_set, algorithm)
            .map_err(|found| ConfigError::new(vec![problem(found)]))?;
        let load = |of_issuer: &[Key]| {
            let keys = published.shared.iter().chain(of_issuer).cloned().collect();
            load_ring(&KeyRing::of_issuer(keys))
                .map_err(|found| ConfigError::new(found.into_iter().map(problem).collect()))
        };
        let shared = load(&[])?;
        let mut of_issuer = HashMap::new();
        for (issuer, keys) in &published.of_issuer {
            of_issuer.insert(issuer.clone(), load(keys)?);
        }
        Ok(Self(Arc::new(Rings { version: next_version(), shared, of_issuer })))
    }

    /// A number that no other set of this process has.
    ///
    /// ```
    /// # use jwt_auth::{Algorithm, config::IssuerKeySet};
    /// # let text = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let set = IssuerKeySet::parse(text, Algorithm::RS256)?;
    /// assert_eq!(set.version(), set.clone().version());
    /// assert_ne!(set.version(), IssuerKeySet::parse(text, Algorithm::RS256)?.version());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn version(&self) -> u64 {
        self.0.version
    }

    fn ring(&self, iss: &str) -> Arc<LoadedRing> {
        let rings = &self.0;
        Arc::clone(rings.of_issuer.get(iss).unwrap_or(&rings.shared))
    }

    /// How many keys it has.
    ///
    /// ```
    /// # use jwt_auth::{Algorithm, config::IssuerKeySet};
    /// let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// assert_eq!(IssuerKeySet::parse(set, Algorithm::RS256)?.len(), 1);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    #[allow(clippy::len_without_is_empty, reason = "a set without keys is an error")]
    pub fn len(&self) -> usize {
        let shared = self.0.shared.keys().count();
        let own = self.0.of_issuer.values().map(|ring| ring.keys().count() - shared);
        shared + own.sum::<usize>()
    }
}

impl fmt::Debug for IssuerKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssuerKeySet").field(&self.len()).finish()
    }
}

/// Where the keys of an issuer come from while the service runs. The crate `jwt-auth-oidc` implements it over HTTP.
///
/// ```
/// use jwt_auth::config::{IssuerKeySet, IssuerKeys, TrustedIssuer};
/// use std::sync::{Arc, RwLock};
///
/// /// A set that another part of the program replaces.
/// #[derive(Clone)]
/// struct Replaceable(Arc<RwLock<Option<IssuerKeySet>>>);
///
/// impl IssuerKeys for Replaceable {
///     fn current(&self) -> Option<IssuerKeySet> {
///         self.0.read().ok()?.clone()
///     }
///
///     async fn newer(&self) {}
/// }
///
/// # let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// let keys = Replaceable(Arc::new(RwLock::new(Some(IssuerKeySet::parse(set, jwt_auth::Algorithm::RS256)?))));
/// let issuer = TrustedIssuer::with_keys("https://login.example", keys).audience(["notes"]);
/// # drop(issuer);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub trait IssuerKeys: Send + Sync + 'static {
    /// The keys now, without waiting. `None` while there are none, or if they are too old to be trusted: tokens of the
    /// issuer are then refused with 503.
    fn current(&self) -> Option<IssuerKeySet>;

    /// The version of the keys now. Each request with a cached token reads it, so it should be faster than
    /// [`current`](Self::current), which it calls by default.
    fn version(&self) -> Option<u64> {
        self.current().map(|set| set.version())
    }

    /// Waits for newer keys, for a short time, because a token names a key that the current set lacks, or because there is no
    /// set. Afterwards the token is checked once more with [`current`](Self::current).
    ///
    /// Anyone can send tokens of unknown keys: it must limit how often it fetches, and return at once when it may not.
    fn newer(&self) -> impl Future<Output = ()> + Send;
}

/// [`IssuerKeys`] with a boxed future.
pub(crate) trait ErasedIssuerKeys: Send + Sync {
    fn current(&self) -> Option<IssuerKeySet>;
    fn version(&self) -> Option<u64>;
    fn newer(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<K: IssuerKeys> ErasedIssuerKeys for K {
    fn current(&self) -> Option<IssuerKeySet> {
        IssuerKeys::current(self)
    }

    fn version(&self) -> Option<u64> {
        IssuerKeys::version(self)
    }

    fn newer(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(IssuerKeys::newer(self))
    }
}

/// The keys of a trusted issuer.
#[derive(Clone)]
pub(crate) enum IssuerSource {
    Fixed(Arc<LoadedRing>),
    Changing(Arc<dyn ErasedIssuerKeys>),
    /// It has no keys for us: each token is introspected.
    Introspection(Arc<dyn ErasedIntrospect>),
}

impl IssuerSource {
    pub(crate) fn introspection(&self) -> Option<&dyn ErasedIntrospect> {
        match self {
            Self::Introspection(introspect) => Some(&**introspect),
            Self::Fixed(_) | Self::Changing(_) => None,
        }
    }

    /// The keys now for tokens with this `iss`, and their version; `None` while there are none.
    pub(crate) fn ring(&self, iss: &str) -> Option<(Arc<LoadedRing>, u64)> {
        match self {
            Self::Fixed(ring) => Some((Arc::clone(ring), ring.version())),
            Self::Changing(keys) => keys.current().map(|set| (set.ring(iss), set.version())),
            Self::Introspection(_) => None,
        }
    }

    /// The version of the keys now.
    pub(crate) fn version(&self) -> Option<u64> {
        match self {
            Self::Fixed(ring) => Some(ring.version()),
            Self::Changing(keys) => keys.version(),
            Self::Introspection(_) => None,
        }
    }

    /// What a developer's page says of it.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::Fixed(_) => "has keys, from the configuration",
            Self::Changing(keys) if keys.version().is_some() => "has keys, fetched",
            Self::Changing(_) => "has no usable keys: its tokens are refused with 503",
            Self::Introspection(_) => "introspects each token",
        }
    }

    /// Waits for newer keys. Returns whether there may be some.
    pub(crate) async fn newer(&self) -> bool {
        match self {
            Self::Fixed(_) | Self::Introspection(_) => false,
            Self::Changing(keys) => {
                keys.newer().await;
                true
            }
        }
    }
}

impl fmt::Debug for IssuerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ring) => ring.fmt(f),
            Self::Changing(_) => f.write_str("changing keys"),
            Self::Introspection(_) => f.write_str("introspection"),
        }
    }
}
