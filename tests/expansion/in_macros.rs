//! Handlers that a `macro_rules!` macro generates.

use jwt_auth::routing::get;
use jwt_auth::{AccessToken, Config, GuardedRouter, jwt_required, load_config};

macro_rules! handler {
    ($name:ident, $token:ty, [$($scope:expr),*], $body:block) => {
        #[jwt_required(scopes($($scope),*))]
        async fn $name(token: $token) -> String {
            let text: String = $body;
            format!("{} {text}", token.subject())
        }
    };
}

handler!(one, AccessToken, ["a"], { "one".to_owned() });
handler!(two, AccessToken, ["a", "b"], { String::new() });

macro_rules! several {
    ($($name:ident => $attribute:ident),* $(,)?) => {
        $(
            #[jwt_auth::$attribute]
            async fn $name() -> &'static str { stringify!($name) }
        )*
    };
}

several! {
    public_one => public,
    guarded_one => jwt_required,
    refreshed_one => refresh_required,
}

macro_rules! configuration {
    ($name:ident, $config:expr) => {
        #[load_config]
        fn $name() -> Config {
            $config
        }
    };
}

configuration!(auth, Config::hs256(jwt_auth::KeyMaterial::ephemeral()));

#[test]
fn handlers_generated_by_macros_route() {
    let app: axum::Router = GuardedRouter::new()
        .route("/one", get(one))
        .route("/two", get(two))
        .route("/public", get(public_one))
        .route("/guarded", get(guarded_one))
        .route("/refreshed", get(refreshed_one))
        .with_state(auth().expect("a valid configuration"));
    assert!(app.has_routes());
}

/// A crate that re-exports jwt-auth, and generates handlers by its own macro.
mod facade {
    pub(super) mod jwt {
        pub(in super::super) use jwt_auth::*;
    }

    macro_rules! guarded {
        ($name:ident, $check:path) => {
            #[$crate::in_macros::facade::jwt::jwt_required(
                                        check = $check, crate = $crate::in_macros::facade::jwt
                                    )]
            async fn $name() {}
        };
    }
    pub(super) use guarded;
}

fn anyone(_: &AccessToken) -> bool {
    true
}

facade::guarded!(by_a_facade, anyone);

#[test]
fn handlers_of_a_facade_crate_route() {
    let router: GuardedRouter = GuardedRouter::new().route("/", get(by_a_facade));
    assert_eq!(router.manifest().to_string(), "GET /  access  check(anyone)\n");
}
