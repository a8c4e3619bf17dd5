//! A token with a bit flipped is another token, and no key signed that one.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::routing::get;
use jwt_auth::{AccessToken, JwtAuth};
use proptest::prelude::*;
use tests::{now, send};

use crate::{ALL, of, verdict};

/// The same through a guard, whose header may bear bytes that are no text.
fn refused_by_a_guard(app: &axum::Router, token: &[u8]) -> bool {
    let mut line = b"Bearer ".to_vec();
    line.extend_from_slice(token);
    let Ok(line) = HeaderValue::from_bytes(&line) else { return true };
    let request = Request::get("/").header("authorization", line);
    let answer = now(send(app, request.body(Body::empty()).expect("a request")));
    answer.status == StatusCode::UNAUTHORIZED
}

fn app(auth: &JwtAuth) -> axum::Router {
    axum::Router::new().route("/", get(async |_: AccessToken| ())).with_state(auth.clone())
}

#[test]
fn every_single_bit_of_a_token_of_each_algorithm_counts() {
    for algorithm in ALL {
        for entries in [0, 100] {
            let auth = of(algorithm).0.verified_cache(entries).build().expect("good");
            let app = app(&auth);
            let token = auth.access_token("alice").roles(["editor"]).issue().expect("a token");
            // Kept, where there is a cache: what is like it must not be taken for it.
            assert_eq!(verdict(&auth, &token), Ok("alice".to_owned()));
            for bit in 0..token.len() * 8 {
                let mut flipped = token.clone().into_bytes();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let refused = match str::from_utf8(&flipped) {
                    Ok(flipped) => verdict(&auth, flipped).is_err(),
                    Err(_) => refused_by_a_guard(&app, &flipped),
                };
                assert!(refused, "{algorithm}, cache of {entries}: bit {bit} of {token}");
            }
            assert!(!refused_by_a_guard(&app, token.as_bytes()));
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_token_the_one_that_was_signed_is_read_and_no_other(
        algorithm in prop::sample::select(&ALL[..]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, ".?"), 1..4),
        entries in prop::sample::select(vec![0_usize, 10]),
    ) {
        thread_local!(static TOKENS: Vec<[(JwtAuth, String); 2]> = ALL.map(|algorithm| {
            [0, 10].map(|entries| {
                let auth = of(algorithm).0.verified_cache(entries).build().expect("good");
                let token = auth.access_token("alice").issue().expect("a token");
                (auth, token)
            })
        }).into());
        TOKENS.with(|tokens| {
            let (auth, token) = &tokens[algorithm as usize][usize::from(entries > 0)];
            let mut edited = token.clone();
            for (at, cut, put) in &edits {
                let at = edited.floor_char_boundary(at.index(edited.len() + 1));
                let end = edited.ceil_char_boundary((at + cut).min(edited.len()));
                edited.replace_range(at..end, put);
            }
            prop_assert_eq!(verdict(auth, &edited).is_ok(), edited == *token, "{}", edited);
            // Another reader of base64url makes the very same text of what was read.
            if verdict(auth, &edited).is_ok() {
                use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
                let again: Vec<_> = edited
                    .split('.')
                    .map(|part| URL_SAFE_NO_PAD.encode(URL_SAFE_NO_PAD.decode(part).expect("base64url")))
                    .collect();
                prop_assert_eq!(again.join("."), edited);
            }
            Ok(())
        })?;
    }
}
