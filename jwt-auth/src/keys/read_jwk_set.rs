//! Reads a JWK set that another service publishes (RFC 7517 §5).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::json::{self, NotStrict, Value};
use crate::keys::load::{self, Leniency};
use crate::keys::public_jwk::key_of;
use crate::keys::{Algorithm, Family, Key, KeyProblem};

/// The most keys of a set. Providers publish fewer than ten.
const MOST_KEYS: usize = 100;

/// A key of a set.
struct Usable {
    /// By what tokens name it.
    id: Option<Arc<str>>,
    /// The one issuer whose tokens it signs, for a set of several issuers.
    issuer: Option<String>,
    key: Key,
}

/// Whether the text is a JWK set, and not one JWK.
pub(super) fn is_set(text: &str) -> bool {
    members(text).is_ok_and(|keys| keys.is_some())
}

/// The keys of a set that issuers publish.
#[derive(Default)]
pub(crate) struct PublishedKeys {
    /// Those that no member binds to one issuer.
    pub(crate) shared: Vec<Key>,
    /// Those of one issuer alone, by its name.
    pub(crate) of_issuer: BTreeMap<String, Vec<Key>>,
}

/// The usable keys of a set that issuers publish, each with an id of its own. An RSA key without an algorithm gets the given
/// one.
pub(crate) fn published_keys(
    text: &str,
    algorithm: Algorithm,
) -> Result<PublishedKeys, KeyProblem> {
    let mut ids = HashSet::new();
    let mut published = PublishedKeys::default();
    for Usable { id, issuer, key } in usable(text, Some(algorithm))? {
        if id.is_some_and(|id| !ids.insert(id)) {
            continue;
        }
        match issuer {
            Some(issuer) => published.of_issuer.entry(issuer).or_default().push(key),
            None => published.shared.push(key),
        }
    }
    Ok(published)
}

/// The usable keys of a set. Keys of unknown types, for another use or with broken values are left out (RFC 7517 §5).
pub(super) fn keys(text: &str) -> Result<Vec<Key>, KeyProblem> {
    Ok(usable(text, None)?.into_iter().map(|usable| usable.key).collect())
}

fn usable(text: &str, algorithm: Option<Algorithm>) -> Result<Vec<Usable>, KeyProblem> {
    let problem =
        |rule: String| KeyProblem::new(rule, "pass the text of a JWK set: `{\"keys\":[…]}`");
    let members = members(text)
        .map_err(|NotStrict| problem("the JWK set is not a JSON object of unique members".into()))?
        .ok_or_else(|| problem("the JWK set has no array `keys`".into()))?;
    if members.len() > MOST_KEYS {
        return Err(problem(format!("a JWK set has at most {MOST_KEYS} keys here")));
    }
    let (mut keys, mut first_problem) = (Vec::new(), None);
    for text in members {
        let key = match algorithm {
            Some(algorithm) => key_of(text, algorithm),
            None => Key::jwk(text),
        };
        match load::load(&key, Leniency::default()) {
            Ok(loaded) if loaded.algorithm.family() == Family::Hmac => {
                return Err(KeyProblem::new(
                    "the JWK set contains a shared secret (`oct`), and whoever publishes it knows it",
                    "remove the secret from the set, and load it with `Key::secret(…)`",
                ));
            }
            Ok(loaded) => keys.push(Usable { id: loaded.id, issuer: issuer_of(text), key }),
            Err(problem) => {
                tracing::debug!(target: "jwt_auth", rule = problem.rule, "a key of a JWK set is left out");
                first_problem.get_or_insert(problem);
            }
        }
    }
    if keys.is_empty() {
        let empty = || problem("the JWK set contains no key".into());
        return Err(first_problem.unwrap_or_else(empty));
    }
    Ok(keys)
}

/// The member `issuer`, by which Entra binds a key to one tenant. A template such as `https://…/{tenantid}/v2.0` means each.
fn issuer_of(jwk: &str) -> Option<String> {
    let mut issuer = None;
    let _ = json::object(jwk, |name, value, _| {
        if let ("issuer", Value::String(text)) = (name, value) {
            issuer = Some(text.value().into_owned());
        }
        Ok(())
    });
    issuer.filter(|issuer| !issuer.contains('{'))
}

/// The objects of the member `keys`; `None` without such an array.
fn members(text: &str) -> Result<Option<Vec<&str>>, NotStrict> {
    let mut keys = None;
    json::object(text, |name, value, _| {
        if let ("keys", Value::Array(raw)) = (name, value) {
            let mut members = Vec::new();
            json::array(raw, |member| match member {
                Value::Object(text) => {
                    members.push(text);
                    Ok(())
                }
                _ => Err(NotStrict),
            })?;
            keys = Some(members);
        }
        Ok(())
    })?;
    Ok(keys)
}
