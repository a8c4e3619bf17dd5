//! The one table of algorithms (RFC 7518 §3.1, RFC 8037): name, family, sizes.

use std::fmt;
use std::str::FromStr;

use crate::error::UnknownName;

/// A signature algorithm. `none` is not one of them, in any build.
///
/// ```
/// use jwt_auth::Algorithm;
/// assert_eq!(Algorithm::ES256.name(), "ES256");
/// assert_eq!("EdDSA".parse(), Ok(Algorithm::EdDSA));
/// assert!("none".parse::<Algorithm>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256; a secret of at least 32 bytes.
    HS256,
    /// HMAC with SHA-384; a secret of at least 48 bytes.
    HS384,
    /// HMAC with SHA-512; a secret of at least 64 bytes.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256; a modulus of at least 2048 bits.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512. Only with the feature `aws_lc_rs`: jsonwebtoken does not have it.
    ES512,
    /// Ed25519.
    EdDSA,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Hmac,
    Rsa,
    Ec,
    Ed,
}

struct Row {
    algorithm: Algorithm,
    name: &'static str,
    family: Family,
    /// Bytes of hash output for HMAC, of one coordinate for EC, of the key for Ed25519.
    size: usize,
}

macro_rules! table {
    ($($algorithm:ident $family:ident $size:literal),* $(,)?) => {
        const TABLE: &[Row] = &[$(Row {
            algorithm: Algorithm::$algorithm,
            name: stringify!($algorithm),
            family: Family::$family,
            size: $size,
        }),*];
    };
}

table! {
    HS256 Hmac 32, HS384 Hmac 48, HS512 Hmac 64,
    RS256 Rsa 0, RS384 Rsa 0, RS512 Rsa 0,
    PS256 Rsa 0, PS384 Rsa 0, PS512 Rsa 0,
    ES256 Ec 32, ES384 Ec 48, ES512 Ec 66,
    EdDSA Ed 32,
}

impl Algorithm {
    fn row(self) -> &'static Row {
        // The table is in the order of the enum; a test checks it.
        &TABLE[self as usize]
    }

    /// The name, as in the header parameter `alg` (RFC 7518 §3.1).
    ///
    /// ```
    /// assert_eq!(jwt_auth::Algorithm::PS256.name(), "PS256");
    /// ```
    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn family(self) -> Family {
        self.row().family
    }

    pub(crate) fn size(self) -> usize {
        self.row().size
    }

    /// The length of a signature in bytes; `None` for RSA, where the key decides it.
    pub(crate) fn signature_len(self) -> Option<usize> {
        match self.family() {
            Family::Hmac => Some(self.size()),
            Family::Ec | Family::Ed => Some(2 * self.size()),
            Family::Rsa => None,
        }
    }

    /// The algorithm of that name; `EdDSA` has a second one, `Ed25519` (RFC 9864 §2.2). Returns no error, because building
    /// one for each unknown name in a token would be slow.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDSA);
        }
        TABLE.iter().find(|row| row.name == name).map(|row| row.algorithm)
    }

    /// Every algorithm with a key pair.
    pub(crate) fn of_key_pairs() -> impl Iterator<Item = Self> {
        TABLE.iter().filter(|row| row.family != Family::Hmac).map(|row| row.algorithm)
    }

    /// Every name, for messages.
    pub(crate) fn names() -> String {
        TABLE.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::from_name(name)
            .ok_or_else(|| UnknownName::new("algorithm", name, TABLE.iter().map(|row| row.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDSA), "r20");
        for row in TABLE {
            assert_eq!(row.algorithm.row().algorithm, row.algorithm);
            assert_eq!(row.name.parse(), Ok(row.algorithm));
        }
    }

    #[test]
    fn r6_alg_none_exists_in_no_build() {
        for name in ["none", "None", "NONE", "nOnE", "", "HS256 ", "hs256", "ES521", "RS1", "HS1"] {
            assert!(name.parse::<Algorithm>().is_err(), "{name:?}");
        }
    }
}
