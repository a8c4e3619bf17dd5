//! The token of an identity provider beside our own token of the same algorithm, size and claims.
//!
//! `cargo bench -p benches --bench issuers` prints the table and saves it as `results/issuers.json`.

use benches::contender::Contender;
use benches::measure::{Lane, measure_interleaved};
use benches::ours::{self, CACHE_SIZE};
use benches::report::{self, Goal, format_short, format_thousands, round};
use benches::tokens;
use jwt_auth::{Algorithm, Config, JwtAuth, KeyRing};
use jwt_auth_oidc::{Fetch, FetchError, Fetched, Issuer};
use serde_json::{Value, json};

const ROUNDS: usize = 300;
const COMMAND: &str = "cargo bench -p benches --bench issuers";

/// A provider in this process: its keys, and what it says about its opaque tokens.
struct Provider {
    keys: Value,
    response: Value,
}

impl Fetch for Provider {
    async fn get(&self, _: &str) -> Result<Fetched, FetchError> {
        Ok(Fetched::new(self.keys.to_string()))
    }

    async fn post(&self, _: &str, _: Option<&str>, _: &str) -> Result<Fetched, FetchError> {
        Ok(Fetched::new(self.response.to_string()))
    }
}

/// A service without keys of its own, which trusts the provider.
async fn service(issuer: Issuer, keys: &Value, response: &Value, cache: usize) -> JwtAuth {
    let provider = Provider { keys: keys.clone(), response: response.clone() };
    let issuer = issuer.audience([tokens::AUDIENCE]).fetch_with(provider);
    let issuer = issuer.prefetch().await.expect("the keys");
    let config = Config::with_keys(KeyRing::default()).trust(issuer).verified_cache(cache);
    config.build().expect("a valid configuration")
}

/// Our token, that of a provider, and an opaque one, each without and with the cache.
async fn contenders(algorithm: Algorithm) -> Vec<Contender> {
    let own = tokens::token(algorithm);
    let (theirs, keys) = tokens::with_key_id(algorithm, &own);
    let mut response = serde_json::to_value(tokens::claims(&own)).expect("JSON");
    response["active"] = true.into();
    response["token_type"] = "Bearer".into();
    let issuer = || Issuer::jwks(tokens::ISSUER, "https://auth.example/keys");
    let mut all = Vec::new();
    for (cache, names) in [
        (0, ["our token", "a provider's token"]),
        (CACHE_SIZE, ["our token, cached", "a provider's token, cached"]),
    ] {
        let auth = tokens::config(algorithm).verified_cache(cache).build().expect("valid");
        all.push(Contender::new(names[0], "", ours::app_with_token(auth), &own));
        let auth = service(issuer(), &keys, &response, cache).await;
        all.push(Contender::admitting(names[1], ours::app_with_token(auth), &theirs));
    }
    let asking = issuer().introspect_at("https://auth.example/introspect");
    let auth = service(asking, &keys, &response, CACHE_SIZE).await;
    let opaque = "2YotnFZFEjr1zCsicMWpAAx0p8Jk3Lq5";
    auth.verify_access(opaque).await.expect("active");
    all.push(Contender::admitting("an opaque token, cached", ours::app_with_token(auth), opaque));
    all
}

fn main() {
    tokens::install_backend();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let _guard = runtime.enter();
    let (mut tables, mut goals) = (Vec::new(), Vec::new());
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        let contenders = runtime.block_on(contenders(algorithm));
        let mut lanes: Vec<Lane<'_>> = vec![contenders[0].open()];
        lanes.extend(contenders.iter().map(Contender::guarded));
        let figures = measure_interleaved(&mut lanes, ROUNDS);
        let over: Vec<f64> = figures[1..].iter().map(|figure| figure - figures[0]).collect();
        println!(
            "\n{algorithm}; medians of {ROUNDS} rounds, ns over an unguarded route, and over our token"
        );
        let mut rows = Vec::new();
        for (at, (contender, figure)) in contenders.iter().zip(&over).enumerate() {
            // The first two are without the cache.
            let ratio = round(figure / over[if at < 2 { 0 } else { 2 }]);
            let name = contender.name;
            println!("{name:30} {:>9} {:>6}", format_thousands(*figure), format_short(ratio));
            rows.push(json!({ "name": name, "over": round(*figure), "ratio": ratio }));
            if name.starts_with("a provider") {
                goals.push(Goal::at_most(format!("{algorithm}, {name}: over our own"), ratio, 1.1));
            }
        }
        tables.push(json!({ "algorithm": algorithm.name(), "rows": rows }));
    }
    report::print_goals(&goals);
    report::save_json(
        "issuers.json",
        &json!({ "command": COMMAND, "unit": "ns over an unguarded route", "tables": tables, "goals": goals }),
    );
}
