//! Expands `#[derive(Permission)]`: an enum whose variants are scopes or roles.

use std::collections::HashMap;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;

use crate::mistakes::{Mistakes, list_names};
use crate::paths::Paths;
use crate::rename_rule::RenameRule;

/// The arguments of `#[permission(…)]` above the enum.
const ARGUMENTS: [&str; 3] = ["prefix", "rename_all", "crate"];

#[derive(Default)]
struct EnumArguments {
    prefix: String,
    rule: RenameRule,
    crate_path: Option<syn::Path>,
}

// Input:   #[derive(Permission)]
//          #[permission(prefix = "notes:", rename_all = "kebab-case")]
//          enum Notes { Read, #[permission("notes:delete-all")] Purge }
//
// Output:  impl Permission for Notes {
//              fn name(&self) -> &str {
//                  match self { Self::Read => "notes:read", Self::Purge => "notes:delete-all" }
//              }
//          }
//          impl From<Notes> for String { … }
pub(crate) fn expand_permission(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::new();
    let expansion = match syn::parse2::<syn::DeriveInput>(item) {
        Ok(input) => expand(&input, &mut mistakes),
        Err(error) => {
            mistakes.add(error);
            TokenStream::new()
        }
    };
    mistakes.into_errors().unwrap_or(expansion)
}

fn expand(input: &syn::DeriveInput, mistakes: &mut Mistakes) -> TokenStream {
    let syn::Data::Enum(data) = &input.data else {
        mistakes.report(
            &input.ident,
            "`#[derive(Permission)]` goes on an enum, whose variants are scopes or roles; write `enum Notes { Read, Write }`",
        );
        return TokenStream::new();
    };
    if !input.generics.params.is_empty() {
        mistakes.report(
            &input.generics,
            "a permission enum cannot have generic parameters; remove them",
        );
    }
    if data.variants.is_empty() {
        mistakes.report(&input.ident, "the enum has no variant; write one for each permission");
    }
    let arguments = read_enum_arguments(&input.attrs, mistakes);
    let mut seen: HashMap<String, &Ident> = HashMap::new();
    let (mut variants, mut names) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, syn::Fields::Unit) {
            mistakes.report(
                &variant.fields,
                "a permission is a name without data; remove the fields, and check data in `check = …`",
            );
        }
        let given = read_name(&variant.attrs, mistakes);
        let derived = || {
            let name = variant.ident.unraw().to_string();
            format!("{}{}", arguments.prefix, arguments.rule.apply(&name))
        };
        let name = given.unwrap_or_else(derived);
        if let Some(first) = seen.get(&name) {
            mistakes.report(
                &variant.ident,
                format!("`{first}` already has the name \"{name}\"; write another with `#[permission(\"…\")]`"),
            );
        } else {
            seen.insert(name.clone(), &variant.ident);
        }
        variants.push(&variant.ident);
        names.push(name);
    }
    let paths = Paths::new(arguments.crate_path.as_ref());
    let ident = &input.ident;
    quote! {
        #[automatically_derived]
        impl #paths::Permission for #ident {
            fn name(&self) -> &#paths::core::primitive::str {
                match self {
                    #(Self::#variants => #names,)*
                }
            }
        }

        #[automatically_derived]
        impl #paths::core::convert::From<#ident> for #paths::String {
            fn from(permission: #ident) -> Self {
                #paths::String::from(#paths::Permission::name(&permission))
            }
        }
    }
}

fn read_enum_arguments(attributes: &[syn::Attribute], mistakes: &mut Mistakes) -> EnumArguments {
    let mut arguments = EnumArguments::default();
    for attribute in attributes.iter().filter(|one| one.path().is_ident("permission")) {
        let read = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("prefix") {
                let text: syn::LitStr = meta.value()?.parse()?;
                if !text.value().is_empty() {
                    check_name(&text, mistakes);
                }
                arguments.prefix = text.value();
            } else if meta.path.is_ident("rename_all") {
                let text: syn::LitStr = meta.value()?.parse()?;
                match RenameRule::from_name(&text.value()) {
                    Some(rule) => arguments.rule = rule,
                    None => mistakes.report(
                        &text,
                        format!(
                            "unknown rule `{}`; expected {}",
                            text.value(),
                            list_names(RenameRule::NAMES, "or")
                        ),
                    ),
                }
            } else if meta.path.is_ident("crate") {
                arguments.crate_path = Some(meta.value()?.parse()?);
            } else {
                mistakes.report(
                    &meta.path,
                    format!(
                        "unknown argument; `#[permission]` on an enum takes {}",
                        list_names(ARGUMENTS, "and")
                    ),
                );
                // What follows belongs to the unknown argument.
                let _: TokenStream = meta.input.parse()?;
            }
            Ok(())
        });
        if let Err(error) = read {
            mistakes.add(error);
        }
    }
    arguments
}

/// The name that a variant gives itself.
fn read_name(attributes: &[syn::Attribute], mistakes: &mut Mistakes) -> Option<String> {
    let mut given = None;
    for attribute in attributes.iter().filter(|one| one.path().is_ident("permission")) {
        match attribute.parse_args::<syn::LitStr>() {
            Ok(text) => {
                check_name(&text, mistakes);
                if given.replace(text.value()).is_some() {
                    mistakes.report(attribute, "the variant has a name already; remove one");
                }
            }
            Err(_) => mistakes.report(
                attribute,
                "the name of a variant is one string; write `#[permission(\"notes:write\")]`",
            ),
        }
    }
    given
}

/// A scope is visible ASCII without quotes and backslashes (RFC 6749 §3.3).
fn check_name(text: &syn::LitStr, mistakes: &mut Mistakes) {
    let is_allowed = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    if text.value().is_empty() || !text.value().chars().all(is_allowed) {
        mistakes.report(
            text,
            "a scope or role is printable ASCII without spaces, quotes and backslashes (RFC 6749 §3.3); write \"notes:write\"",
        );
    }
}
