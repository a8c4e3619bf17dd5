//! The variables that Kubernetes and Docker set for a service whose name starts with `jwt-auth`.

/// Whether an orchestrator sets a variable of that suffix, as in `JWT_AUTH_SERVICE_HOST` for a service `jwt-auth`, and in
/// `JWT_AUTH_REDIS_PORT_6379_TCP` for a service `jwt-auth-redis`.
///
/// `has_link` tells whether Docker names a link for that prefix, as in `JWT_AUTH_NAME=/web/jwt-auth`; then it also copies
/// the variables of the linked container, as in `JWT_AUTH_ENV_LANG`.
pub(super) fn is_of_a_service(suffix: &str, value: &str, has_link: impl Fn(&str) -> bool) -> bool {
    let words: Vec<&str> = suffix.split('_').collect();
    let ends_with = |end: &[&str]| words.ends_with(end);
    if is_link_name(suffix, value) || ends_with(&["SERVICE", "HOST"]) || ends_with(&["PORT"]) {
        return true;
    }
    if let Some(at) = suffix.find("ENV_")
        && has_link(&suffix[..at])
    {
        return true;
    }
    // `SERVICE_PORT_HTTP`: a named port of Kubernetes.
    if words.windows(2).any(|pair| pair == ["SERVICE", "PORT"]) {
        return true;
    }
    // `PORT_80_TCP`, and `PORT_80_TCP_ADDR`. Docker adds `PORT_80_TCP_START` and `_END` for a range of ports.
    words.windows(3).any(|three| {
        three[0] == "PORT"
            && !three[1].is_empty()
            && three[1].bytes().all(|byte| byte.is_ascii_digit())
            && matches!(three[2], "TCP" | "UDP" | "SCTP")
    })
}

/// Whether the variable is Docker's name of a link: `NAME=/web/jwt-auth`.
pub(super) fn is_link_name(suffix: &str, value: &str) -> bool {
    let is_path = value.strip_prefix('/').is_some_and(|path| path.contains('/'));
    is_path && (suffix == "NAME" || suffix.ends_with("_NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_services_and_links_are_told_apart_from_typos() {
        for (suffix, value) in [
            ("SERVICE_HOST", "10.0.0.11"),
            ("SERVICE_PORT", "80"),
            ("SERVICE_PORT_HTTP_METRICS", "9100"),
            ("PORT", "tcp://10.0.0.11:80"),
            ("PORT_80_TCP", "tcp://10.0.0.11:80"),
            ("PORT_80_TCP_PROTO", "tcp"),
            ("PORT_53_UDP_ADDR", "10.0.0.11"),
            ("REDIS_SERVICE_HOST", "10.0.0.12"),
            ("REDIS_PORT_6379_TCP_PORT", "6379"),
            ("1_PORT_8000_SCTP_ADDR", "172.17.0.2"),
            ("NAME", "/web/jwt-auth"),
            ("1_NAME", "/web/jwt_auth_1"),
            ("ENV_LANG", "C"),
        ] {
            assert!(is_of_a_service(suffix, value, str::is_empty), "{suffix}");
        }
        for (suffix, value) in [
            ("HEADERNAME", "X-Auth"),
            ("NAME", "jwt-auth"),
            ("SERVICE", "x"),
            ("PORTS", "80"),
            ("SECRET", "x"),
            ("ENV_LANG", "C"),
            ("PORT__TCP", "x"),
        ] {
            assert!(!is_of_a_service(suffix, value, |_| false), "{suffix}");
        }
    }
}
