//! Signing by a service that holds the private key, such as a KMS.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::keys::{Algorithm, Family};

/// The error of a [`Signer`]. The caller gets 503, and the reason is logged.
///
/// ```
/// use jwt_auth::keys::SignError;
///
/// let error = SignError::new("the KMS answered 429");
/// assert_eq!(error.to_string(), "the signer failed: the KMS answered 429");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("the signer failed: {0}")]
pub struct SignError(String);

impl SignError {
    /// An error with its reason.
    ///
    /// ```
    /// # use jwt_auth::keys::SignError;
    /// let error = SignError::new(std::io::Error::other("connection refused"));
    /// assert!(error.to_string().contains("connection refused"));
    /// ```
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

/// A signature, as a [`Signer`] returns it.
///
/// ```
/// use jwt_auth::keys::Signature;
///
/// let signature = Signature::raw([7; 64]); // Ed25519, RSA, or R‖S for ECDSA
/// assert_eq!(format!("{signature:?}"), "Signature(64 bytes)");
/// ```
#[derive(Clone)]
pub struct Signature {
    bytes: Vec<u8>,
    is_der: bool,
}

impl Signature {
    /// The bytes as a token carries them: R‖S for ECDSA (RFC 7518 §3.4), the bytes of the service for RSA and Ed25519.
    ///
    /// ```
    /// # use jwt_auth::keys::Signature;
    /// let signature = Signature::raw(vec![0; 256]);
    /// # drop(signature);
    /// ```
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), is_der: false }
    }

    /// An ECDSA signature in DER, as AWS KMS and Google Cloud KMS return it. It is converted to R‖S.
    ///
    /// ```
    /// # use jwt_auth::keys::Signature;
    /// let signature = Signature::der([0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]);
    /// # drop(signature);
    /// ```
    pub fn der(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), is_der: true }
    }

    /// The bytes as a token carries them; `None` if they are no signature of the algorithm.
    fn into_jws(self, algorithm: Algorithm) -> Option<Vec<u8>> {
        if !self.is_der {
            return Some(self.bytes);
        }
        if algorithm.family() != Family::Ec {
            return None;
        }
        let blocks = simple_asn1::from_der(&self.bytes).ok()?;
        let [simple_asn1::ASN1Block::Sequence(_, parts)] = blocks.as_slice() else { return None };
        let [r, s] = parts.as_slice() else { return None };
        let mut out = Vec::with_capacity(2 * algorithm.size());
        for number in [r, s] {
            let simple_asn1::ASN1Block::Integer(_, number) = number else { return None };
            let (sign, digits) = number.to_bytes_be();
            let room = algorithm.size().checked_sub(digits.len())?;
            if sign == simple_asn1::BigInt::from(-1).sign() {
                return None;
            }
            out.resize(out.len() + room, 0);
            out.extend(digits);
        }
        Some(out)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.bytes.len())
    }
}

/// Signs with a private key that is elsewhere.
///
/// It gets the bytes to sign, `header.payload`, and not their hash: choose the operation of the service that hashes
/// (`MessageType=RAW` of AWS KMS). It has [`Config::hook_deadline`](crate::Config::hook_deadline) (5 s); a signer that fails
/// or is late makes the call 503, and so does one whose signature does not verify.
///
/// ```
/// use jwt_auth::keys::{Signature, SignError, Signer};
///
/// /// A process beside this one, which holds the key.
/// struct SigningProcess {
///     address: std::net::SocketAddr,
/// }
///
/// impl Signer for SigningProcess {
///     async fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
///         use std::io::{Read, Write};
///         let (address, message) = (self.address, message.to_vec());
///         let exchange = move || -> std::io::Result<Vec<u8>> {
///             let mut stream = std::net::TcpStream::connect(address)?;
///             stream.write_all(&message)?;
///             stream.shutdown(std::net::Shutdown::Write)?;
///             let mut signature = Vec::new();
///             stream.read_to_end(&mut signature)?;
///             Ok(signature)
///         };
///         let answer = tokio::task::spawn_blocking(exchange).await.map_err(SignError::new)?;
///         answer.map(Signature::der).map_err(SignError::new)
///     }
/// }
/// ```
pub trait Signer: Send + Sync + 'static {
    /// Signs the message.
    ///
    /// # Errors
    ///
    /// When the service does not sign.
    fn sign(&self, message: &[u8]) -> impl Future<Output = Result<Signature, SignError>> + Send;
}

impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn sign(&self, message: &[u8]) -> impl Future<Output = Result<Signature, SignError>> + Send {
        (**self).sign(message)
    }
}

type SignFuture<'a> = Pin<Box<dyn Future<Output = Result<Signature, SignError>> + Send + 'a>>;

/// [`Signer`] with a boxed future, so that a key can hold any signer.
trait ErasedSigner: Send + Sync {
    fn sign<'a>(&'a self, message: &'a [u8]) -> SignFuture<'a>;
}

impl<S: Signer> ErasedSigner for S {
    fn sign<'a>(&'a self, message: &'a [u8]) -> SignFuture<'a> {
        Box::pin(Signer::sign(self, message))
    }
}

/// A signer of any type.
#[derive(Clone)]
pub(crate) struct RemoteSigner(Arc<dyn ErasedSigner>);

impl RemoteSigner {
    pub(super) fn new(signer: impl Signer) -> Self {
        Self(Arc::new(signer))
    }

    /// The signature of the message, as a token carries it.
    pub(super) async fn sign(
        &self,
        message: &[u8],
        algorithm: Algorithm,
        deadline: Duration,
    ) -> Result<Vec<u8>, SignError> {
        let answer = tokio::time::timeout(deadline, self.0.sign(message)).await;
        let late = |_| SignError::new(format!("no answer within {} ms", deadline.as_millis()));
        let signature = answer.map_err(late)??;
        let unusable = || SignError::new(format!("its answer is no signature of {algorithm}"));
        signature.into_jws(algorithm).ok_or_else(unusable)
    }
}

impl fmt::Debug for RemoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteSigner")
    }
}
