//! `verify`: each rule with its verdict, and what to do about the one that fails.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use jwt_auth::__private::Verdict;
use jwt_auth::config::TrustedIssuer;
use jwt_auth::{AuthErrorKind, Config, JwtAuth, KeyRing};
use jwt_auth_oidc::Issuer;
use serde::Serialize;

use crate::arguments::VerifyArguments;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::input;
use crate::output::{print, print_json, table};

/// The rules that a token alone can break. The others need the store and the hooks of the service.
const RULES: usize = 9;

#[derive(Serialize)]
struct Report {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    rules: Vec<Checked>,
}

#[derive(Serialize)]
struct Checked {
    rule: &'static str,
    #[serde(rename = "verdict")]
    answer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

pub(crate) fn run(arguments: &VerifyArguments) -> Result<(), Failure> {
    let token = input::token()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let failed = runtime.block_on(async {
        let auth = auth(arguments).await?;
        Ok::<_, Failure>(if arguments.refresh {
            auth.verify_refresh(&token).await.err()
        } else {
            auth.verify_access(&token).await.err()
        })
    })?;
    let kind = failed.as_ref().map(jwt_auth::AuthError::kind);
    if kind == Some(AuthErrorKind::Unavailable) {
        return Err(Failure::usage(
            "the keys of the issuer cannot be fetched; see `cargo jwt-auth issuer probe`",
        ));
    }
    let report =
        report(kind, failed.as_ref().and_then(|error| error.expected().zip(error.found())));
    if arguments.json {
        print_json(&report)?;
    } else {
        let rows: Vec<Vec<String>> = report
            .rules
            .iter()
            .map(|one| {
                let fix = one.fix.clone().unwrap_or_default();
                vec![one.answer.to_owned(), one.rule.to_owned(), fix]
            })
            .collect();
        print(&table(&rows))?;
    }
    match kind {
        None => {
            eprintln!(
                "The token is accepted. Revocation was not checked: only the store of the service knows it."
            );
            Ok(())
        }
        Some(kind) => {
            Err(Failure::refused(format!("refused: {} ({})", kind.detail(), kind.code())))
        }
    }
}

async fn auth(arguments: &VerifyArguments) -> Result<JwtAuth, Failure> {
    let config = match (&arguments.issuer, &arguments.jwks) {
        (Some(issuer), Some(file)) => {
            let set = fs::read_to_string(file);
            let set =
                set.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
            let issuer = TrustedIssuer::new(issuer, KeyRing::jwk_set(&set));
            Config::with_keys(KeyRing::default()).trust(issuer.audience(arguments.audience.clone()))
        }
        (Some(issuer), None) => {
            let issuer = Issuer::discover(issuer).audience(arguments.audience.clone());
            let issuer = issuer.prefetch().await.map_err(Failure::usage)?;
            Config::with_keys(KeyRing::default()).trust(issuer)
        }
        _ => {
            let environment = Environment::read()?;
            if !environment.has_key() {
                return Err(Failure::usage(
                    "there is no key to verify with: set JWT_AUTH_SECRET_KEY or JWT_AUTH_PUBLIC_KEY, here or in .env, or name the issuer by --issuer",
                ));
            }
            let config = environment.config();
            if arguments.audience.is_empty() {
                config
            } else {
                config.decode_audience(arguments.audience.clone())
            }
        }
    };
    config.build().map_err(Failure::usage)
}

fn report(failed: Option<AuthErrorKind>, mismatch: Option<(&str, &str)>) -> Report {
    let rules = AuthErrorKind::verdicts(failed).take(RULES).map(|(rule, verdict)| {
        let answer = match verdict {
            Verdict::Passed => "ok",
            Verdict::Failed => "failed",
            Verdict::NotChecked => "not checked",
        };
        let fix = failed.filter(|_| verdict == Verdict::Failed).map(|kind| {
            let fix = fix(kind);
            match mismatch {
                Some((expected, found)) => format!("expected {expected}, found {found}: {fix}"),
                None => fix.to_owned(),
            }
        });
        Checked { rule, answer, fix }
    });
    Report {
        valid: failed.is_none(),
        code: failed.map(AuthErrorKind::code),
        rules: rules.collect(),
    }
}

fn fix(kind: AuthErrorKind) -> &'static str {
    match kind {
        AuthErrorKind::Malformed => "copy the whole token, and nothing else",
        AuthErrorKind::UnknownKey => "configure the key that its `kid` names",
        AuthErrorKind::WrongAlgorithm => "configure a key of the algorithm in its header",
        AuthErrorKind::InvalidSignature => {
            "configure the key that signed it, or get an unchanged copy"
        }
        AuthErrorKind::InvalidClaims => {
            "`exp` and `sub` are required; see `cargo jwt-auth inspect`"
        }
        AuthErrorKind::Expired => "refresh it, or log in again",
        AuthErrorKind::NotYetValid | AuthErrorKind::IssuedInTheFuture => "compare the clocks",
        AuthErrorKind::WrongIssuer | AuthErrorKind::IssuerMissing => {
            "compare JWT_AUTH_ISSUER with its `iss`"
        }
        AuthErrorKind::WrongAudience | AuthErrorKind::AudienceMissing => {
            "compare JWT_AUTH_AUDIENCE or --audience with its `aud`"
        }
        AuthErrorKind::AccessTokenRequired => {
            "it is a refresh token or an ID token; add --refresh for the first"
        }
        AuthErrorKind::RefreshTokenRequired => "it is an access token; leave out --refresh",
        AuthErrorKind::DpopRequired => {
            "it is bound to a key, and only a request with a proof can use it"
        }
        _ => "see https://docs.rs/jwt-auth/latest/jwt_auth/guide/why_401",
    }
}

/// A time of a token, relative to now.
pub(crate) fn when(at: u64) -> String {
    #[allow(
        clippy::disallowed_methods,
        reason = "the output compares times of the token with the current time"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let distance = at.abs_diff(now);
    let text = match distance {
        0..120 => format!("{distance} s"),
        120..7_200 => format!("{} min", distance / 60),
        7_200..172_800 => format!("{} h", distance / 3600),
        _ => format!("{} days", distance / 86_400),
    };
    if at > now { format!("in {text}") } else { format!("{text} ago") }
}
