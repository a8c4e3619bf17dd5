//! Round trips: a verified token has everything that was put into it.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use jwt_auth::{AccessToken, TokenKind};
use proptest::prelude::*;
use serde_json::{Value, json};
use tests::{NOW, run_ready};

use crate::{ALL, config_for};

/// JSON of every shape, with numbers that every parser reads alike.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| json!(f64::from(quarters) / 4.0)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_issued_token_verifies_with_everything_that_was_put_into_it(
        algorithm in prop::sample::select(&ALL[..]),
        subject in ".{0,40}",
        roles in prop::collection::vec(".{0,12}", 0..4),
        scopes in prop::collection::vec("[!#-\\[\\]-~]{1,10}", 0..4),
        audience in prop::collection::vec(".{0,16}", 0..3),
        fresh in any::<bool>(),
        life in 1_u64..1_000_000,
        custom in prop::collection::btree_map("x.{0,8}", value(), 0..5),
        cache_size in prop::sample::select(vec![0_usize, 10]),
    ) {
        thread_local!(static AUTHS: Vec<[jwt_auth::JwtAuth; 2]> = ALL.map(|algorithm| {
            [0, 10].map(|cache_size| {
                let config = config_for(algorithm).0.verified_cache(cache_size).issuer("https://auth.example");
                config.build().expect("a valid configuration")
            })
        }).into());
        let auth = AUTHS.with(|auths| auths[algorithm as usize][usize::from(cache_size > 0)].clone());
        let mut builder = auth.access_token(&subject).fresh(fresh).expires_in(Duration::from_secs(life));
        if !roles.is_empty() {
            builder = builder.roles(roles.iter().map(String::as_str));
        }
        if !scopes.is_empty() {
            builder = builder.scopes(scopes.iter().map(String::as_str));
        }
        if !custom.is_empty() {
            builder = builder.claims(&custom);
        }
        // A token with an audience is accepted only where that audience is configured.
        let reader = match audience.first() {
            None => auth.clone(),
            Some(one) if one.trim().is_empty() => return Ok(()),
            Some(one) => {
                let config = config_for(algorithm).0.verified_cache(cache_size).issuer("https://auth.example");
                config.decode_audience([one]).build().expect("a valid configuration")
            }
        };
        if !audience.is_empty() {
            builder = builder.audience(audience.iter().map(String::as_str));
        }
        let Ok(token) = builder.issue() else { return Ok(()) };
        for _ in 0..2 {
            let read: AccessToken<BTreeMap<String, Value>> = run_ready(reader.verify_access(&token))
                .and_then(AccessToken::with_claims)
                .map_err(|error| TestCaseError::fail(format!("{:?} {}", error.kind(), &*token)))?;
            prop_assert_eq!(read.subject(), &subject);
            prop_assert_eq!(read.roles().collect::<Vec<_>>(), roles.clone());
            prop_assert_eq!(read.scopes().collect::<Vec<_>>(), scopes.clone());
            prop_assert_eq!(read.audience().collect::<Vec<_>>(), audience.clone());
            prop_assert_eq!(read.is_fresh(), fresh);
            prop_assert_eq!(read.issuer(), Some("https://auth.example"));
            prop_assert_eq!(read.expires_at(), Some(UNIX_EPOCH + Duration::from_secs(NOW + life)));
            prop_assert_eq!(read.identity().kind(), TokenKind::Access);
            for (name, value) in &custom {
                prop_assert_eq!(read.custom().get(name), Some(value));
            }
            prop_assert!(read.encoded().expose() == &*token);
        }
    }
}
