//! Sends a number of requests through one app. `scripts/callgrind.sh` counts the instructions.

use std::env;

use axum::http::StatusCode;
use benches::contender::{App, Contender, GUARDED, OPEN};
use benches::peers::by_hand;
use benches::{ours, tokens};
use jwt_auth::Algorithm;

/// Selects the guarded path with a forged token.
const FORGED: &str = "forged";

/// The contender and the path of an argument of the script.
fn contender(what: &str) -> (Contender, &'static str) {
    let (algorithm, name, path) = match what {
        "open" => (Algorithm::HS256, ours::ATTRIBUTE, OPEN),
        "hs256" => (Algorithm::HS256, ours::ATTRIBUTE, GUARDED),
        "hs256-forged" => (Algorithm::HS256, ours::ATTRIBUTE, FORGED),
        "hs256-token" => (Algorithm::HS256, ours::TOKEN, GUARDED),
        "hs256-cached" => (Algorithm::HS256, ours::ATTRIBUTE_CACHED, GUARDED),
        "hs256-token-cached" => (Algorithm::HS256, ours::TOKEN_CACHED, GUARDED),
        "eddsa-cached" => (Algorithm::EdDSA, ours::ATTRIBUTE_CACHED, GUARDED),
        "hs256-by-hand" => (Algorithm::HS256, by_hand::NAME, GUARDED),
        other => panic!("unknown argument `{other}`"),
    };
    let token = tokens::token(algorithm);
    let mut all = ours::all(algorithm, &token);
    all.push(by_hand::peer(algorithm, &token));
    (all.into_iter().find(|one| one.name == name).expect("a contender"), path)
}

fn main() {
    tokens::install_backend();
    let mut arguments = env::args().skip(1);
    let what = arguments.next().expect("the name of what to call");
    let calls: usize =
        arguments.next().and_then(|it| it.parse().ok()).expect("the number of calls");
    let (contender, path) = contender(&what);
    let app: &App = &contender.app;
    let (path, token, status) = match path {
        FORGED => (GUARDED, &contender.forged, StatusCode::UNAUTHORIZED),
        path => (path, &contender.good, StatusCode::OK),
    };
    for _ in 0..calls {
        assert_eq!(app.status(path, token), status);
    }
}
