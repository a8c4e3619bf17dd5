//! Finds an address in the document of an issuer (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).

use serde_json::Value;

use crate::fetch::{FetchError, Fetcher};

/// A member of the document that names an address.
#[derive(Clone, Copy)]
pub(crate) enum Endpoint {
    Keys,
    Introspection,
}

impl Endpoint {
    const fn name(self) -> &'static str {
        match self {
            Self::Keys => "jwks_uri",
            Self::Introspection => "introspection_endpoint",
        }
    }
}

/// The address of the endpoint, as the issuer's document names it.
pub(crate) async fn find(
    issuer: &str,
    endpoint: Endpoint,
    fetcher: &Fetcher,
) -> Result<String, FetchError> {
    let (url, text) = document(issuer, fetcher).await?;
    read(issuer, endpoint, &url, &text)
}

/// The document of an issuer, with the address at which it was found.
///
/// # Errors
///
/// If there is none at either address.
pub async fn document(issuer: &str, fetcher: &Fetcher) -> Result<(String, String), FetchError> {
    let mut first_error = None;
    for url in document_urls(issuer) {
        match fetcher.get(&url).await {
            Ok((text, _)) => return Ok((url, text)),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or_else(|| FetchError::new(format!("{issuer} is no address"))))
}

/// Where the document may be: OpenID Connect appends its path to the issuer, RFC 8414 inserts it after the host.
fn document_urls(issuer: &str) -> Vec<String> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let mut urls = vec![format!("{base}/.well-known/openid-configuration")];
    if let Some((scheme, rest)) = base.split_once("://") {
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        urls.push(format!("{scheme}://{authority}/.well-known/oauth-authorization-server{path}"));
    }
    urls
}

/// Reads the document. It must be that of the issuer, byte by byte (RFC 8414 §3.3).
fn read(issuer: &str, endpoint: Endpoint, url: &str, text: &str) -> Result<String, FetchError> {
    let document: Value = serde_json::from_str(text)
        .map_err(|_| FetchError::new(format!("{url}: the document is not JSON")))?;
    let text = |name: &str| document[name].as_str();
    if text("issuer") != Some(issuer) {
        return Err(FetchError::new(format!(
            "{url}: the document is that of the issuer {:?}, not of {issuer:?}; a slash at the end matters",
            text("issuer").unwrap_or_default()
        )));
    }
    let name = endpoint.name();
    let found = text(name).map(str::to_owned);
    found.ok_or_else(|| FetchError::new(format!("{url}: the document has no `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_appended_by_one_standard_and_inserted_by_the_other() {
        assert_eq!(
            document_urls("https://login.example/tenant"),
            [
                "https://login.example/tenant/.well-known/openid-configuration",
                "https://login.example/.well-known/oauth-authorization-server/tenant",
            ]
        );
        assert_eq!(
            document_urls("https://login.example/"),
            [
                "https://login.example/.well-known/openid-configuration",
                "https://login.example/.well-known/oauth-authorization-server",
            ]
        );
    }

    #[test]
    fn the_document_of_another_issuer_is_refused() {
        let document = r#"{"issuer":"https://a.example/","jwks_uri":"https://a.example/keys"}"#;
        let url = read("https://a.example/", Endpoint::Keys, "url", document);
        assert_eq!(url.as_deref(), Ok("https://a.example/keys"));
        assert!(read("https://a.example/", Endpoint::Introspection, "url", document).is_err());
        for issuer in ["https://a.example", "https://b.example/"] {
            assert!(read(issuer, Endpoint::Keys, "url", document).is_err(), "{issuer}");
        }
        for bad in
            ["", "[]", r#"{"jwks_uri":"x"}"#, r#"{"issuer":"i"}"#, r#"{"issuer":"i","jwks_uri":7}"#]
        {
            assert!(read("i", Endpoint::Keys, "url", bad).is_err(), "{bad}");
        }
    }
}
