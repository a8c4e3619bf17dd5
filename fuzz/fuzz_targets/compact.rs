//! The text of a token: refused for its form exactly where another reader refuses it, whoever signed it.
#![no_main]

use std::sync::LazyLock;

use fuzz::json::Reading;
use fuzz::token::{SECRET, config, segments, settled, sign, signed};
use jwt_auth::{AuthErrorKind, JwtAuth};
use libfuzzer_sys::fuzz_target;

static AUTH: LazyLock<JwtAuth> = LazyLock::new(|| config().build().expect("good"));

fuzz_target!(|text: &str| {
    check(text);
    // Whatever stands there is signed as it stands, so that the form alone is wrong with it.
    if let Some((message, _)) = text.rsplit_once('.') {
        check(&sign(&SECRET, message));
    }
});

fn check(token: &str) {
    let verdict = settled(AUTH.verify_access(token)).map_err(|error| error.kind());
    match signed(token) {
        Reading::Unsure => {}
        Reading::Good(Err(kind)) => assert_eq!(verdict.expect_err(token), kind, "{token}"),
        Reading::Good(Ok((_, payload))) => match verdict {
            Ok(verified) => assert_eq!(verified.encoded().expose(), token),
            // Of the claims that were signed there is one thing to say about their form.
            Err(kind) => {
                let malformed = std::str::from_utf8(&payload).is_err();
                assert_eq!(kind == AuthErrorKind::Malformed, malformed, "{token} {kind:?}");
                assert_ne!(kind, AuthErrorKind::InvalidSignature, "{token}");
            }
        },
        Reading::Bad => unreachable!("a refusal has its kind"),
    }
    assert!(segments(token).is_some() || settled(AUTH.verify_refresh(token)).is_err());
}
