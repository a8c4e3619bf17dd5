//! A changed token is refused, whatever was changed.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::routing::get;
use jwt_auth::{AccessToken, IssuedToken, JwtAuth};
use proptest::prelude::*;
use tests::{run_ready, send};

use crate::{ALL, config_for, verdict};

/// Whether a guard refuses the token. Its bytes need not be text.
fn guard_refuses(app: &axum::Router, token: &[u8]) -> bool {
    let mut value = b"Bearer ".to_vec();
    value.extend_from_slice(token);
    let Ok(value) = HeaderValue::from_bytes(&value) else { return true };
    let request = Request::get("/").header("authorization", value);
    let response = run_ready(send(app, request.body(Body::empty()).expect("a request")));
    response.status == StatusCode::UNAUTHORIZED
}

fn app(auth: &JwtAuth) -> axum::Router {
    axum::Router::new().route("/", get(async |_: AccessToken| ())).with_state(auth.clone())
}

#[test]
fn a_token_with_any_bit_flipped_is_refused_for_every_algorithm() {
    for algorithm in ALL {
        for cache_size in [0, 100] {
            let auth = config_for(algorithm)
                .0
                .verified_cache(cache_size)
                .build()
                .expect("a valid configuration");
            let app = app(&auth);
            let token = auth.access_token("alice").roles(["editor"]).issue().expect("a token");
            // The token is cached now, if there is a cache. A similar token must not match it.
            assert_eq!(verdict(&auth, &token), Ok("alice".to_owned()));
            for bit in 0..token.len() * 8 {
                let mut flipped = token.as_bytes().to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let is_refused = match str::from_utf8(&flipped) {
                    Ok(flipped) => verdict(&auth, flipped).is_err(),
                    Err(_) => guard_refuses(&app, &flipped),
                };
                assert!(is_refused, "{algorithm}, cache of {cache_size}: bit {bit} of {}", &*token);
            }
            assert!(!guard_refuses(&app, token.as_bytes()));
        }
    }
}

proptest! {
    #[test]
    fn an_edited_token_is_accepted_only_if_it_equals_the_original(
        algorithm in prop::sample::select(&ALL[..]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, ".?"), 1..4),
        cache_size in prop::sample::select(vec![0_usize, 10]),
    ) {
        thread_local!(static TOKENS: Vec<[(JwtAuth, IssuedToken); 2]> = ALL.map(|algorithm| {
            [0, 10].map(|cache_size| {
                let auth = config_for(algorithm).0.verified_cache(cache_size).build().expect("a valid configuration");
                let token = auth.access_token("alice").issue().expect("a token");
                (auth, token)
            })
        }).into());
        TOKENS.with(|tokens| {
            let (auth, token) = &tokens[algorithm as usize][usize::from(cache_size > 0)];
            let mut edited = token.as_str().to_owned();
            for (at, cut, put) in &edits {
                let at = edited.floor_char_boundary(at.index(edited.len() + 1));
                let end = edited.ceil_char_boundary((at + cut).min(edited.len()));
                edited.replace_range(at..end, put);
            }
            prop_assert_eq!(verdict(auth, &edited).is_ok(), edited == token.as_str(), "{}", edited);
            // Decoding and encoding an accepted token by another base64url implementation returns the same text.
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
