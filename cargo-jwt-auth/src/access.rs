//! What a route requires, as a manifest has it, and whether another version requires less.

use serde::Deserialize;

/// An entry of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) method: String,
    #[serde(flatten)]
    pub(crate) access: Access,
}

impl Route {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path without the names of its parameters, which do not change what it matches.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::new();
        let mut rest = self.path.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            pattern.push_str(before);
            pattern.push_str(if name.starts_with('*') { "{*}" } else { "{}" });
            rest = after;
        }
        pattern + rest
    }

    /// Whether requests for the other route reached this one: the same path, and the method or any.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        (self.method == other.method || self.method == "ANY") && self.pattern() == other.pattern()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an argument of an attribute")]
pub(crate) struct Access {
    pub(crate) guard: String,
    pub(crate) optional: bool,
    pub(crate) fresh: bool,
    pub(crate) dpop: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) scopes: Vec<String>,
    pub(crate) any_scope: Vec<String>,
    pub(crate) and_any_scope: Vec<Vec<String>>,
    pub(crate) roles: Vec<String>,
    pub(crate) any_role: Vec<String>,
    pub(crate) and_any_role: Vec<Vec<String>>,
    pub(crate) locations: Vec<String>,
    pub(crate) revocation: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) check: Option<String>,
    pub(crate) same_origin: bool,
    pub(crate) reads_token: bool,
    pub(crate) why: Option<String>,
    pub(crate) layers: Vec<String>,
}

impl Access {
    fn is_guarded(&self) -> bool {
        matches!(self.guard.as_str(), "access" | "refresh")
    }

    /// Whether requests without a token reach the handler.
    pub(crate) fn admits_everyone(&self) -> bool {
        !self.is_guarded() || self.optional
    }

    /// The requirements that the other one had and this one lacks. Empty if every request that it admits was admitted before.
    pub(crate) fn weaker_than(&self, before: &Self) -> Vec<String> {
        let mut weaker = Vec::new();
        let mut report = |is_weaker: bool, what: String| {
            if is_weaker {
                weaker.push(what);
            }
        };
        report(before.is_guarded() && !self.is_guarded(), format!("it is {} now", self.guard));
        if before.is_guarded() && self.is_guarded() {
            report(self.guard != before.guard, format!("it takes {} tokens now", self.guard));
            report(
                self.optional && !before.optional,
                "a request without a token is admitted".to_owned(),
            );
            report(before.fresh && !self.fresh, "`fresh` is gone".to_owned());
            report(before.dpop && !self.dpop, "`dpop` is gone".to_owned());
            let age = |access: &Self| access.max_age.unwrap_or(u64::MAX);
            report(age(self) > age(before), "`max_age` is longer or gone".to_owned());
            self.permissions("scope", before, &mut report);
            self.permissions("role", before, &mut report);
            let rank = |access: &Self| match access.revocation.as_deref() {
                Some("skip") => 0,
                Some("strict") => 2,
                _ => 1,
            };
            report(rank(self) < rank(before), "revocation is checked less strictly".to_owned());
            // Without it, the configuration decides, which a manifest does not show.
            report(
                self.audience != before.audience,
                "`audience` differs, so other tokens are admitted".to_owned(),
            );
            report(
                before.check.is_some() && self.check != before.check,
                format!("the check `{}` is gone", before.check.as_deref().unwrap_or_default()),
            );
            let is_read = |location: &String| before.locations.contains(location);
            report(
                self.locations.is_empty() != before.locations.is_empty()
                    || !self.locations.iter().all(is_read),
                "tokens are read from other locations".to_owned(),
            );
        }
        report(
            before.same_origin && !self.same_origin && self.admits_everyone(),
            "`same_origin` is gone".to_owned(),
        );
        // It may have refused requests before the guard saw them.
        for layer in before.layers.iter().filter(|layer| !self.layers.contains(layer)) {
            report(true, format!("the layer `{layer}` is gone"));
        }
        weaker
    }

    fn permissions(&self, what: &str, before: &Self, report: &mut impl FnMut(bool, String)) {
        let of = |access: &Self| match what {
            "scope" => (access.scopes.clone(), groups(&access.any_scope, &access.and_any_scope)),
            _ => (access.roles.clone(), groups(&access.any_role, &access.and_any_role)),
        };
        let ((all, any), (all_before, any_before)) = (of(self), of(before));
        for name in &all_before {
            report(!all.contains(name), format!("the {what} `{name}` is gone"));
        }
        for group in &any_before {
            // Each of these requires one of the group.
            let is_required = all.iter().any(|name| group.contains(name))
                || any.iter().any(|other| other.iter().all(|name| group.contains(name)));
            report(
                !is_required,
                format!("one of the {what}s {} was required, and no longer is", group.join(", ")),
            );
        }
    }
}

/// The groups of which one permission suffices.
fn groups(first: &[String], others: &[Vec<String>]) -> Vec<Vec<String>> {
    let first = Some(first.to_vec()).filter(|names| !names.is_empty());
    first.into_iter().chain(others.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::btree_set("[ab]", 0..3).prop_map(|set| set.into_iter().collect())
    }

    fn access() -> impl Strategy<Value = Access> {
        let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
        let guard = prop_oneof!["access", "refresh", "public"];
        let permissions = (names(), names(), names(), names());
        let others = (
            proptest::option::of(0..3_u64),
            proptest::option::of(prop_oneof!["skip", "strict"]),
            proptest::option::of("[xy]"),
            proptest::option::of("[xy]"),
            proptest::collection::btree_set(prop_oneof!["header", "cookie"], 0..3),
        );
        (guard, flags, permissions, others).prop_map(|(guard, flags, permissions, others)| Access {
            guard,
            optional: flags.0,
            fresh: flags.1,
            dpop: flags.2,
            same_origin: flags.3,
            scopes: permissions.0,
            any_scope: permissions.1,
            roles: permissions.2,
            any_role: permissions.3,
            max_age: others.0,
            revocation: others.1,
            audience: others.2,
            check: others.3,
            locations: others.4.into_iter().collect(),
            ..Access::default()
        })
    }

    proptest! {
        #[test]
        fn nothing_is_weaker_than_itself(one in access()) {
            prop_assert!(one.weaker_than(&one).is_empty());
        }

        #[test]
        fn two_steps_that_are_not_weaker_are_not_weaker_together(a in access(), b in access(), c in access()) {
            if b.weaker_than(&a).is_empty() && c.weaker_than(&b).is_empty() && a.is_guarded() {
                prop_assert!(c.weaker_than(&a).is_empty(), "{a:?} {b:?} {c:?}");
            }
        }

        #[test]
        fn a_route_without_a_guard_is_weaker_than_every_guard(one in access()) {
            let open = Access { guard: "public".to_owned(), ..Access::default() };
            prop_assert_eq!(open.weaker_than(&one).is_empty(), !one.is_guarded() && !one.same_origin);
        }

        #[test]
        fn one_more_requirement_is_not_weaker(one in access(), name in "[ab]") {
            let mut more = Access { fresh: true, dpop: true, max_age: Some(0), ..one.clone() };
            more.scopes.push(name);
            prop_assert!(more.weaker_than(&one).is_empty());
        }
    }

    #[test]
    fn names_of_parameters_do_not_hide_a_route() {
        let route = |method: &str, path: &str| Route {
            path: path.to_owned(),
            method: method.to_owned(),
            access: Access::default(),
        };
        assert!(route("GET", "/a/{id}").covers(&route("GET", "/a/{user}")));
        assert!(route("ANY", "/a/{id}/b").covers(&route("GET", "/a/{user}/b")));
        assert!(!route("GET", "/a/{*rest}").covers(&route("GET", "/a/{id}")));
        assert!(!route("GET", "/a").covers(&route("ANY", "/a")));
        assert_eq!(route("GET", "/a/{id").pattern(), "/a/{id");
    }

    #[test]
    fn each_requirement_that_goes_is_named() {
        let before = Access {
            guard: "access".to_owned(),
            fresh: true,
            dpop: true,
            max_age: Some(600),
            scopes: vec!["a".to_owned()],
            any_scope: vec!["b".to_owned(), "c".to_owned()],
            roles: vec!["r".to_owned()],
            locations: vec!["header".to_owned()],
            revocation: Some("strict".to_owned()),
            audience: Some("x".to_owned()),
            check: Some("owner".to_owned()),
            ..Access::default()
        };
        let plain = Access { guard: "access".to_owned(), ..Access::default() };
        assert_eq!(plain.weaker_than(&before).len(), 10);
        let alike = Access {
            audience: before.audience.clone(),
            locations: before.locations.clone(),
            ..plain.clone()
        };
        assert!(before.weaker_than(&alike).is_empty());
        assert_eq!(before.weaker_than(&plain).len(), 2, "a manifest does not show the settings");
        let behind = Access { layers: vec!["IpFilterLayer".to_owned()], ..plain.clone() };
        assert_eq!(plain.weaker_than(&behind), ["the layer `IpFilterLayer` is gone"]);
        let fewer = Access { any_scope: vec!["b".to_owned()], ..before.clone() };
        assert!(fewer.weaker_than(&before).is_empty(), "one of one is more than one of two");
        let more = ["b", "c", "d"].map(str::to_owned).to_vec();
        let more = Access { any_scope: more, ..before.clone() };
        assert_eq!(more.weaker_than(&before).len(), 1);
        let certain = Access {
            any_scope: Vec::new(),
            scopes: vec!["a".to_owned(), "c".to_owned()],
            ..before.clone()
        };
        assert!(certain.weaker_than(&before).is_empty());
    }
}
