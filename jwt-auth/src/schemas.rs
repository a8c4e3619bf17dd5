//! Schemas of utoipa for the types that responses contain.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::AuthError;
use crate::token::TokenPair;

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description.to_owned()))
}

impl PartialSchema for TokenPair {
    fn schema() -> RefOr<Schema> {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .description(Some("The lifetime of the access token, in seconds (RFC 6749 §5.1)."));
        let object = ObjectBuilder::new()
            .property("access_token", text("The access token, a JWT."))
            .required("access_token")
            .property("refresh_token", text("The refresh token. It is used once."))
            .required("refresh_token")
            .property("token_type", text("`Bearer`, or `DPoP` for tokens that are bound to a key."))
            .required("token_type")
            .property("expires_in", seconds)
            .required("expires_in");
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for TokenPair {
    fn name() -> Cow<'static, str> {
        "TokenPair".into()
    }
}

/// The body of a configuration without `error_body_key`, `problem_details` and `compat`.
impl PartialSchema for AuthError {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .property("detail", text("A sentence for people."))
            .required("detail")
            .property("code", text("A short name for programs, such as `token_expired`."))
            .required("code");
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for AuthError {
    fn name() -> Cow<'static, str> {
        "AuthError".into()
    }
}
