//! `routes`: the manifest of the project, and the gate against weaker routes.

use std::collections::{BTreeMap, BTreeSet};
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

/// A manifest of a project.
#[derive(Default)]
struct Manifest {
    routes: Vec<Route>,
    /// The issuers whose tokens are accepted beside our own.
    issuers: Vec<String>,
}

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
    let now = read(&text, &file.display().to_string())?;
    let Some(base) = arguments.base.as_deref().filter(|_| arguments.check) else {
        return show(&text, &now.routes, arguments.json);
    };
    let before = if let Some(before) = at_base(base, file)? {
        read(&before, &format!("{} at {base}", file.display()))?
    } else {
        eprintln!("{} does not exist at {base}, so every route is new", file.display());
        Manifest::default()
    };
    let reasons = new_reasons(base, &arguments.allow)?;
    let changes = compare(&before, &now, &reasons);
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

/// What a route requires beside its guard.
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
fn read(text: &str, name: &str) -> Result<Manifest, Failure> {
    let problem = |error: String| Failure::usage(format!("{name}: {error}"));
    let unknown = |member: &str| {
        problem(format!(
            "this version does not know `{member}`, which could be a requirement; update cargo-jwt-auth"
        ))
    };
    let value: Value = serde_json::from_str(text).map_err(|error| problem(error.to_string()))?;
    let (entries, issuers) = match &value {
        Value::Object(members) => {
            let known = ["routes", "issuers"];
            if let Some(member) = members.keys().find(|member| !known.contains(&member.as_str())) {
                return Err(unknown(member));
            }
            (members.get("routes"), members.get("issuers"))
        }
        _ => (Some(&value), None),
    };
    let entries = entries.and_then(Value::as_array);
    let entries = entries
        .ok_or_else(|| problem("this is not a manifest: expected an array of routes".to_owned()))?;
    for member in entries.iter().filter_map(Value::as_object).flat_map(|entry| entry.keys()) {
        if !KNOWN.contains(&member.as_str()) {
            return Err(unknown(member));
        }
    }
    let routes = entries.iter().map(|entry| serde_json::from_value(entry.clone()));
    let routes: Vec<Route> =
        routes.collect::<Result<_, _>>().map_err(|error| problem(error.to_string()))?;
    let mut seen = BTreeSet::new();
    // Fallbacks and routers of axum have no path, and may be there more than once.
    for route in routes.iter().filter(|route| route.path.starts_with('/')) {
        if !seen.insert((route.method.as_str(), route.pattern())) {
            return Err(problem(format!("{} is there twice", route.name())));
        }
    }
    let issuers = issuers.map(|issuers| serde_json::from_value(issuers.clone())).transpose();
    let issuers = issuers.map_err(|error| problem(error.to_string()))?.unwrap_or_default();
    Ok(Manifest { routes, issuers })
}

/// A file as it is at a reference of Git; `None` if it is not there.
fn at_base(base: &str, file: &Path) -> Result<Option<String>, Failure> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output();
        output.map_err(|error| Failure::usage(format!("git: {error}")))
    };
    let output = |arguments: &[&str]| {
        let output = git(arguments)?;
        if output.status.success() {
            return String::from_utf8(output.stdout).map_err(Failure::usage);
        }
        let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::usage(format!("git {}: {error}", arguments.join(" "))))
    };
    if base.starts_with('-') {
        return Err(Failure::usage(format!("{base:?} is not a Git reference")));
    }
    let path = file.to_str().filter(|_| file.is_relative()).ok_or_else(|| {
        Failure::usage(format!("{}: write a path relative to this folder", file.display()))
    })?;
    let commit = format!("{base}^{{commit}}");
    if !git(&["rev-parse", "--verify", "--quiet", &commit])?.status.success() {
        return Err(Failure::usage(format!(
            "Git knows no {base:?}; fetch it, or name another base"
        )));
    }
    // `show` fails in the same way for a file that does not exist and for one that cannot be read.
    let listed = output(&["--literal-pathspecs", "ls-tree", "--name-only", base, "--", path])?;
    if listed.trim().is_empty() {
        return Ok(None);
    }
    output(&["show", &format!("{base}:./{path}")]).map(Some)
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

fn compare(before: &Manifest, now: &Manifest, reasons: &BTreeMap<String, String>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |name: String, kind, what| {
        let reason = reasons.get(&name).cloned().filter(|_| kind == "weaker");
        changes.push(Change { route: name, kind, what, reason });
    };
    for issuer in now.issuers.iter().filter(|issuer| !before.issuers.contains(issuer)) {
        let what = vec!["its tokens are accepted now".to_owned()];
        add(format!("issuer {issuer}"), "weaker", what);
    }
    for route in &now.routes {
        let Some(known) = find(&before.routes, route) else {
            let skips = route.access.revocation.as_deref() == Some("skip");
            let is_open = route.access.guard == "unguarded" || skips;
            let what = format!("{} {}", route.access.guard, words(&route.access));
            let kind = if is_open { "weaker" } else { "added" };
            add(route.name(), kind, vec![what.trim_end().to_owned()]);
            continue;
        };
        let weaker = route.access.weaker_than(&known.access);
        if !weaker.is_empty() {
            add(route.name(), "weaker", weaker);
        } else if route.access != known.access {
            add(route.name(), "changed", vec![words(&route.access)]);
        }
    }
    for route in
        before.routes.iter().filter(|route| !now.routes.iter().any(|it| is_same(it, route)))
    {
        // Its requests may reach the handler for every method.
        let other = find(&now.routes, route).map(|other| other.access.weaker_than(&route.access));
        match other.filter(|weaker| !weaker.is_empty()) {
            Some(weaker) => add(route.name(), "weaker", weaker),
            None => add(route.name(), "removed", Vec::new()),
        }
    }
    changes
}

fn is_same(one: &Route, other: &Route) -> bool {
    one.method == other.method && one.covers(other)
}

/// The route that gets the requests of this one: the same, or the one for every method.
fn find<'r>(routes: &'r [Route], route: &Route) -> Option<&'r Route> {
    let same = routes.iter().find(|known| is_same(known, route));
    same.or_else(|| routes.iter().find(|known| known.covers(route)))
}
