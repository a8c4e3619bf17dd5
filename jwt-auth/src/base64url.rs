//! base64url without padding (RFC 7515 §2), with the widest SIMD instructions of the machine.

use std::sync::LazyLock;

use base64::Engine as _;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::url_safe(base64::engine::general_purpose::NO_PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static ENGINE: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::general_purpose::URL_SAFE_NO_PAD);

/// The text is not base64url, or not the canonical encoding of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotCanonical;

/// Decodes into a buffer that is reused. Refuses padding, other alphabets and unused bits (RFC 4648 §3.5).
pub(crate) fn decode<'b>(text: &str, into: &'b mut Vec<u8>) -> Result<&'b [u8], NotCanonical> {
    // The decoder needs space for whole quanta, and returns how many bytes it wrote.
    let needed = text.len().div_ceil(4) * 3;
    if into.len() < needed {
        into.resize(needed, 0);
    }
    let len = ENGINE.decode_slice(text, into).map_err(|_| NotCanonical)?;
    into.get(..len).ok_or(NotCanonical)
}

/// Encodes the bytes, and appends them to the string.
pub(crate) fn encode(bytes: &[u8], onto: &mut String) {
    ENGINE.encode_string(bytes, onto);
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    fn decode_to_vec(text: &str) -> Option<Vec<u8>> {
        decode(text, &mut vec![0xff; 7]).ok().map(<[u8]>::to_vec)
    }

    #[test]
    fn r1_only_the_canonical_text_is_decoded() {
        assert_eq!(decode_to_vec("AQI"), Some(vec![1, 2]));
        assert_eq!(decode_to_vec(""), Some(vec![]));
        for bad in ["AQI=", "AQJ", "AQ==", "AR", "A", "AQI ", "AQ\nI", "A+8", "A/8", "AQI.", "äQI"]
        {
            assert_eq!(decode_to_vec(bad), None, "{bad:?}");
        }
    }

    proptest! {
        /// Compares with the engine without SIMD, also on texts that are long enough for the widest instructions.
        #[test]
        fn exactly_the_canonical_texts_are_decoded(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            change in prop::option::of((any::<prop::sample::Index>(), any::<char>())),
            cut in 0_usize..3,
        ) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(&text, &URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_eq!(decode_to_vec(&text), Some(bytes));
            if let Some((at, to)) = change.filter(|_| !text.is_empty()) {
                let at = at.index(text.len());
                text.replace_range(at..=at, to.encode_utf8(&mut [0; 4]));
            }
            text.truncate(text.floor_char_boundary(text.len().saturating_sub(cut)));
            let simd = decode_to_vec(&text);
            prop_assert_eq!(&simd, &URL_SAFE_NO_PAD.decode(&text).ok());
            if let Some(bytes) = simd {
                prop_assert_eq!(URL_SAFE_NO_PAD.encode(bytes), text);
            }
        }
    }
}
