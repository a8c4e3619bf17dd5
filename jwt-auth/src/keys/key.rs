//! A key as the application describes it: its material, its algorithm and its id.

use std::time::{Duration, SystemTime};

use crate::clock::since_1970;
use crate::keys::{Algorithm, KeyMaterial, RemoteSigner, Signer};

/// A key for one algorithm, before it is loaded.
///
/// [`Config::build`](crate::Config::build) loads the key and reports every problem with it.
///
/// ```
/// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
///
/// # if false {
/// let now = Key::secret(Algorithm::HS256, KeyMaterial::file("2026.key")).id("2026");
/// let before = Key::secret(Algorithm::HS256, KeyMaterial::file("2025.key")).id("2025");
/// let auth = Config::with_keys(KeyRing::new(now).also_verify(before)).build()?;
/// # drop(auth);
/// # }
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a key is used once it is in a `KeyRing`"]
pub struct Key {
    pub(crate) source: Source,
    pub(crate) id: Option<String>,
    /// Whether the id is the RFC 7638 thumbprint of the key.
    pub(crate) thumbprint_id: bool,
    /// Whether a key with an id also verifies tokens without `kid`.
    pub(crate) also_without_id: bool,
    /// When it begins to sign, since 1970.
    pub(crate) signs_from: Option<Duration>,
    /// Whether the directory or the store that it comes from says that it is revoked.
    pub(crate) is_revoked: bool,
    /// What signs with the private half, for a key whose private half is not here.
    pub(crate) remote: Option<RemoteSigner>,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Secret(Algorithm, KeyMaterial),
    Pem {
        algorithm: Algorithm,
        private: Option<KeyMaterial>,
        public: Option<KeyMaterial>,
    },
    Jwk(KeyMaterial),
    /// PKCS#8, `SubjectPublicKeyInfo` or a certificate, in DER; without an algorithm, the usual one of the key.
    Der(Option<Algorithm>, KeyMaterial),
    /// A certificate, in PEM or DER.
    Certificate(Option<Algorithm>, KeyMaterial),
    /// A secret, a PEM or a JWK. The algorithm is the given one if the key fits it.
    Detect(Algorithm, KeyMaterial),
}

impl Key {
    fn new(source: Source) -> Self {
        Self {
            source,
            id: None,
            thumbprint_id: false,
            also_without_id: false,
            signs_from: None,
            is_revoked: false,
            remote: None,
        }
    }

    /// A shared secret for HMAC.
    ///
    /// At least 32 bytes for HS256, 48 for HS384, 64 for HS512: the length of the hash (RFC 7518 §3.2).
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let ring = |secret: KeyMaterial| KeyRing::new(Key::secret(Algorithm::HS256, secret));
    /// assert!(Config::with_keys(ring(KeyMaterial::ephemeral())).build().is_ok());
    /// assert!(Config::with_keys(ring("too short".into())).build().is_err());
    /// ```
    pub fn secret(algorithm: Algorithm, secret: impl Into<KeyMaterial>) -> Self {
        Self::new(Source::Secret(algorithm, secret.into()))
    }

    /// A private key in PEM. It signs, and its public half verifies.
    ///
    /// ```no_run
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let key = Key::private_pem(Algorithm::ES256, KeyMaterial::file("private.pem"));
    /// let auth = Config::with_keys(KeyRing::new(key)).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn private_pem(algorithm: Algorithm, private: impl Into<KeyMaterial>) -> Self {
        Self::new(Source::Pem { algorithm, private: Some(private.into()), public: None })
    }

    /// A public key in PEM. It verifies tokens and cannot issue any.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyRing};
    ///
    /// let pem = "-----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEALLXm3iXBb5ftNuAPVaO8qzgcF7zUl4WH6U4E2a+kg4M=
    /// -----END PUBLIC KEY-----"; // or `KeyMaterial::file("public.pem")`
    /// let auth = Config::with_keys(KeyRing::new(Key::public_pem(Algorithm::EdDSA, pem))).build()?;
    /// assert!(auth.access_token("alice").issue().is_err(), "this service only verifies");
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn public_pem(algorithm: Algorithm, public: impl Into<KeyMaterial>) -> Self {
        Self::new(Source::Pem { algorithm, private: None, public: Some(public.into()) })
    }

    /// A key pair in PEM. The two halves must belong together.
    ///
    /// ```no_run
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let (private, public) = (KeyMaterial::file("private.pem"), KeyMaterial::file("public.pem"));
    /// let auth = Config::with_keys(KeyRing::new(Key::pem_pair(Algorithm::EdDSA, private, public))).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn pem_pair(
        algorithm: Algorithm,
        private: impl Into<KeyMaterial>,
        public: impl Into<KeyMaterial>,
    ) -> Self {
        let (private, public) = (Some(private.into()), Some(public.into()));
        Self::new(Source::Pem { algorithm, private, public })
    }

    /// A JSON Web Key (RFC 7517): a public key, or a secret (`oct`).
    ///
    /// `alg`, `use`, `key_ops` and `kid` are honoured. `alg` is required where `kty` and `crv` do not determine
    /// it.
    ///
    /// ```
    /// use jwt_auth::{Config, Key, KeyRing};
    ///
    /// let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// assert!(Config::with_keys(KeyRing::new(Key::jwk(jwk))).build().is_ok());
    /// ```
    pub fn jwk(json: impl Into<KeyMaterial>) -> Self {
        Self::new(Source::Jwk(json.into()))
    }

    pub(super) fn detect_der(material: KeyMaterial) -> Self {
        Self::new(Source::Der(None, material))
    }

    pub(super) fn detect_certificate(material: KeyMaterial) -> Self {
        Self::new(Source::Certificate(None, material))
    }

    /// A key whose kind is only known from its material.
    pub(crate) fn detect(preferred: Algorithm, material: KeyMaterial) -> Self {
        Self::new(Source::Detect(preferred, material))
    }

    /// Sets the key's id, which is the `kid` of the tokens that it signs.
    ///
    /// Default: none. The `kid` of a token selects the key with that id (RFC 7515 §4.1.4). Ids in a ring are
    /// unique.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let key = Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).id("2026-01");
    /// let auth = Config::with_keys(KeyRing::new(key)).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.header["kid"], "2026-01");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self.thumbprint_id = false;
        self
    }

    /// Uses the key's thumbprint (RFC 7638, SHA-256) as its id.
    ///
    /// Every holder of the key computes the same id, so services need not agree on one. `build` refuses it for a
    /// shared secret, because its hash would let others guess the secret.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// let public = Key::jwk(jwk).thumbprint_id(); // kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
    /// assert!(Config::with_keys(KeyRing::new(public)).build().is_ok());
    /// let secret = Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).thumbprint_id();
    /// assert!(Config::with_keys(KeyRing::new(secret)).build().is_err());
    /// ```
    pub fn thumbprint_id(mut self) -> Self {
        self.thumbprint_id = true;
        self
    }

    /// Lets a key with an id verify tokens without `kid` too.
    ///
    /// For a key that signed tokens before it had an id. Without it, those tokens are refused as soon as the ring has a
    /// second key of the algorithm. Default: off. A key without an id needs no such call: it verifies tokens without `kid`, and
    /// tokens whose `kid` no key has.
    ///
    /// ```
    /// use jwt_auth::{Config, Key, KeyMaterial, KeyRing};
    /// # use jwt_auth::Algorithm::HS256;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    ///
    /// # let (old_secret, new_secret) = (KeyMaterial::raw(*b"the secret that signed last year"), KeyMaterial::ephemeral());
    /// let before = Config::hs256(old_secret.clone()).build()?;
    /// let token = before.access_token("alice").issue()?; // without `kid`
    ///
    /// let old = Key::secret(HS256, old_secret).id("2025").also_without_id();
    /// let ring = KeyRing::new(Key::secret(HS256, new_secret).id("2026")).also_verify(old);
    /// assert!(Config::with_keys(ring).build()?.verify_access(&token).await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn also_without_id(mut self) -> Self {
        self.also_without_id = true;
        self
    }

    /// Sets the time from which the key signs.
    ///
    /// Default: none; then the first key of the ring signs. The key is published and verifies before that time, so that
    /// every service knows it when it signs. It signs until the key with the next later time begins, and then verifies for
    /// [`KeyRing::retired_for`](crate::KeyRing::retired_for). Each process derives that from its clock, so no process has
    /// to be told.
    ///
    /// ```
    /// use jwt_auth::keys::KeyState;
    /// use jwt_auth::{Algorithm, Clock as _, Config, Key, KeyMaterial, KeyRing, ManualClock};
    /// use std::time::Duration;
    ///
    /// # let (old_secret, new_secret) = (KeyMaterial::raw(*b"the secret that signed last year"), KeyMaterial::ephemeral());
    /// let clock = ManualClock::at(1_700_000_000);
    /// let tomorrow = clock.now() + Duration::from_secs(86_400);
    /// let next = Key::secret(Algorithm::HS256, new_secret).id("b").signs_from(tomorrow);
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, old_secret).id("a")).also_verify(next);
    /// let auth = Config::with_keys(ring).clock(clock.clone()).build()?;
    ///
    /// let states = || auth.keys().list().iter().map(|key| key.state()).collect::<Vec<_>>();
    /// assert_eq!(states(), [KeyState::Signing, KeyState::Pending]);
    /// clock.set(tomorrow);
    /// assert_eq!(states(), [KeyState::Retired, KeyState::Signing]);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn signs_from(mut self, time: SystemTime) -> Self {
        self.signs_from = Some(since_1970(time));
        self
    }

    /// Signs with a service that holds the private half, such as a KMS or an HSM.
    ///
    /// The key itself is the public half. [`Config::start`](crate::Config::start) lets the service sign once and verifies
    /// that signature. Tokens are then issued by `.await`, or by
    /// [`issue_remote`](crate::token::TokenBuilder::issue_remote).
    ///
    /// ```no_run
    /// use jwt_auth::keys::{Signature, SignError, Signer};
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// struct Kms;
    ///
    /// impl Signer for Kms {
    ///     async fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
    ///         # let _ = message;
    ///         Err(SignError::new("call the service here"))
    ///     }
    /// }
    ///
    /// # async fn start() -> Result<(), jwt_auth::ConfigError> {
    /// let key = Key::public_pem(Algorithm::ES256, KeyMaterial::file("kms.pub.pem")).id("kms-1").signed_by(Kms);
    /// let auth = Config::with_keys(KeyRing::new(key)).start().await?;
    /// # drop(auth);
    /// # Ok(())
    /// # }
    /// ```
    pub fn signed_by(mut self, signer: impl Signer) -> Self {
        self.remote = Some(RemoteSigner::new(signer));
        self
    }

    /// A key in DER: a private key in PKCS#8, a public key (`SubjectPublicKeyInfo`) or a certificate.
    ///
    /// The bytes say which one it is. For a certificate its key is used; its dates and its issuer are not checked.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let der = KeyMaterial::base64("MCowBQYDK2VwAyEALLXm3iXBb5ftNuAPVaO8qzgcF7zUl4WH6U4E2a+kg4M=");
    /// assert!(Config::with_keys(KeyRing::new(Key::der(Algorithm::EdDSA, der.clone()))).build().is_ok());
    /// assert!(Config::with_keys(KeyRing::new(Key::der(Algorithm::RS256, der))).build().is_err());
    /// ```
    pub fn der(algorithm: Algorithm, bytes: impl Into<KeyMaterial>) -> Self {
        Self::new(Source::Der(Some(algorithm), bytes.into()))
    }

    /// A certificate (X.509) in PEM or DER, whose public key verifies. Of a chain, the first one counts.
    ///
    /// Its dates and its issuer are not checked: the key is trusted because it is configured.
    ///
    /// ```no_run
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let key = Key::certificate(Algorithm::RS256, KeyMaterial::file("issuer.crt")).id("issuer");
    /// let auth = Config::with_keys(KeyRing::new(key)).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn certificate(algorithm: Algorithm, certificate: impl Into<KeyMaterial>) -> Self {
        Self::new(Source::Certificate(Some(algorithm), certificate.into()))
    }
}
