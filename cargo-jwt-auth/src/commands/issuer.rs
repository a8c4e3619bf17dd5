//! `issuer probe`: what an identity provider publishes.

use std::time::Duration;

use jwt_auth::Algorithm;
use jwt_auth::config::IssuerKeySet;
use jwt_auth_oidc::{Fetch as _, Fetched, HttpClient};
use serde_json::{Value, json};

use crate::arguments::ProbeArguments;
use crate::failure::Failure;
use crate::output::{print, print_json, table};

/// As long as the library waits.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(arguments: &ProbeArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(probe(arguments))
}

async fn probe(arguments: &ProbeArguments) -> Result<(), Failure> {
    let issuer = arguments.issuer.as_str();
    let client = HttpClient::new().map_err(Failure::usage)?;
    let document = document(&client, issuer).await?;
    let named = document["issuer"].as_str().unwrap_or_default();
    if named != issuer {
        return Err(Failure::refused(format!(
            "the document names the issuer {named:?}, not {issuer:?}; pass {named:?} exactly, with any slash at the end"
        )));
    }
    let keys_url = document["jwks_uri"].as_str();
    let keys_url = keys_url.ok_or_else(|| Failure::refused("the document has no `jwks_uri`"))?;
    let fetched = get(&client, keys_url).await.map_err(Failure::refused)?;
    let text = String::from_utf8_lossy(fetched.body()).into_owned();
    let usable = IssuerKeySet::parse(&text, Algorithm::RS256).map_err(Failure::refused)?.len();
    let set: Value = serde_json::from_str(&text).unwrap_or_default();
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    let life = fetched
        .life()
        .map_or("not named, so 10 min".to_owned(), |life| format!("{} s", life.as_secs()));
    let introspection = document["introspection_endpoint"].as_str();
    if arguments.json {
        return print_json(&json!({
            "issuer": issuer, "jwks_uri": keys_url, "keys": keys.len(), "usable": usable,
            "max_age": fetched.life().map(|life| life.as_secs()), "introspection_endpoint": introspection,
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

/// The document of the issuer. OpenID Connect appends its path to the issuer, RFC 8414 inserts it after the host.
async fn document(client: &HttpClient, issuer: &str) -> Result<Value, Failure> {
    let base = issuer.trim_end_matches('/');
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let mut first = None;
    for url in [
        format!("{base}/.well-known/openid-configuration"),
        format!("{scheme}://{host}/.well-known/oauth-authorization-server{path}"),
    ] {
        match get(client, &url).await {
            Ok(document) => {
                return serde_json::from_slice(document.body())
                    .map_err(|_| Failure::refused(format!("{url}: the document is not JSON")));
            }
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(Failure::refused(first.unwrap_or_default()))
}

async fn get(client: &HttpClient, url: &str) -> Result<Fetched, String> {
    let answer = tokio::time::timeout(PATIENCE, client.get(url)).await;
    let answer = answer.map_err(|_| format!("{url}: no answer within {} s", PATIENCE.as_secs()))?;
    answer.map_err(|error| format!("{url}: {error}"))
}
