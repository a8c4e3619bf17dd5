//! The effective settings of a configuration as text, without secrets.

use std::fmt::Display;
use std::time::Duration;

use crate::config::builder::Checked;
use crate::config::{Config, KeyHome, TokenLocation, duration};
use crate::keys::Leniency;
use crate::token_kind::{PerKind, TokenKind};

/// # Build
impl Config {
    /// Lets [`build`](Self::build) log the effective settings. Default: off.
    ///
    /// One event of `tracing` at level `INFO` with the target `jwt_auth`: every option in use, defaults included; the
    /// algorithms and ids of the keys; which hooks are set; which options of [`danger`](crate::danger) weaken it. Secrets and key
    /// material are not printed. Names of cookies are those that browsers see.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// // INFO jwt_auth: the effective settings settings="keys=[HS256 signs] access_token_expires=5m …"
    /// let auth = Config::hs256(KeyMaterial::ephemeral())
    ///     .access_token_expires(std::time::Duration::from_secs(300))
    ///     .log_settings()
    ///     .build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn log_settings(mut self) -> Self {
        self.logs_settings = true;
        self
    }
}

/// The settings as `name=value`, separated by blanks.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, name: &str, value: impl Display) {
        self.0.push(format!("{name}={value}"));
    }

    fn option(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.add(name, value),
            None => self.add(name, "none"),
        }
    }

    fn list(&mut self, name: &str, values: impl IntoIterator<Item = impl Display>) {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.add(name, format_args!("[{}]", values.join(",")));
    }

    fn time(&mut self, name: &str, value: Duration) {
        self.add(name, duration::write(value));
    }

    /// `access_…` and `refresh_…`.
    fn kinds(&mut self, name: &str, value: impl Fn(TokenKind) -> String) {
        for kind in TokenKind::ALL {
            self.add(&format!("{kind}_{name}"), value(kind));
        }
    }
}

pub(super) fn effective(
    checked: &Checked,
    leniency: Leniency,
    has_decode_algorithms: bool,
) -> String {
    let mut lines = Lines::default();
    let keys = checked.ring.keys().map(|key| {
        let id = key.id.as_deref().map(|id| format!(" id={id:?}")).unwrap_or_default();
        let signs = if key.can_sign() { " signs" } else { "" };
        let verifies = if key.verifies { "" } else { " does not verify" };
        format!("{}{id}{signs}{verifies}", key.algorithm)
    });
    lines.list("keys", keys);
    if let Some(plan) = &checked.rotation {
        let home = match &plan.home {
            KeyHome::Directory(path) => path.display().to_string(),
            KeyHome::Store(_) => "the store".to_owned(),
        };
        let every = duration::write(plan.every);
        lines.add("key_rotation", format_args!("({} every {every}, in {home})", plan.algorithm));
    }
    tokens(&mut lines, checked);
    web(&mut lines, checked);
    hooks(&mut lines, checked);
    let checks_every_kind = TokenKind::ALL.iter().all(|k| *checked.rules.checks_revocation.get(*k));
    let reads_cookies = checked.web.reads(TokenLocation::Cookie);
    let weakened = [
        ("allow_short_secret", leniency.short_secrets),
        ("allow_short_rsa_keys", leniency.short_rsa_keys),
        ("allow_tokens_without_expiry", checked.rules.exp_optional),
        ("decode_algorithms", has_decode_algorithms),
        ("cookie_secure", reads_cookies && !checked.web.cookies.secure),
        ("cookie_csrf_protect", reads_cookies && !checked.web.csrf.is_on),
        ("denylist_token_checks", !checks_every_kind),
    ];
    lines.list("danger", weakened.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name));
    lines.0.join(" ")
}

fn tokens(lines: &mut Lines, checked: &Checked) {
    let rules = &checked.rules;
    lines.option("encode_issuer", rules.encode_issuer.as_deref());
    lines.option("decode_issuer", rules.decode_issuer.as_deref());
    lines.list("audience", &rules.audience);
    lines.list("decode_audience", &rules.decode_audience);
    lines.time("decode_leeway", rules.leeway);
    lines.time("issued_at_leeway", rules.issued_at_leeway);
    lines.kinds("token_expires", |kind| duration::write(*rules.expires.get(kind)));
    lines.time("session_expires", rules.session_expires);
    lines.time("refresh_grace", rules.refresh_grace);
    lines.time("refresh_grace_until_used", rules.grace_until_used);
    lines.add("max_sessions_per_subject", rules.max_sessions);
    match rules.verified_cache {
        Some(tokens) => lines.add("verified_cache", tokens),
        None => lines.add("verified_cache", "default"),
    }
    lines.add("scope_wildcards", rules.scope_wildcards);
    lines.time("store_deadline", rules.store_deadline);
    lines.time("denylist_deadline", rules.denylist_deadline);
    lines.time("hook_deadline", rules.hook_deadline);
    let checks: PerKind<bool> = rules.checks_revocation;
    let checked_kinds = TokenKind::ALL.into_iter().filter(|kind| *checks.get(*kind));
    lines.list("denylist_token_checks", checked_kinds);
    let legacy = rules.legacy.as_ref();
    lines.option("accept_legacy", legacy.map(|legacy| format!("(key {:?})", legacy.key_id)));
    lines.list("trust", checked.trusted.iter().flat_map(|(issuer, _)| issuer.names()));
    let store = if checked.store.is_default() { "memory, lost at a restart" } else { "set" };
    lines.add("revocation", format_args!("({store})"));
}

fn web(lines: &mut Lines, checked: &Checked) {
    let web = &checked.web;
    lines.list("token_location", web.token_location.iter().map(|location| location.name()));
    if web.reads(TokenLocation::Header) {
        lines.add("header_name", &web.header_text);
        let schemes = web.errors.scheme.iter().chain(&web.other_schemes);
        lines.list("header_types", schemes);
    }
    if web.reads(TokenLocation::Query) {
        lines.add("query_name", &web.query_name);
    }
    if web.reads(TokenLocation::Cookie) {
        let (cookies, csrf) = (&web.cookies, &web.csrf);
        lines.kinds("cookie_key", |kind| cookies.of(kind).token.name.clone());
        lines.kinds("cookie_path", |kind| cookies.of(kind).token.path.clone());
        lines.option("cookie_max_age", cookies.max_age.map(duration::write));
        lines.option("cookie_domain", cookies.domain.as_deref());
        lines.add("cookie_secure", cookies.secure);
        lines.add("cookie_samesite", format_args!("{:?}", cookies.same_site));
        lines.add("session_cookies", cookies.end_with_browser);
        lines.list("previous_cookies", web.previous_cookies.iter().map(|cookie| &cookie.name));
        lines.add("cookie_csrf_protect", csrf.is_on);
        lines.add("csrf_in_cookies", csrf.in_cookies);
        lines.kinds("csrf_cookie_key", |kind| cookies.of(kind).csrf.name.clone());
        lines.kinds("csrf_cookie_path", |kind| cookies.of(kind).csrf.path.clone());
        lines.kinds("csrf_header_name", |kind| csrf.header_text(kind).to_owned());
        match &csrf.methods {
            Some(methods) => lines.list("csrf_methods", methods),
            None => lines.add("csrf_methods", "(all but GET, HEAD and OPTIONS)"),
        }
        lines.option("csrf_form_field", csrf.form_field.as_deref());
        lines.option("csrf_query_name", csrf.query_name.as_deref());
        lines.list("trusted_origins", &csrf.trusted_origins);
    }
    lines.option("resource", web.resource.as_ref().map(|resource| &resource.url));
    let servers = web.resource.iter().flat_map(|resource| &resource.authorization_servers);
    lines.list("authorization_servers", servers);
    lines.add("dpop_nonces", web.dpop_nonces.is_some());
    lines.option("compat", web.errors.compat.map(|compat| format!("{compat:?}")));
    lines.add("error_body_key", web.errors.body_key());
    lines.add("problem_details", web.errors.has_problem_details);
}

fn hooks(lines: &mut Lines, checked: &Checked) {
    let (hooks, errors) = (&checked.hooks, &checked.web.errors);
    let all = [
        ("additional_claims", hooks.claims.is_some()),
        ("additional_headers", hooks.headers.is_some()),
        ("async_claims_check", hooks.async_check.is_some()),
        ("claims_check", hooks.check.is_some()),
        ("denylist", hooks.denylist.is_some()),
        ("grants", hooks.grants.is_some()),
        ("on_error", errors.on_error.is_some()),
        ("on_refusal", errors.on_refusal.is_some()),
        ("on_reuse", hooks.reuse.is_some()),
    ];
    lines.list("hooks", all.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name));
}
