//! A signed header and claims: the verdict and the meaning are those of an independent parser, cached or not.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::claims::{Claims, Requirements};
use fuzz::json::{Reading, object};
use fuzz::token::{NOW, OTHER, SECRET, config, message, read_signed, run_ready, segments, sign};
use jwt_auth::{AccessToken, AuthErrorKind, JwtAuth, ManualClock, RefreshToken, TokenKind};
use libfuzzer_sys::fuzz_target;

static CLOCK: LazyLock<ManualClock> = LazyLock::new(|| ManualClock::at(NOW));

/// A verifier without a cache, one with a cache, and what both require.
type Verifiers = (JwtAuth, JwtAuth, Requirements<'static>);

static VERIFIERS: LazyLock<[Verifiers; 2]> = LazyLock::new(|| {
    let required = Requirements { kind: TokenKind::Access, issuer: None, audience: &[], leeway: 0 };
    let plain = |cache_size| {
        config()
            .clock(CLOCK.clone())
            .verified_cache(cache_size)
            .build()
            .expect("a valid configuration")
    };
    let strict = |cache_size| {
        let config = config().clock(CLOCK.clone()).verified_cache(cache_size);
        let config = config.issuer("me").audience(["a", "b"]);
        config.decode_leeway(Duration::from_mins(1)).build().expect("a valid configuration")
    };
    let more = Requirements { issuer: Some("me"), audience: &["a", "b"], leeway: 60, ..required };
    [(plain(0), plain(64), required), (strict(0), strict(64), more)]
});

/// The header of a token that we issue, for an input without one.
static OWN_HEADER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let token = VERIFIERS[0].0.access_token("alice").issue().expect("a token");
    let [header, ..] = segments(&token).expect("a token");
    header
});

fuzz_target!(|input: &[u8]| {
    // The header, a line break, the claims.
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let header = if end == 0 { &OWN_HEADER } else { &input[..end] };
    let message = message(header, &input[end + 1..]);
    let other = matches!(fuzz::json::header(header), Reading::Good(header) if header.kid.as_deref() == Some("k"));
    let token = sign(if other { &OTHER } else { &SECRET }, &message);
    for (auth, caching, required) in &*VERIFIERS {
        for kind in [TokenKind::Access, TokenKind::Refresh] {
            let verdict = verify(auth, kind, &token);
            for _ in 0..2 {
                assert_eq!(verify(caching, kind, &token), verdict, "{token}");
            }
            if let Ok(accepted) = &verdict {
                CLOCK.set(UNIX_EPOCH + accepted.exp + Duration::from_secs(required.leeway));
                for auth in [auth, caching] {
                    assert_eq!(verify(auth, kind, &token), Err(AuthErrorKind::Expired), "{token}");
                }
                CLOCK.set(UNIX_EPOCH + Duration::from_secs(NOW));
            }
            check(verdict, Requirements { kind, ..*required }, &token);
        }
    }
});

fn verify(auth: &JwtAuth, kind: TokenKind, token: &str) -> Result<Accepted, AuthErrorKind> {
    match kind {
        TokenKind::Access => run_ready(auth.verify_access(token)).map(Accepted::from),
        TokenKind::Refresh => run_ready(auth.verify_refresh(token)).map(Accepted::from),
    }
    .map_err(|error| error.kind())
}

fn check(verdict: Result<Accepted, AuthErrorKind>, required: Requirements<'_>, token: &str) {
    let (header, payload) = match read_signed(token) {
        Reading::Good(Ok(parts)) => parts,
        Reading::Good(Err(kind)) => return assert_eq!(verdict.expect_err(token), kind, "{token}"),
        Reading::Bad | Reading::Unsure => return,
    };
    let Ok(payload) = String::from_utf8(payload) else {
        return assert_eq!(verdict.expect_err(token), AuthErrorKind::Malformed);
    };
    let claims = match Claims::read(&payload) {
        Reading::Good(claims) => claims,
        Reading::Bad => {
            return assert_eq!(
                verdict.expect_err(token),
                AuthErrorKind::InvalidClaims,
                "{payload}"
            );
        }
        Reading::Unsure => return,
    };
    match (verdict, claims.expected_verdict(header.typ, required)) {
        (Ok(accepted), Ok(())) => accepted.compare(&claims, &payload, token, required),
        (verdict, expected) => assert_eq!(verdict.err(), expected.err(), "{payload} {required:?}"),
    }
}

/// The content of an accepted token.
#[derive(Debug, PartialEq)]
struct Accepted {
    texts: [Option<String>; 4],
    scopes: Vec<String>,
    roles: Vec<String>,
    audience: Vec<String>,
    fresh: bool,
    exp: Duration,
    claims: serde_json::Map<String, serde_json::Value>,
    header: serde_json::Map<String, serde_json::Value>,
    encoded: String,
}

macro_rules! accepted_from {
    ($token:ty) => {
        impl From<$token> for Accepted {
            fn from(token: $token) -> Self {
                let texts = [
                    Some(token.subject()),
                    token.issuer(),
                    token.identity().id(),
                    token.csrf_token(),
                ];
                let at = token.expires_at().expect("an end");
                Self {
                    texts: texts.map(|text| text.map(str::to_owned)),
                    scopes: token.scopes().map(str::to_owned).collect(),
                    roles: token.roles().map(str::to_owned).collect(),
                    audience: token.audience().map(str::to_owned).collect(),
                    fresh: token.is_fresh(),
                    exp: at.duration_since(UNIX_EPOCH).expect("after 1970"),
                    claims: token.claims(),
                    header: token.header(),
                    encoded: token.encoded().expose().to_owned(),
                }
            }
        }
    };
}

accepted_from!(AccessToken);
accepted_from!(RefreshToken);

impl Accepted {
    fn compare(&self, claims: &Claims, payload: &str, token: &str, required: Requirements<'_>) {
        let texts = [&claims.sub, &claims.iss, &claims.jti, &claims.csrf];
        assert_eq!(self.texts.each_ref(), texts);
        let scope = claims.scope.as_deref().unwrap_or_default();
        assert_eq!(
            self.scopes,
            scope.split(' ').filter(|name| !name.is_empty()).collect::<Vec<_>>()
        );
        assert_eq!(self.roles, claims.roles);
        assert_eq!(self.audience, claims.aud.clone().unwrap_or_default());
        assert_eq!(self.fresh, claims.fresh);
        assert_eq!(Some(self.exp), claims.exp);
        assert!(self.exp > Duration::from_secs(NOW - required.leeway));
        // What is accepted re-encodes to itself.
        assert_eq!(self.encoded, token);
        let [header, again, signature] = segments(token).expect("canonical");
        let segments = [header.clone(), again, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        assert_eq!(segments.join("."), token);
        let same = |members: &_, text: &[u8]| match object(text) {
            Reading::Good(read) => assert_eq!(*members, read),
            _ => panic!("{token}"),
        };
        same(&self.claims, payload.as_bytes());
        same(&self.header, &header);
    }
}
