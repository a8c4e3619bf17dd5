//! `doctor`: the settings without secrets, weak spots, versions, and what can be reached.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::{print, table};

/// Variables that usually name a store.
const STORES: [(&str, u16); 2] = [("DATABASE_URL", 5432), ("REDIS_URL", 6379)];
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn run() -> Result<(), Failure> {
    let environment = Environment::read()?;
    let captured = Arc::new(Mutex::new(String::new()));
    let subscriber = Capture(Arc::clone(&captured));
    let built = tracing::subscriber::with_default(subscriber, || {
        environment.config().log_settings().build().map(drop)
    });
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("cargo-jwt-auth", env!("CARGO_PKG_VERSION").to_owned()),
        row("jwt-auth", locked_version().unwrap_or_else(|| "not in Cargo.lock".to_owned())),
        row("key", key(&environment).to_owned()),
    ];
    for (variable, port) in STORES {
        if let Ok(url) = std::env::var(variable) {
            rows.push(row(variable, reached(&url, port)));
        }
    }
    match built {
        Ok(()) => {
            let settings = captured.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for setting in split(&settings) {
                let (name, value) = setting.split_once('=').unwrap_or((&setting, ""));
                rows.push(row(name, value.to_owned()));
            }
            print(&table(&rows))?;
            let weak = weak_spots(&environment, &settings);
            if weak.is_empty() {
                return Ok(());
            }
            Err(Failure::refused(format!("weak spots:\n{}", weak.join("\n"))))
        }
        Err(error) => {
            print(&table(&rows))?;
            Err(Failure::usage(format!("the configuration is not valid\n{error}")))
        }
    }
}

fn key(environment: &Environment) -> &'static str {
    match (environment.has_key(), environment.has_development_key) {
        (_, true) => "the development key, in .jwt-auth/dev-key",
        (true, false) => "configured",
        (false, false) => "none: a debug build creates one, a release build refuses to start",
    }
}

fn weak_spots(environment: &Environment, settings: &str) -> Vec<String> {
    let mut weak = Vec::new();
    if environment.has_development_key {
        weak.push("- the key is the development key; a release build needs JWT_AUTH_SECRET_KEY or a key pair".to_owned());
    }
    let dangers = settings.split("danger=[").nth(1).and_then(|rest| rest.split(']').next());
    if let Some(dangers) = dangers.filter(|dangers| !dangers.is_empty()) {
        weak.push(format!("- weakened by danger: {dangers}"));
    }
    if settings.contains("lost at a restart") {
        weak.push("- the environment sets no store: unless your code calls `.revocation(…)`, a restart forgets revocations".to_owned());
    }
    weak
}

/// The version of the library that the project uses.
fn locked_version() -> Option<String> {
    let lock = std::fs::read_to_string("Cargo.lock").ok()?;
    let package =
        lock.split("[[package]]").find(|package| package.contains("name = \"jwt-auth\"\n"))?;
    let version = package.lines().find_map(|line| line.strip_prefix("version = "))?;
    Some(version.trim_matches('"').to_owned())
}

/// Whether the host of a URL answers; the URL may contain a password, so only the host is printed.
fn reached(url: &str, port: u16) -> String {
    let Some(host) = host(url) else {
        return "not checked: this is not scheme://user:password@host:port/…".to_owned();
    };
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
    let address = host.to_socket_addrs().ok().and_then(|mut all| all.next());
    match address.map(|address| TcpStream::connect_timeout(&address, PATIENCE)) {
        Some(Ok(_)) => format!("{host} answers"),
        Some(Err(error)) => format!("{host} does not answer: {error}"),
        None => format!("{host} is not known"),
    }
}

/// The host of a URL, with the port if there is one. `None` for a text whose parts are ambiguous.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    // A password with a `/` ends the authority early.
    (!host.is_empty() && host.chars().all(is_host) && !path.contains('@')).then_some(host)
}

/// The settings, whose values may have blanks inside brackets.
fn split(settings: &str) -> Vec<String> {
    let (mut all, mut depth, mut current) = (Vec::new(), 0_i32, String::new());
    for c in settings.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ' ' if depth == 0 => {
                all.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(c);
    }
    all.push(current);
    all
}

/// Keeps the field `settings` of the event with the effective settings.
struct Capture(Arc<Mutex<String>>);

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Visitor(&self.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Visitor<'a>(&'a Mutex<String>);

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "settings" {
            value.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn no_part_of_a_password_is_taken_for_the_host() {
        for (url, expected) in [
            ("postgres://user:pass@db.example:5433/notes", Some("db.example:5433")),
            ("redis://127.0.0.1", Some("127.0.0.1")),
            ("redis://:p@ss@[::1]:6379/0", Some("[::1]:6379")),
            ("postgres://user:1234/rest@db.example/notes", None),
            ("postgres:///notes?password=secret", None),
            ("host=db.example user=notes password=secret", None),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
