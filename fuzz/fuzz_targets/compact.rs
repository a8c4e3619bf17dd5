//! The text of a token: its form is refused exactly if an independent parser refuses it, whatever the signature.
#![no_main]

use std::sync::LazyLock;

use fuzz::json::Reading;
use fuzz::token::{SECRET, config, read_signed, run_ready, segments, sign};
use jwt_auth::{AuthErrorKind, JwtAuth};
use libfuzzer_sys::fuzz_target;

static AUTH: LazyLock<JwtAuth> = LazyLock::new(|| config().build().expect("a valid configuration"));

fuzz_target!(|text: &str| {
    check(text);
    // The same text with a valid signature, so that only its form can be wrong.
    if let Some((message, _)) = text.rsplit_once('.') {
        check(&sign(&SECRET, message));
    }
});

fn check(token: &str) {
    let verdict = run_ready(AUTH.verify_access(token)).map_err(|error| error.kind());
    match read_signed(token) {
        Reading::Unsure => {}
        Reading::Good(Err(kind)) => assert_eq!(verdict.expect_err(token), kind, "{token}"),
        Reading::Good(Ok((_, payload))) => match verdict {
            Ok(verified) => assert_eq!(verified.encoded().expose(), token),
            // The form of signed claims is wrong only if they are not UTF-8.
            Err(kind) => {
                let malformed = std::str::from_utf8(&payload).is_err();
                assert_eq!(kind == AuthErrorKind::Malformed, malformed, "{token} {kind:?}");
                assert_ne!(kind, AuthErrorKind::InvalidSignature, "{token}");
            }
        },
        Reading::Bad => unreachable!("a refusal has a kind"),
    }
    assert!(segments(token).is_some() || run_ready(AUTH.verify_refresh(token)).is_err());
}
