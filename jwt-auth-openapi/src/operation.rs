//! Describes one operation: its security, its refusals, its CSRF header.

use jwt_auth::router::RouteAccess;
use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, Required, Schema};

use crate::Schemes;
use crate::schemes::Scheme;

/// The name of the extension for what OpenAPI has no words for.
const EXTENSION: &str = "x-jwt-auth";

/// Describes an operation. Returns whether its document had another security.
pub(crate) fn describe(
    operation: &mut Operation,
    method: &str,
    access: &RouteAccess,
    schemes: &Schemes,
) -> bool {
    let security = requirements(access, schemes);
    let is_corrected = operation.security.as_ref().is_some_and(|known| *known != security);
    operation.security = Some(security);
    if !is_guard(access) {
        return is_corrected;
    }
    let extensions = operation.extensions.get_or_insert_default();
    extensions.merge(Extensions::from_iter([(EXTENSION, json!(access))]));
    add_csrf_header(operation, method, &used(access, schemes));
    let restricts = [access.scopes(), access.any_scope(), access.roles(), access.any_role()]
        .iter()
        .any(|names| !names.is_empty());
    let may_be_forbidden = restricts || access.check().is_some();
    for (status, description, is_sent) in [
        ("401", "The token is missing or not valid.", true),
        ("403", "The token does not suffice for this request.", may_be_forbidden),
        ("503", "The token cannot be checked now.", true),
    ] {
        if is_sent && !operation.responses.responses.contains_key(status) {
            let response = refusal(description, status != "503", schemes);
            operation.responses.responses.insert(status.to_owned(), response);
        }
    }
    is_corrected
}

fn is_guard(access: &RouteAccess) -> bool {
    matches!(access.guard(), "access" | "refresh")
}

/// The schemes of the locations that the route reads.
fn used<'s>(access: &RouteAccess, schemes: &'s Schemes) -> Vec<&'s Scheme> {
    let of_kind = schemes.of_kind(access.guard() == "refresh").iter();
    let is_read = |scheme: &&Scheme| {
        access.locations().is_empty() || access.locations().contains(&scheme.location)
    };
    of_kind.filter(is_read).collect()
}

/// The alternatives of a request: one for each location, and for each scope of which one suffices.
fn requirements(access: &RouteAccess, schemes: &Schemes) -> Vec<SecurityRequirement> {
    if !is_guard(access) {
        return Vec::new();
    }
    let mut all = Vec::new();
    if access.is_optional() {
        all.push(SecurityRequirement::default());
    }
    for scheme in used(access, schemes) {
        let with = |one: Option<&String>| {
            let scopes = access.scopes().iter().chain(one);
            SecurityRequirement::new(scheme.name, scopes.cloned().collect::<Vec<_>>())
        };
        if access.any_scope().is_empty() {
            all.push(with(None));
        } else {
            all.extend(access.any_scope().iter().map(|scope| with(Some(scope))));
        }
    }
    if has_no_scheme(access, schemes) {
        // An empty list would say that the route is public.
        all.push(SecurityRequirement::new(other(access.guard()), access.scopes()));
    }
    all
}

/// Whether the tokens of a guarded route are in locations that no scheme describes, such as the header of WebSocket upgrades.
pub(crate) fn has_no_scheme(access: &RouteAccess, schemes: &Schemes) -> bool {
    is_guard(access) && used(access, schemes).is_empty()
}

/// The name of the scheme for such tokens.
pub(crate) fn other(guard: &str) -> &'static str {
    if guard == "refresh" { "refresh_other" } else { "access_other" }
}

/// The scheme for such tokens.
pub(crate) fn other_scheme(access: &RouteAccess) -> SecurityScheme {
    let locations = access.locations().join(", ");
    let place = if locations.is_empty() { "sec-websocket-protocol" } else { &locations };
    let value = ApiKeyValue::with_description(
        "sec-websocket-protocol",
        &*format!("the token, in: {place}"),
    );
    SecurityScheme::ApiKey(ApiKey::Header(value))
}

/// The header that repeats the CSRF value of a request that changes something.
fn add_csrf_header(operation: &mut Operation, method: &str, schemes: &[&Scheme]) {
    let Some(name) = schemes.iter().find_map(|scheme| scheme.csrf_header()) else { return };
    if ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&method) {
        return;
    }
    let parameters = operation.parameters.get_or_insert_default();
    let is_described = parameters.iter().any(|known| match known {
        RefOr::T(known) => {
            known.parameter_in == ParameterIn::Header && known.name.eq_ignore_ascii_case(name)
        }
        RefOr::Ref(_) => false,
    });
    if !is_described {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The CSRF value of the token. Required if the token is in a cookie."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        parameters.push(RefOr::T(parameter.build()));
    }
}

/// A response of a guard.
fn refusal(
    description: &str,
    has_challenge: bool,
    schemes: &Schemes,
) -> RefOr<utoipa::openapi::Response> {
    let (name, _) = error_schema(schemes);
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
    let media_type = match schemes.body_key {
        Some(_) => "application/json",
        None => "application/problem+json",
    };
    let mut response = ResponseBuilder::new().description(description).content(media_type, content);
    if has_challenge {
        let header = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some("The challenge (RFC 6750 §3)."));
        response = response.header("WWW-Authenticate", header.build());
    }
    RefOr::T(response.build())
}

/// The schema of error bodies, and its name among the components.
pub(crate) fn error_schema(schemes: &Schemes) -> (String, RefOr<Schema>) {
    let text = |description: &str| {
        ObjectBuilder::new().schema_type(Type::String).description(Some(description.to_owned()))
    };
    let code = text("A short name for programs, such as `token_expired`.");
    let (name, object) = match &schemes.body_key {
        Some(key) => (
            "AuthError",
            ObjectBuilder::new()
                .property(key, text("A sentence for people."))
                .required(key)
                .property("code", code)
                .required("code"),
        ),
        None => (
            "AuthProblem",
            ObjectBuilder::new()
                .property("type", text("The page about the code (RFC 9457 §3.1.1)."))
                .property("title", text("A sentence for people."))
                .property("status", ObjectBuilder::new().schema_type(Type::Integer))
                .property("code", code)
                .required("code"),
        ),
    };
    (name.to_owned(), RefOr::T(Schema::Object(object.build())))
}
