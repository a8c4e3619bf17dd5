//! A header and claims, signed: accepted where another reader accepts them, with its meaning, kept or not.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::claims::{Asked, Claims};
use fuzz::json::{Reading, object};
use fuzz::token::{NOW, OTHER, SECRET, config, message, segments, settled, sign, signed};
use jwt_auth::{AccessToken, AuthErrorKind, JwtAuth, ManualClock, RefreshToken, TokenKind};
use libfuzzer_sys::fuzz_target;

static CLOCK: LazyLock<ManualClock> = LazyLock::new(|| ManualClock::at(NOW));

/// A reader that keeps nothing, one that keeps what it has verified, and what both ask.
type Readers = (JwtAuth, JwtAuth, Asked<'static>);

static READERS: LazyLock<[Readers; 2]> = LazyLock::new(|| {
    let asked = Asked { kind: TokenKind::Access, issuer: None, audience: &[], leeway: 0 };
    let plain = |kept| config().clock(CLOCK.clone()).verified_cache(kept).build().expect("good");
    let strict = |kept| {
        let config = config().clock(CLOCK.clone()).verified_cache(kept);
        let config = config.issuer("me").audience(["a", "b"]);
        config.decode_leeway(Duration::from_mins(1)).build().expect("good")
    };
    let more = Asked { issuer: Some("me"), audience: &["a", "b"], leeway: 60, ..asked };
    [(plain(0), plain(64), asked), (strict(0), strict(64), more)]
});

/// The header that tokens of ours bear, for an input without one.
static OWN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let token = READERS[0].0.access_token("alice").issue().expect("a token");
    let [header, ..] = segments(&token).expect("our own");
    header
});

fuzz_target!(|input: &[u8]| {
    // The header, a line break, the claims.
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let header = if end == 0 { &OWN } else { &input[..end] };
    let message = message(header, &input[end + 1..]);
    let other = matches!(fuzz::json::header(header), Reading::Good(header) if header.kid.as_deref() == Some("k"));
    let token = sign(if other { &OTHER } else { &SECRET }, &message);
    for (auth, keeping, asked) in &*READERS {
        for kind in [TokenKind::Access, TokenKind::Refresh] {
            let verdict = ask(auth, kind, &token);
            for _ in 0..2 {
                assert_eq!(ask(keeping, kind, &token), verdict, "{token}");
            }
            if let Ok(seen) = &verdict {
                CLOCK.set(UNIX_EPOCH + seen.exp + Duration::from_secs(asked.leeway));
                for auth in [auth, keeping] {
                    assert_eq!(ask(auth, kind, &token), Err(AuthErrorKind::Expired), "{token}");
                }
                CLOCK.set(UNIX_EPOCH + Duration::from_secs(NOW));
            }
            check(verdict, Asked { kind, ..*asked }, &token);
        }
    }
});

fn ask(auth: &JwtAuth, kind: TokenKind, token: &str) -> Result<Seen, AuthErrorKind> {
    match kind {
        TokenKind::Access => settled(auth.verify_access(token)).map(Seen::from),
        TokenKind::Refresh => settled(auth.verify_refresh(token)).map(Seen::from),
    }
    .map_err(|error| error.kind())
}

fn check(verdict: Result<Seen, AuthErrorKind>, asked: Asked<'_>, token: &str) {
    let (header, payload) = match signed(token) {
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
    match (verdict, claims.judged(header.typ, asked)) {
        (Ok(seen), Ok(())) => seen.compare(&claims, &payload, token, asked),
        (verdict, judged) => assert_eq!(verdict.err(), judged.err(), "{payload} {asked:?}"),
    }
}

/// What an accepted token says.
#[derive(Debug, PartialEq)]
struct Seen {
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

macro_rules! seen {
    ($token:ty) => {
        impl From<$token> for Seen {
            fn from(token: $token) -> Self {
                let texts = [
                    Some(token.subject()),
                    token.issuer(),
                    token.identity().id(),
                    token.csrf_token(),
                ];
                let at = token.expires_at().expect("it expires");
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

seen!(AccessToken);
seen!(RefreshToken);

impl Seen {
    fn compare(&self, claims: &Claims, payload: &str, token: &str, asked: Asked<'_>) {
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
        assert!(self.exp > Duration::from_secs(NOW - asked.leeway));
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
