//! `inspect`: what a token contains. It says nothing about whether it is valid.

use jwt_auth::danger::decode_unverified;
use serde_json::{Value, json};

use crate::arguments::InspectArguments;
use crate::failure::Failure;
use crate::output::{print, print_json, table};
use crate::{commands::verify::when, input};

pub(crate) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    let token = input::token()?;
    let content = decode_unverified(&token).map_err(|_| {
        Failure::refused("this is not a JWT: expected three parts of base64url with dots between")
    })?;
    if arguments.json {
        return print_json(
            &json!({ "verified": false, "header": content.header, "claims": content.claims }),
        );
    }
    let mut rows = Vec::new();
    let mut add = |of: &str, members: &serde_json::Map<String, Value>| {
        for (name, value) in members {
            let note = match (name.as_str(), value.as_u64()) {
                ("exp" | "nbf" | "iat" | "auth_time", Some(at)) => when(at),
                _ => String::new(),
            };
            rows.push(vec![of.to_owned(), name.clone(), value.to_string(), note]);
        }
    };
    add("header", &content.header);
    add("claims", &content.claims);
    eprintln!("None of this is verified: anyone can write it. Use `cargo jwt-auth verify`.");
    print(&table(&rows))
}
