//! Who may call a route, in words.

use jwt_auth::router::RouteAccess;

/// Who may call the route, one condition in each string.
pub(crate) fn who(access: &RouteAccess) -> Vec<String> {
    let mut all = vec![whose(access)];
    let mut add = |is_so: bool, words: &str| all.extend(is_so.then(|| words.to_owned()));
    add(access.is_fresh(), "from a log-in, not from a refresh");
    add(access.requires_dpop(), "bound to a key, with its DPoP proof");
    add(access.is_same_origin(), "from a page of the same origin");
    add(access.reads_token(), "a token is read if there is one");
    if let Some(age) = access.max_age() {
        all.push(format!("log-in at most {} s ago", age.as_secs()));
    }
    let lists = [("scope", access.scopes()), ("role", access.roles())];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        let plural = if list.len() == 1 { "" } else { "s" };
        all.push(format!("with the {name}{plural} {}", list.join(" and ")));
    }
    let one_of = |name: &str, list: &[String]| format!("with the {name} {}", list.join(" or "));
    let scopes =
        [access.any_scope()].into_iter().chain(access.and_any_scope().iter().map(Vec::as_slice));
    let roles =
        [access.any_role()].into_iter().chain(access.and_any_role().iter().map(Vec::as_slice));
    all.extend(scopes.filter(|list| !list.is_empty()).map(|list| one_of("scope", list)));
    all.extend(roles.filter(|list| !list.is_empty()).map(|list| one_of("role", list)));
    if !access.locations().is_empty() {
        all.push(format!("token in {}", access.locations().join(" or ")));
    }
    for (words, value) in [
        ("for the audience", access.audience()),
        ("if the check passes:", access.check()),
        ("revocation check:", access.revocation()),
    ] {
        all.extend(value.map(|value| format!("{words} {value}")));
    }
    if !access.layers().is_empty() {
        all.push(format!("behind {}", access.layers().join(" and ")));
    }
    all
}

fn whose(access: &RouteAccess) -> String {
    match (access.guard(), access.why()) {
        (_, Some(why)) => format!("anyone, without a guard: {why}"),
        ("public", None) => "anyone".to_owned(),
        (guard, None) if access.is_optional() => {
            format!("anyone; if there is an {guard} token, it must be valid")
        }
        ("refresh", None) => "a refresh token".to_owned(),
        (guard, None) => format!("an {guard} token"),
    }
}
