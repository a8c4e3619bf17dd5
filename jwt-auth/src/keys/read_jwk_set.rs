//! Reads a JWK set that another service publishes (RFC 7517 §5).

use std::collections::HashSet;
use std::sync::Arc;

use crate::json::{self, NotStrict, Value};
use crate::keys::load::{self, Leniency};
use crate::keys::public_jwk::key_of;
use crate::keys::{Algorithm, Family, Key, KeyProblem};

/// The most keys of a set. Providers publish fewer than ten.
const MOST_KEYS: usize = 100;

/// A key, and the id by which tokens name it.
type NamedKey = (Option<Arc<str>>, Key);

/// Whether the text is a JWK set, and not one JWK.
pub(super) fn is_set(text: &str) -> bool {
    members(text).is_ok_and(|keys| keys.is_some())
}

/// The usable keys of an issuer's set, each with an id of its own. An RSA key without an algorithm gets the given one.
pub(super) fn issuer_keys(text: &str, algorithm: Algorithm) -> Result<Vec<Key>, KeyProblem> {
    let mut ids = HashSet::new();
    let found = usable(text, Some(algorithm))?.into_iter();
    Ok(found
        .filter(|(id, _)| id.as_ref().is_none_or(|id| ids.insert(id.clone())))
        .map(|(_, key)| key)
        .collect())
}

/// The usable keys of a set. Keys of unknown types, for another use or with broken values are left out (RFC 7517 §5).
pub(super) fn keys(text: &str) -> Result<Vec<Key>, KeyProblem> {
    Ok(usable(text, None)?.into_iter().map(|(_, key)| key).collect())
}

/// The usable keys, each with its id.
fn usable(text: &str, algorithm: Option<Algorithm>) -> Result<Vec<NamedKey>, KeyProblem> {
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
            Ok(loaded) => keys.push((loaded.id, key)),
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

/// The objects of the member `keys`; `None` without such an array.
fn members(text: &str) -> Result<Option<Vec<&str>>, NotStrict> {
    let mut keys = None;
    json::object(text, |name, value, _| {
        if let ("keys", Value::Array { raw, start }) = (name, value) {
            let mut members = Vec::new();
            json::array(raw, start, |member| match member {
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
