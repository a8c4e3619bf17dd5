//! Handlers of every shape that axum accepts.

use axum::Json;
use axum::extract::{FromRef, Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use jwt_auth::routing::{get, post};
use jwt_auth::{AccessToken, AuthError, Config, GuardedRouter, JwtAuth, jwt_required, public};
use serde::{Deserialize, Serialize};

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    name: String,
}

#[derive(Deserialize, Serialize)]
struct Body {
    text: String,
}

#[jwt_required]
async fn extractors(
    State(name): State<String>,
    Path(id): Path<u32>,
    Query(query): Query<Vec<(String, String)>>,
    token: AccessToken,
    Json(body): Json<Body>,
) -> Result<Json<Body>, StatusCode> {
    if query.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    let text = format!("{name} {id} {} {}", token.subject(), body.text);
    Ok(Json(Body { text }))
}

#[jwt_required(scopes("a"))]
async fn impl_response(_: AccessToken) -> impl IntoResponse {
    (StatusCode::CREATED, "created")
}

#[public]
async fn response(request: Request) -> Response {
    request.uri().path().to_owned().into_response()
}

#[jwt_required(optional)]
async fn result(token: Option<AccessToken>) -> Result<String, AuthError> {
    token.map(|token| token.subject().to_owned()).ok_or_else(|| AuthError::forbidden("no"))
}

/// A service that a handler is generic over.
trait Greeter: Clone + Send + Sync + 'static {
    fn greet(&self, name: &str) -> String;
}

#[derive(Clone)]
struct Polite;

impl Greeter for Polite {
    fn greet(&self, name: &str) -> String {
        format!("Good day, {name}")
    }
}

#[derive(Clone)]
struct Generic<G> {
    auth: JwtAuth,
    greeter: G,
}

impl<G> FromRef<Generic<G>> for JwtAuth {
    fn from_ref(state: &Generic<G>) -> Self {
        state.auth.clone()
    }
}

#[jwt_required(scopes("a"))]
async fn generic<G, const N: usize>(State(state): State<Generic<G>>, token: AccessToken) -> String
where
    G: Greeter,
{
    state.greeter.greet(&token.subject()[..N.min(token.subject().len())])
}

struct Api;

impl Api {
    #[jwt_required]
    async fn plain(_: AccessToken) {}

    #[jwt_required(fresh)]
    async fn fresh(state: State<String>) -> String {
        state.0
    }

    #[public]
    async fn open() {}
}

struct Holder<T>(T);

impl<T: Greeter> Holder<T> {
    #[jwt_required]
    async fn hold(State(state): State<Generic<T>>) -> String {
        let holder = Self(state.greeter);
        holder.0.greet("you")
    }
}

#[jwt_required]
#[allow(clippy::too_many_arguments, reason = "as many as axum takes")]
#[rustfmt::skip]
async fn fifteen(
    _: Method, _: Uri, _: Version, _: HeaderMap, _: Method, _: Uri, _: Version, _: HeaderMap, _: Method, _: Uri,
    _: Version, _: HeaderMap, _: Method, _: AccessToken, body: String,
) -> String {
    body
}

// Clippy accepts seven parameters; the inserted guard must not be the eighth that it reports.
#[jwt_required]
#[rustfmt::skip]
async fn seven(_: Method, _: Uri, _: Version, _: HeaderMap, _: Method, _: Uri, _: Version) {}

// The `allow` of a handler also applies where the expansion repeats its types.
#[allow(unused_qualifications, clippy::disallowed_types)]
#[jwt_required(scopes("a"))]
async fn qualified(_: std::vec::Vec<u8>, _: axum::http::HeaderMap) {}

#[jwt_required]
async fn switched(_: AccessToken, #[cfg(any())] _: NoSuchType, #[cfg(not(any()))] _: Method) {}

fn generic_check<A, B>(_: &AccessToken) -> bool {
    size_of::<A>() < size_of::<B>()
}

#[jwt_required(check = generic_check::<u8, u16>, scopes("a"))]
async fn checked_by_a_generic() {}

mod nested {
    use jwt_auth::jwt_required;

    #[jwt_required(scopes("a"))]
    pub(super) async fn visible() {}

    pub(crate) mod deeper {
        use jwt_auth::{AccessToken, jwt_required};

        #[jwt_required(scopes("a"), check = allowed)]
        pub(in super::super) async fn visible() {}

        fn allowed(_: &AccessToken) -> bool {
            true
        }
    }
}

#[test]
fn handlers_of_every_shape_route() {
    let _ = qualified;

    #[jwt_required(any_scope("a"))]
    async fn local(_: AccessToken) {}

    #[jwt_required(scopes("a"))]
    async fn with_an_impl_of_its_own() -> String {
        struct One(u8);
        impl One {
            fn new() -> Self {
                Self(1)
            }
        }
        One::new().0.to_string()
    }

    let auth =
        Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().expect("a valid configuration");
    let state = App { auth: auth.clone(), name: "app".into() };
    let app: axum::Router = GuardedRouter::new()
        .route("/extractors/{id}", post(extractors))
        .route("/impl", get(impl_response))
        .route("/response", get(response))
        .route("/result", get(result))
        .route("/plain", get(Api::plain))
        .route("/fresh", get(Api::fresh))
        .route("/open", get(Api::open))
        .route("/fifteen", post(fifteen))
        .route("/seven", get(seven))
        .route("/nested", get(nested::visible))
        .route("/deeper", get(nested::deeper::visible))
        .route("/local", get(local))
        .route("/impl-in-it", get(with_an_impl_of_its_own))
        .route("/switched", get(switched))
        .route("/checked", get(checked_by_a_generic))
        .with_state(state);
    let generic: axum::Router = GuardedRouter::new()
        .route("/generic", get(generic::<Polite, 3>))
        .route("/hold", get(Holder::<Polite>::hold))
        .with_state(Generic { auth, greeter: Polite });
    assert!(app.has_routes() && generic.has_routes());
}
