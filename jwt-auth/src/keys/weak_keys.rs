//! Keys that let anyone forge signatures: published and uniform secrets, points of small order, and the RSA keys of one
//! generator (ROCA).

/// Secrets that public documentation prints: that of this crate once did, and those of jwt.io and `FastAPI` do.
const PUBLISHED: [&str; 8] = [
    "an example secret of 32 bytes ...",
    "your-256-bit-secret",
    "your-384-bit-secret",
    "your-512-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
];

/// Whether public documentation prints the secret.
pub(super) fn is_published(secret: &[u8]) -> bool {
    PUBLISHED.iter().any(|known| known.as_bytes() == secret)
}

/// Whether all bytes of the secret are equal, as in a buffer that was never filled.
pub(super) fn is_uniform(secret: &[u8]) -> bool {
    secret.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether the Ed25519 point is one of the few for which anyone can create signatures: the encodings of 0, 1, p-1, p
/// and p+1, and the two of order 8, each with either sign bit. RFC 8032 §5.1.7 checks S, but not the key.
pub(super) fn is_of_small_order(point: &[u8]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let Ok(mut point) = <[u8; 32]>::try_from(point) else { return true };
    point[31] &= 0x7f;
    let (first, rest) = (point[0], &point[1..31]);
    let small = first <= 1 && rest.iter().all(|byte| *byte == 0) && point[31] == 0;
    let near_p = (0xec..=0xee).contains(&first)
        && rest.iter().all(|byte| *byte == 0xff)
        && point[31] == 0x7f;
    small || near_p || ORDER_8.contains(&point)
}

/// Whether the modulus has the pattern of CVE-2017-15361 and can be factored: both of its primes, and so their
/// product, are powers of 65537 modulo each of the first primes. Any other modulus has the pattern with
/// probability 2^-27.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        (0..*prime).any(|_| {
            power = power * (65_537 % prime) % prime;
            power == rest
        })
    })
}
