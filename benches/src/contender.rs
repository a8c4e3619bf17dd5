//! One guard in its own app, with a token that it admits and a forged one that it refuses.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum07::body::Body as Body07;
use tower::Service as _;

use crate::measure::{Lane, request, run_ready};
use crate::tokens;

/// The unguarded path of every app.
pub const OPEN: &str = "/open";
/// The guarded path of every app.
pub const GUARDED: &str = "/guarded";

/// An app with both paths, for one of the two axum versions that the guards support.
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

    /// Sends one request, and returns the status of the response.
    pub fn status(&self, path: &str, bearer: &HeaderValue) -> StatusCode {
        match self.clone() {
            Self::Axum(mut router) => {
                run_ready(router.call(request::<Body>(path, bearer))).expect("infallible").status()
            }
            Self::Axum07(mut router) => run_ready(router.call(request::<Body07>(path, bearer)))
                .expect("infallible")
                .status(),
        }
    }

    /// Prepares one request. The returned function only sends it through the app.
    pub fn prepare(&self, path: &str, bearer: &HeaderValue) -> Box<dyn FnOnce()> {
        match self.clone() {
            Self::Axum(mut router) => {
                let request = request::<Body>(path, bearer);
                Box::new(move || drop(run_ready(router.call(request)).expect("infallible")))
            }
            Self::Axum07(mut router) => {
                let request = request::<Body07>(path, bearer);
                Box::new(move || drop(run_ready(router.call(request)).expect("infallible")))
            }
        }
    }

    /// Serves the app until the runtime ends.
    pub async fn serve(self, listener: tokio::net::TcpListener) {
        match self {
            Self::Axum(router) => axum::serve(listener, router).await,
            Self::Axum07(router) => axum07::serve(listener, router).await,
        }
        .expect("served");
    }
}

/// A guard that is measured.
#[derive(Debug)]
pub struct Contender {
    pub name: &'static str,
    /// The cryptography library, if it is not AWS-LC; else empty.
    pub backend: &'static str,
    pub ours: bool,
    pub app: App,
    pub good: HeaderValue,
    pub forged: HeaderValue,
}

impl Contender {
    /// A contender. Checks that it admits the token and refuses a forged one.
    pub fn new(name: &'static str, backend: &'static str, app: App, token: &str) -> Self {
        let contender = Self::admitting(name, app, token);
        let forged = tokens::bearer(&tokens::tamper_with_signature(token));
        for _ in 0..2 {
            let status = contender.app.status(GUARDED, &forged);
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}, forged");
        }
        Self { backend, forged, ..contender }
    }

    /// A contender that is not shown a forged token, because it would wait for newer keys.
    pub fn admitting(name: &'static str, app: App, token: &str) -> Self {
        let good = tokens::bearer(token);
        for _ in 0..2 {
            assert_eq!(app.status(OPEN, &good), StatusCode::OK, "{name}, unguarded");
            assert_eq!(app.status(GUARDED, &good), StatusCode::OK, "{name}, a valid token");
        }
        Self { name, backend: "", ours: false, app, forged: good.clone(), good }
    }

    /// Marks it as one of ours.
    pub fn ours(mut self) -> Self {
        self.ours = true;
        self
    }

    /// The guarded route with a valid token.
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
