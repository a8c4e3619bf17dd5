//! Where `Compat` answers differently from the module on purpose, and why.

use serde_json::Value;

/// The requests that are answered differently for one reason.
pub(crate) struct Difference {
    pub(crate) reason: &'static str,
    /// Our answers: the status, and the sentence or the subject.
    ours: &'static [(u16, &'static str)],
    kinds: &'static [&'static str],
}

impl Difference {
    /// Whether this is the reason for our answer to a request of that kind.
    pub(crate) fn explains(&self, kind: &str, status: u16, body: &Value) -> bool {
        let text = ["detail", "msg", "sub"].into_iter().find_map(|key| body.get(key));
        let text = text.and_then(Value::as_str).unwrap_or("anonymous");
        self.kinds.contains(&kind) && self.ours.contains(&(status, text))
    }
}

const CLAIMS: (u16, &str) = (422, "The claims of the token are invalid");
const NOT_JSON: (u16, &str) =
    (422, "Invalid payload string: Expecting value: line 1 column 1 (char 0)");
const EXP: (u16, &str) = (422, "Expiration Time claim (exp) must be an integer.");
const ISSUER: (u16, &str) = (422, "Invalid issuer");
const NO_ISSUER: (u16, &str) = (422, "Token is missing the \"iss\" claim");
const NO_EXP: (u16, &str) = (422, "Token is missing the \"exp\" claim");
const FRESH: (u16, &str) = (401, "Fresh token required");
const CSRF: (u16, &str) = (401, "CSRF double submit tokens do not match");
const AMBIGUOUS: (u16, &str) = (400, "The request carries more than one credential");
const SIGNATURE: (u16, &str) = (422, "Signature verification failed");
const CRIT: (u16, &str) = (422, "Unsupported critical extension");
const REFRESH: (u16, &str) = (422, "Only refresh tokens are allowed");
const TOO_LONG: (u16, &str) = (422, "The token is longer than 8192 bytes");
const NOT_JSON_HEADER: (u16, &str) =
    (422, "Invalid header string: Expecting value: line 1 column 1 (char 0)");

/// The differences from fastapi-jwt-auth.
pub(crate) const FASTAPI: &[Difference] = &[
    Difference {
        reason: "the module fails with status 500",
        ours: &[
            (422, "The specified alg value is not allowed"),
            (422, "Only access tokens are allowed"),
            (422, "Missing claim: sub"),
            REFRESH,
            CLAIMS,
            CSRF,
            FRESH,
        ],
        kinds: &[
            "alg none",
            "alg none with a signature",
            "alg RS256",
            "alg RS512",
            "alg unknown",
            "alg in lower case",
            "alg absent",
            "alg is a number",
            "alg is null",
            "HS256 with the public key as secret",
            "no type",
            "no subject",
            "no fresh",
            "csrf claim is a number, CSRF value sent",
            "non-ASCII CSRF value",
        ],
    },
    Difference {
        reason: "the first location that has a token decides, in the configured order; the module reads the header first",
        ours: &[
            (200, "alice"),
            (200, "bob"),
            (401, "Missing CSRF Token"),
            (401, "Token has been revoked"),
            (422, "Not enough segments"),
            (422, "Only access tokens are allowed"),
            (422, "Signature has expired"),
            REFRESH,
        ],
        kinds: &[
            "header: revoked; cookie: valid",
            "header: one segment; cookie: valid",
            "header: wrong kind; cookie: valid",
            "header: expired; cookie: valid",
            "header: valid; cookie: revoked",
            "header: valid; cookie: one segment",
            "header: valid; cookie: wrong kind",
            "header: valid; cookie: expired",
            "junk, good cookie",
            "other scheme, good cookie",
            "scheme alone, good cookie",
            "three words, good cookie",
            "other scheme, junk cookie",
            "scheme alone, junk cookie",
            "three words, junk cookie",
            "good header of alice, good cookie of bob",
            "good header, good cookie, right CSRF value",
            "good header, good cookie, no CSRF value",
        ],
    },
    Difference {
        reason: "the scheme is compared without case (RFC 9110 §11.1)",
        ours: &[(200, "alice")],
        kinds: &["scheme in lower case", "scheme in lower case, good cookie"],
    },
    Difference {
        reason: "blanks separate the scheme from the token, no tab (RFC 9110 §11.4)",
        ours: &[(422, "Bad Authorization header. Expected value 'Bearer <JWT>'")],
        kinds: &["tab after the scheme"],
    },
    Difference {
        reason: "a subject is a string: an integer becomes its digits, and other types are refused",
        ours: &[(200, "7"), (422, "Subject must be a string")],
        kinds: &["integer subject", "subject is null", "subject is an object"],
    },
    Difference {
        reason: "two cookies of one name are ambiguous (C6)",
        ours: &[AMBIGUOUS],
        kinds: &["two cookies, valid first", "two cookies, one segment first"],
    },
    Difference {
        reason: "a cookie is the token without quotes",
        ours: &[(422, "Invalid crypto padding")],
        kinds: &["cookie in double quotes"],
    },
    Difference {
        reason: "the checks have one order: signature, times, issuer, audience, kind, CSRF, revocation, freshness",
        ours: &[
            (422, "Only access tokens are allowed"),
            (422, "Signature has expired"),
            REFRESH,
            ISSUER,
            NO_ISSUER,
            CSRF,
        ],
        kinds: &[
            "revoked, wrong kind",
            "revoked, wrong CSRF value",
            "not fresh, wrong CSRF value",
            "expired, not yet valid",
            "wrong issuer, revoked",
            "wrong issuer, wrong kind",
            "both wrong",
            "both absent",
            "issuer wrong, audience absent",
            "issuer absent, audience wrong",
        ],
    },
    Difference {
        reason: "each guard checks the issuer of each kind of token; the module forgets refresh tokens and optional routes",
        ours: &[ISSUER, NO_ISSUER],
        kinds: &[
            "wrong issuer",
            "issuer with a slash more",
            "no issuer",
            "issuer is a number",
            "issuer is a list",
            "issuer is null",
        ],
    },
    Difference {
        reason: "`exp` is required and a number (R12)",
        ours: &[EXP, NO_EXP, NOT_JSON],
        kinds: &["no exp", "exp is null", "exp is a number in a string", "exp is infinite"],
    },
    Difference {
        reason: "a time in the future is refused in `iat` too (R14)",
        ours: &[(422, "The token is not yet valid (iat)")],
        kinds: &["issued in the future"],
    },
    Difference {
        reason: "a claim of the wrong JSON type is refused (R15), and so is a refresh token without `jti`",
        ours: &[CLAIMS, (422, "JWT ID must be a string")],
        kinds: &[
            "jti is a number",
            "no jti",
            "csrf claim is a number, no CSRF value",
            "csrf claim is a number, CSRF value sent",
            "fresh is null",
            "fresh is a word",
            "type is a number",
        ],
    },
    Difference {
        reason: "a number in `fresh` is a time, as in flask-jwt-extended",
        ours: &[FRESH],
        kinds: &["fresh in the past", "fresh in the past, with a fraction"],
    },
    Difference {
        reason: "base64url is canonical and without padding (R2)",
        ours: &[SIGNATURE],
        kinds: &[
            "signature with padding",
            "signature with too much padding",
            "signature with unused bits set",
            "signature with four characters more",
            "non-ASCII signature",
            "payload with unused bits set, signed",
        ],
    },
    Difference {
        reason: "sentences come from a fixed set, without bytes of the token (W6)",
        ours: &[NOT_JSON, NOT_JSON_HEADER],
        kinds: &["three junk segments", "header is not UTF-8", "payload is not UTF-8"],
    },
    Difference {
        reason: "the header `typ` names the kind of a token (R17)",
        ours: &[REFRESH],
        kinds: &["typ at+jwt"],
    },
    Difference {
        reason: "critical extensions are refused (R7)",
        ours: &[CRIT],
        kinds: &["crit names exp", "crit names an extension"],
    },
    Difference {
        reason: "a token has at most 8 KiB (R1)",
        ours: &[TOO_LONG],
        kinds: &["valid token over 8 KiB"],
    },
];

/// The differences from flask-jwt-extended.
pub(crate) const FLASK: &[Difference] = &[
    Difference {
        reason: "the module fails with status 500",
        ours: &[CLAIMS, CSRF],
        kinds: &[
            "csrf claim is a number, CSRF value sent",
            "non-ASCII CSRF value",
            "fresh is null",
            "fresh is a word",
        ],
    },
    Difference {
        reason: "OPTIONS is checked like every method; the module runs the view as anonymous",
        ours: &[
            (200, "alice"),
            (401, "Missing Authorization Header"),
            (401, "Missing cookie \"access_token_cookie\""),
            (422, "Not enough segments"),
        ],
        kinds: &["nothing sent", "valid", "one segment"],
    },
    Difference {
        reason: "an access token names its kind; the module accepts each type but `refresh`",
        ours: &[(422, "Only non-refresh tokens are allowed"), CLAIMS],
        kinds: &["no type", "unknown kind", "type is a number"],
    },
    Difference {
        reason: "the header `typ` names the kind of a token (R17)",
        ours: &[REFRESH],
        kinds: &["typ at+jwt"],
    },
    Difference {
        reason: "the scheme is compared without case (RFC 9110 §11.1)",
        ours: &[(200, "alice")],
        kinds: &["scheme in lower case"],
    },
    Difference {
        reason: "a header has one credential (RFC 9110 §11.6.2), after blanks and no tab",
        ours: &[
            (200, "anonymous"),
            (
                401,
                "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'",
            ),
            (422, "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"),
        ],
        kinds: &[
            "Basic and Bearer in one header",
            "Bearer and Basic in one header",
            "Bearer twice in one header",
            "tab after the scheme",
        ],
    },
    Difference {
        reason: "integer subjects of earlier versions are read as their digits (R21)",
        ours: &[(200, "7")],
        kinds: &["integer subject"],
    },
    Difference {
        reason: "two values in one location are ambiguous (W3, C6)",
        ours: &[AMBIGUOUS],
        kinds: &[
            "two cookies, valid first",
            "two cookies, one segment first",
            "two values, valid first",
            "two values, junk first",
        ],
    },
    Difference {
        reason: "a cookie is the token without quotes",
        ours: &[(422, "Invalid header padding")],
        kinds: &["cookie in double quotes"],
    },
    Difference {
        reason: "the checks have one order: signature, times, issuer, audience, kind, CSRF, revocation, freshness",
        ours: &[
            (401, "Token has been revoked"),
            (401, "Token has expired"),
            (422, "Only non-refresh tokens are allowed"),
            REFRESH,
        ],
        kinds: &[
            "not fresh, revoked",
            "expired, wrong CSRF value",
            "wrong kind, wrong CSRF value",
            "wrong audience, expired",
            "wrong issuer, expired",
            "expired, not yet valid",
        ],
    },
    Difference {
        reason: "an audience that no one asked for is refused (R15)",
        ours: &[(422, "Audience doesn't match")],
        kinds: &["audience not asked for", "audience list not asked for", "audience empty"],
    },
    Difference {
        reason: "an empty audience is a wrong one, not an absent one",
        ours: &[(422, "Audience doesn't match")],
        kinds: &["audience is an empty list", "audience is empty"],
    },
    Difference {
        reason: "`exp` is required and a number (R12)",
        ours: &[EXP, NO_EXP, NOT_JSON],
        kinds: &["no exp", "exp is a number in a string", "exp is infinite"],
    },
    Difference {
        reason: "a claim of the wrong JSON type is refused (R15), and so is a refresh token without `jti`",
        ours: &[CLAIMS],
        kinds: &[
            "no jti",
            "csrf claim is a number, no CSRF value",
            "csrf claim is a number, CSRF value sent",
            "fresh is null",
            "fresh is a word",
            "type is a number",
        ],
    },
    Difference {
        reason: "base64url is without padding (R2)",
        ours: &[SIGNATURE],
        kinds: &["signature with padding"],
    },
    Difference {
        reason: "sentences come from a fixed set, without bytes of the token (W6)",
        ours: &[NOT_JSON_HEADER, CRIT],
        kinds: &["three junk segments", "crit names exp", "crit names an extension"],
    },
    Difference {
        reason: "a token has at most 8 KiB (R1)",
        ours: &[TOO_LONG],
        kinds: &["valid token over 8 KiB"],
    },
];
