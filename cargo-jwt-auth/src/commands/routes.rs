//! `routes`: the manifest of the project, and the gate against weaker routes.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use serde_json::Value;

use crate::access::{Access, Route};
use crate::arguments::RoutesArguments;
use crate::failure::Failure;
use crate::output::{print, print_json, table};

/// The members that this version knows.
const KNOWN: [&str; 21] = [
    "path",
    "method",
    "guard",
    "optional",
    "fresh",
    "dpop",
    "max_age",
    "scopes",
    "any_scope",
    "and_any_scope",
    "roles",
    "any_role",
    "and_any_role",
    "locations",
    "revocation",
    "audience",
    "check",
    "same_origin",
    "reads_token",
    "why",
    "layers",
];

/// A difference between two manifests.
#[derive(Debug, Serialize)]
struct Change {
    route: String,
    /// `added`, `removed`, `weaker` or `changed`.
    #[serde(rename = "change")]
    kind: &'static str,
    what: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Change {
    fn is_allowed(&self) -> bool {
        self.kind != "weaker" || self.reason.is_some()
    }
}

pub(crate) fn run(arguments: &RoutesArguments) -> Result<(), Failure> {
    let file = arguments.file.as_path();
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "{}: {error}; a test writes it: `jwt_auth::testing::assert_manifest(&router.manifest(), \"routes.json\")`",
            file.display()
        ))
    })?;
    let routes = read(&text, &file.display().to_string())?;
    let Some(base) = arguments.base.as_deref().filter(|_| arguments.check) else {
        return show(&text, &routes, arguments.json);
    };
    let before = at_base(base, file)?.unwrap_or_default();
    let before = read(&before, &format!("{} at {base}", file.display()))?;
    let reasons = new_reasons(base, &arguments.allow)?;
    let changes = compare(&before, &routes, &reasons);
    if arguments.json {
        print_json(&changes)?;
    } else {
        let row = |change: &Change| {
            let reason = change.reason.as_deref().map(|reason| format!("allowed: {reason}"));
            vec![
                change.kind.to_owned(),
                change.route.clone(),
                change.what.join("; "),
                reason.unwrap_or_default(),
            ]
        };
        print(&table(&changes.iter().map(row).collect::<Vec<_>>()))?;
    }
    let refused: Vec<&str> = changes
        .iter()
        .filter(|change| !change.is_allowed())
        .map(|change| change.route.as_str())
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "{} weaker than at {base}. If this is intended, add a line with your reason to {}:\n{}",
        match refused.len() {
            1 => "1 route is".to_owned(),
            many => format!("{many} routes are"),
        },
        arguments.allow.display(),
        refused.iter().map(|route| format!("{route}: the reason")).collect::<Vec<_>>().join("\n")
    )))
}

fn show(text: &str, routes: &[Route], is_json: bool) -> Result<(), Failure> {
    if is_json {
        return print(&format!("{}\n", text.trim_end()));
    }
    let rows: Vec<Vec<String>> = routes
        .iter()
        .map(|route| {
            let access = &route.access;
            vec![route.method.clone(), route.path.clone(), access.guard.clone(), words(access)]
        })
        .collect();
    print(&table(&rows))
}

/// What a route asks for beside its guard.
fn words(access: &Access) -> String {
    let mut words = Vec::new();
    for (word, is_on) in
        [("optional", access.optional), ("fresh", access.fresh), ("dpop", access.dpop)]
    {
        words.extend(is_on.then(|| word.to_owned()));
    }
    for (name, list) in [
        ("scopes", &access.scopes),
        ("any_scope", &access.any_scope),
        ("roles", &access.roles),
        ("any_role", &access.any_role),
    ] {
        words.extend((!list.is_empty()).then(|| format!("{name}({})", list.join(" "))));
    }
    words.extend(access.check.as_ref().map(|check| format!("check({check})")));
    words.extend(access.why.as_ref().map(|why| format!("because {why}")));
    words.join("  ")
}

/// A manifest: an array of routes, or an object that also names the trusted issuers.
fn read(text: &str, name: &str) -> Result<Vec<Route>, Failure> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let problem = |error: String| Failure::usage(format!("{name}: {error}"));
    let value: Value = serde_json::from_str(text).map_err(|error| problem(error.to_string()))?;
    let routes = match &value {
        Value::Object(members) => members.get("routes").cloned().unwrap_or_default(),
        _ => value,
    };
    let entries = routes.as_array().ok_or_else(|| problem("this is no manifest".to_owned()))?;
    for member in entries.iter().filter_map(Value::as_object).flat_map(|entry| entry.keys()) {
        if !KNOWN.contains(&member.as_str()) {
            return Err(problem(format!(
                "this version does not know `{member}`, which could be a requirement; update cargo-jwt-auth"
            )));
        }
    }
    let entries = entries.iter().map(|entry| serde_json::from_value(entry.clone()));
    entries.collect::<Result<_, _>>().map_err(|error| problem(error.to_string()))
}

/// A file as it is at a reference of Git; `None` if it is not there.
fn at_base(base: &str, file: &Path) -> Result<Option<String>, Failure> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output();
        output.map_err(|error| Failure::usage(format!("git: {error}")))
    };
    if base.starts_with('-') {
        return Err(Failure::usage(format!("{base:?} is no reference")));
    }
    let commit = format!("{base}^{{commit}}");
    let known = git(&["rev-parse", "--verify", "--quiet", &commit])?;
    if !known.status.success() {
        return Err(Failure::usage(format!(
            "Git knows no {base:?}; fetch it, or name another base"
        )));
    }
    let object = format!("{base}:./{}", file.display());
    let shown = git(&["show", &object])?;
    Ok(shown.status.success().then(|| String::from_utf8_lossy(&shown.stdout).into_owned()))
}

/// The reasons that this change has added. One that was there before allowed an earlier change.
fn new_reasons(base: &str, allow: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let now = match fs::read_to_string(allow) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(Failure::usage(format!("{}: {error}", allow.display()))),
    };
    let before = at_base(base, allow)?.unwrap_or_default();
    let mut reasons = BTreeMap::new();
    for line in now.lines().filter(|line| !before.lines().any(|known| known == *line)) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(": ") {
            Some((route, reason)) if !reason.trim().is_empty() => {
                reasons.insert(route.trim().to_owned(), reason.trim().to_owned());
            }
            _ => {
                return Err(Failure::usage(format!(
                    "{}: write `GET /path: the reason`, not {line:?}",
                    allow.display()
                )));
            }
        }
    }
    Ok(reasons)
}

fn compare(before: &[Route], now: &[Route], reasons: &BTreeMap<String, String>) -> Vec<Change> {
    let find =
        |routes: &'_ [Route], name: &str| routes.iter().position(|route| route.name() == name);
    let mut changes = Vec::new();
    for route in now {
        let name = route.name();
        let (kind, what) = match find(before, &name) {
            None => {
                let skips = route.access.revocation.as_deref() == Some("skip");
                let is_open = route.access.guard == "unguarded" || skips;
                let kind = if is_open { "weaker" } else { "added" };
                (
                    kind,
                    vec![
                        format!("{} {}", route.access.guard, words(&route.access))
                            .trim_end()
                            .to_owned(),
                    ],
                )
            }
            Some(at) => {
                let weaker = route.access.weaker_than(&before[at].access);
                match () {
                    () if !weaker.is_empty() => ("weaker", weaker),
                    () if route.access != before[at].access => {
                        ("changed", vec![words(&route.access)])
                    }
                    () => continue,
                }
            }
        };
        let reason = reasons.get(&name).cloned().filter(|_| kind == "weaker");
        changes.push(Change { route: name, kind, what, reason });
    }
    for route in before.iter().filter(|route| find(now, &route.name()).is_none()) {
        changes.push(Change {
            route: route.name(),
            kind: "removed",
            what: Vec::new(),
            reason: None,
        });
    }
    changes
}
