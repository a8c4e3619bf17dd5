//! A span for request logs that contains no token.

use http::{Request, Uri};
use tracing::Span;

use crate::auth::JwtAuth;

impl JwtAuth {
    /// A span with the method and the URI of a request, without a token in its query.
    ///
    /// The span that tower-http's `TraceLayer` makes by default contains the whole URI, and so every token that arrives in
    /// the query. The level is `debug`, as tower-http's.
    ///
    /// ```
    /// use axum::extract::Request;
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// let make_span = {
    ///     let auth = auth.clone();
    ///     move |request: &Request| auth.request_span(request)
    /// };
    /// // `TraceLayer::new_for_http().make_span_with(make_span)`
    /// # drop(make_span);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn request_span<B>(&self, request: &Request<B>) -> Span {
        tracing::debug_span!(
            "request",
            method = %request.method(),
            uri = self.redacted_uri(request.uri()),
            version = ?request.version(),
        )
    }

    /// The URI with `[token]` in place of a token in its query, for your own log.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let uri = "/feed?access_token=a.b.c&page=2".parse()?;
    /// assert_eq!(auth.redacted_uri(&uri), "/feed?access_token=[token]&page=2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redacted_uri(&self, uri: &Uri) -> String {
        let text = uri.to_string();
        let Some((path, query)) = text.split_once('?') else { return text };
        let name = &self.web().query_name;
        let redact = |pair: &str| match pair.split_once('=') {
            Some((key, _)) if key.eq_ignore_ascii_case(name) => format!("{key}=[token]"),
            _ => pair.to_owned(),
        };
        let pairs: Vec<String> = query.split('&').map(redact).collect();
        format!("{path}?{}", pairs.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn every_token_of_the_query_is_redacted_and_nothing_else() {
        let auth = Config::hs256(crate::KeyMaterial::ephemeral()).build().unwrap();
        for (uri, expected) in [
            ("/a", "/a"),
            ("/a?", "/a?"),
            ("/a?x=access_token", "/a?x=access_token"),
            ("/a?access_token=a.b.c", "/a?access_token=[token]"),
            (
                "/a?x&access_token=&Access_Token=b=c&y=1",
                "/a?x&access_token=[token]&Access_Token=[token]&y=1",
            ),
            ("https://h.example/a?access_token=t", "https://h.example/a?access_token=[token]"),
        ] {
            assert_eq!(auth.redacted_uri(&uri.parse().unwrap()), expected);
        }
    }
}
