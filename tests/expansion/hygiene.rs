//! Hygiene: handlers without a prelude, with their own `std`, `core` and `Result`, and with the names of generated code.

#![allow(dead_code, reason = "the names only have to exist")]

/// No prelude, and items with every name that generated code could pick up by mistake.
mod no_prelude {
    #![no_implicit_prelude]

    use ::jwt_auth::{AccessToken, Config, jwt_required, load_config, public, refresh_required};

    mod std {}
    mod core {}
    mod jwt_auth {}
    struct Option;
    struct Result;
    struct Some;
    struct Ok;
    struct Box;
    struct Send;
    trait Future {}
    trait Policy {}
    struct Guard;
    struct GuardSpec;
    struct Proof;
    struct Duration;

    #[load_config]
    fn auth() -> Config {
        Config::hs256(*b"a secret of the tests, 32 bytes .")
    }

    #[load_config]
    async fn later(secret: ::std::string::String) -> Config {
        Config::hs256(secret)
    }

    #[jwt_required]
    async fn plain(_: AccessToken) {}

    #[jwt_required(
        fresh,
        max_age = "10m",
        scopes("a"),
        any_scope("b"),
        roles("c"),
        any_role("d"),
        audience = "e",
        check = check
    )]
    pub(super) async fn everything(token: AccessToken) -> ::std::string::String {
        ::std::string::ToString::to_string(token.subject())
    }

    #[jwt_required(optional)]
    async fn optional() {}

    #[refresh_required(audience = "x")]
    async fn refresh() {}

    #[refresh_required(crate = ::jwt_auth)]
    async fn again() {}

    #[jwt_required(danger(revocation = "skip"))]
    async fn skip_check(_: AccessToken, #[cfg(any())] _: Missing) {}

    #[jwt_required(danger(revocation = "skip"))]
    async fn no_parameters() {}

    #[jwt_required(danger(revocation = "skip"))]
    async fn middleware(request: ::axum::extract::Request, next: ::axum::middleware::Next) {
        next.run(request).await;
    }

    #[jwt_required(danger(revocation = "skip"))]
    async fn generic<C>(_: AccessToken<C>) {}

    #[public]
    async fn open() {}

    fn check(_: &AccessToken) -> bool {
        true
    }
}

/// Local names that the generated code uses too.
mod same_names {
    use jwt_auth::{AccessToken, jwt_required};

    #[jwt_required(check = token)]
    async fn proof(guard: AccessToken, _token: AccessToken) -> String {
        let proof = guard.subject().to_owned();
        proof.clone()
    }

    async fn token(token: &AccessToken) -> bool {
        token.is_fresh()
    }

    #[jwt_required]
    #[allow(non_snake_case)]
    pub(super) async fn __jwt_auth_guard(__guard: AccessToken) {
        drop(__guard);
    }

    #[jwt_required(scopes("a"))]
    pub(super) async fn r#type(r#async: AccessToken) {
        drop(r#async);
    }
}

#[test]
fn handlers_compile_among_conflicting_names() {
    let _ = (no_prelude::everything, same_names::r#type, same_names::__jwt_auth_guard);
}
