//! One guard in its own app, with a token that it admits and a forged one that it refuses.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum07::body::Body as Body07;
use tower::Service as _;

use crate::measure::{Lane, now, request};
use crate::tokens;

/// The path that nobody guards, in every app.
pub const OPEN: &str = "/open";
/// The path behind the guard, in every app.
pub const GUARDED: &str = "/guarded";

/// An app with both paths, in one of the two versions of axum that guards are written for.
#[derive(Clone, Debug)]
pub enum App {
    Axum(axum::Router),
    Axum07(axum07::Router),
}

impl App {
    fn lane(&self, path: &'static str, bearer: HeaderValue, status: StatusCode) -> Lane<'static> {
        match self.clone() {
            Self::Axum(router) => Lane::route::<_, Body, _>(router, path, bearer, status),
            Self::Axum07(router) => Lane::route::<_, Body07, _>(router, path, bearer, status),
        }
    }

    /// One request, and what is answered.
    pub fn status(&self, path: &str, bearer: &HeaderValue) -> StatusCode {
        match self.clone() {
            Self::Axum(mut router) => {
                now(router.call(request::<Body>(path, bearer))).expect("infallible").status()
            }
            Self::Axum07(mut router) => {
                now(router.call(request::<Body07>(path, bearer))).expect("infallible").status()
            }
        }
    }

    /// One request that is ready to go, so that nothing but its way through the app is left to count.
    pub fn prepared(&self, path: &str, bearer: &HeaderValue) -> Box<dyn FnOnce()> {
        match self.clone() {
            Self::Axum(mut router) => {
                let request = request::<Body>(path, bearer);
                Box::new(move || drop(now(router.call(request)).expect("infallible")))
            }
            Self::Axum07(mut router) => {
                let request = request::<Body07>(path, bearer);
                Box::new(move || drop(now(router.call(request)).expect("infallible")))
            }
        }
    }

    /// Serves it until the runtime ends.
    pub async fn serve(self, listener: tokio::net::TcpListener) {
        match self {
            Self::Axum(router) => axum::serve(listener, router).await,
            Self::Axum07(router) => axum07::serve(listener, router).await,
        }
        .expect("serving does not fail");
    }
}

/// What is measured against what.
#[derive(Debug)]
pub struct Contender {
    pub name: &'static str,
    /// Whose cryptography, where it is not that of the others.
    pub backend: &'static str,
    pub ours: bool,
    pub app: App,
    pub good: HeaderValue,
    pub forged: HeaderValue,
}

impl Contender {
    /// A contender, once it has shown that it admits the one token and refuses the other.
    pub fn new(name: &'static str, backend: &'static str, app: App, token: &str) -> Self {
        let good = tokens::bearer(token);
        let forged = tokens::bearer(&tokens::forged(token));
        for _ in 0..2 {
            assert_eq!(app.status(OPEN, &good), StatusCode::OK, "{name}, unguarded");
            assert_eq!(app.status(GUARDED, &good), StatusCode::OK, "{name}, a good token");
            assert_eq!(app.status(GUARDED, &forged), StatusCode::UNAUTHORIZED, "{name}, forged");
        }
        Self { name, backend, ours: false, app, good, forged }
    }

    /// Says that it is one of ours.
    pub fn ours(mut self) -> Self {
        self.ours = true;
        self
    }

    /// The guarded route with a good token.
    pub fn guarded(&self) -> Lane<'static> {
        self.app.lane(GUARDED, self.good.clone(), StatusCode::OK)
    }

    /// The unguarded route of the same app, with the same request.
    pub fn open(&self) -> Lane<'static> {
        self.app.lane(OPEN, self.good.clone(), StatusCode::OK)
    }

    /// The guarded route with a forged token.
    pub fn refused(&self) -> Lane<'static> {
        self.app.lane(GUARDED, self.forged.clone(), StatusCode::UNAUTHORIZED)
    }
}
