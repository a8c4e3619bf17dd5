//! `issuer probe`: what an identity provider publishes.

use jwt_auth::Algorithm;
use jwt_auth::config::IssuerKeySet;
use jwt_auth_oidc::__private::{Fetcher, document};
use jwt_auth_oidc::HttpClient;
use serde_json::{Value, json};

use crate::arguments::ProbeArguments;
use crate::failure::Failure;
use crate::output::{print, print_json, table};

pub(crate) fn run(arguments: &ProbeArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(probe(arguments))
}

async fn probe(arguments: &ProbeArguments) -> Result<(), Failure> {
    let issuer = arguments.issuer.as_str();
    let fetcher = Fetcher::new(HttpClient::new().map_err(Failure::usage)?);
    let (url, text) = document(issuer, &fetcher).await.map_err(Failure::refused)?;
    let document: Value = serde_json::from_str(&text)
        .map_err(|_| Failure::refused(format!("{url}: the document is not JSON")))?;
    let named = document["issuer"].as_str().unwrap_or_default();
    if named != issuer {
        return Err(Failure::refused(format!(
            "the document names the issuer {named:?}, not {issuer:?}; pass {named:?} exactly, with any slash at the end"
        )));
    }
    let keys_url = document["jwks_uri"].as_str();
    let keys_url = keys_url.ok_or_else(|| Failure::refused("the document has no `jwks_uri`"))?;
    let (text, life) = fetcher.get(keys_url).await.map_err(Failure::refused)?;
    let usable = IssuerKeySet::parse(&text, Algorithm::RS256).map_err(Failure::refused)?.len();
    let set: Value = serde_json::from_str(&text).unwrap_or_default();
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    let seconds = life.map(|life| life.as_secs());
    let life = seconds.map_or("not named, so 10 min".to_owned(), |life| format!("{life} s"));
    let introspection = document["introspection_endpoint"].as_str();
    if arguments.json {
        return print_json(&json!({
            "issuer": issuer, "jwks_uri": keys_url, "keys": keys.len(), "usable": usable,
            "max_age": seconds, "introspection_endpoint": introspection,
        }));
    }
    let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
    let mut rows = vec![
        row("issuer", issuer),
        row("keys at", keys_url),
        row("their life", &life),
        row("usable keys", &format!("{usable} of {}", keys.len())),
    ];
    for key in &keys {
        let text = |name: &str| key[name].as_str().unwrap_or("-").to_owned();
        rows.push(row(
            "key",
            &format!("{} {} {} use={}", text("kid"), text("kty"), text("alg"), text("use")),
        ));
    }
    rows.push(row("introspection", introspection.unwrap_or("-")));
    print(&table(&rows))
}
