//! The arguments of an attribute and its item: expanded to the same item with a guard, or to a compile error.
#![no_main]

use std::str::FromStr as _;

use libfuzzer_sys::fuzz_target;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{FnArg, GenericArgument, Item, ItemFn, PathArguments, Token, Type};

use crate::attribute::GuardAttribute;

// A crate of procedural macros exports nothing but its macros, so its modules are included here by path.
#[path = "../../jwt-auth-macros/src/argument_syntax.rs"]
mod argument_syntax;
#[path = "../../jwt-auth-macros/src/argument_table.rs"]
mod argument_table;
#[path = "../../jwt-auth-macros/src/attribute.rs"]
mod attribute;
#[path = "../../jwt-auth-macros/src/check.rs"]
mod check;
#[path = "../../jwt-auth-macros/src/debug_output.rs"]
mod debug_output;
#[path = "../../jwt-auth-macros/src/expand.rs"]
mod expand;
#[path = "../../jwt-auth-macros/src/function.rs"]
mod function;
#[path = "../../jwt-auth-macros/src/guard_arguments.rs"]
mod guard_arguments;
#[path = "../../jwt-auth-macros/src/load_config.rs"]
mod load_config;
#[path = "../../jwt-auth-macros/src/mistakes.rs"]
mod mistakes;
#[path = "../../jwt-auth-macros/src/parameter_checks.rs"]
mod parameter_checks;
#[path = "../../jwt-auth-macros/src/paths.rs"]
mod paths;
#[path = "../../jwt-auth-macros/src/policy.rs"]
mod policy;
#[path = "../../jwt-auth-macros/src/policy_checks.rs"]
mod policy_checks;
#[path = "../../jwt-auth-macros/src/read_arguments.rs"]
mod read_arguments;
#[path = "../../jwt-auth-macros/src/readers/mod.rs"]
mod readers;

fuzz_target!(|input: &str| {
    // Three parts, separated by line breaks: the name of the attribute, its arguments, its item.
    let mut lines = input.splitn(3, '\n');
    let (Some(name), Some(args), Some(item)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let (Ok(args), Ok(item)) = (TokenStream::from_str(args), TokenStream::from_str(item)) else {
        return;
    };
    // The parser recurses for each level, like that of the compiler.
    if depth(&args) > 64 || depth(&item) > 64 {
        return;
    }
    // A refusal is recognised by this word.
    if count(&args, "compile_error") > 0 {
        return;
    }
    if name == "check" {
        return check_check(args, &item);
    }
    let attribute = GuardAttribute::ALL.into_iter().find(|attribute| attribute.name() == name);
    let output = match (attribute, name) {
        (Some(attribute), _) => expand::expand_guard(attribute, args.clone(), &item),
        (None, "load_config") => load_config::expand_load_config(args.clone(), &item),
        (None, _) => return,
    };
    let is_refused = count(&output, "compile_error") > count(&item, "compile_error");
    let is_guarded = count(&output, "Guard") > count(&item, "Guard") + count(&args, "Guard");
    assert!(is_refused || is_guarded || attribute.is_none(), "no guard: {output}");
    // An incomplete item is returned unchanged, and does not parse.
    let Ok(whole) = syn::parse2::<Item>(item) else { return };
    let file: syn::File = syn::parse2(output.clone()).unwrap_or_else(|e| panic!("{e}: {output}"));
    let expanded = file.items.last().unwrap_or_else(|| panic!("the item is missing: {output}"));
    match (expanded, &whole) {
        (Item::Fn(expanded), Item::Fn(user)) => {
            assert_eq!(
                (&expanded.sig.ident, &expanded.vis),
                (&user.sig.ident, &user.vis),
                "{output}"
            );
            match attribute {
                Some(_) => check_guarded_function(expanded, user, is_refused),
                None if is_refused => assert_eq!(expanded, user),
                None => check_config_function(expanded, user),
            }
            if !is_refused {
                let args: Args = syn::parse2(args).unwrap_or_else(|e| panic!("{e}: {output}"));
                check_policy(attribute, &args, expanded, &file.items);
            }
        }
        // For example a function without a body, which the compiler refuses.
        (_, Item::Verbatim(_)) => {}
        (expanded, user) => {
            assert!(is_refused, "{output}");
            assert_eq!(expanded, user, "{output}");
        }
    }
});

/// Checks that a function under `#[check]` stays as it is, in front of its type.
fn check_check(args: TokenStream, item: &TokenStream) {
    let output = check::expand_check(args, item);
    let is_refused = count(&output, "compile_error") > count(item, "compile_error");
    let Ok(user) = syn::parse2::<Item>(item.clone()) else { return };
    let file: syn::File = syn::parse2(output.clone()).unwrap_or_else(|e| panic!("{e}: {output}"));
    if is_refused {
        return assert_eq!(file.items.last(), Some(&user), "{output}");
    }
    assert_eq!(file.items.first(), Some(&user), "{output}");
    assert!(matches!(file.items.get(1), Some(Item::Struct(_))), "{output}");
}

/// Checks that the function of the user has one more parameter, the guard.
fn check_guarded_function(expanded: &ItemFn, user: &ItemFn, is_refused: bool) {
    let mut inputs: Vec<_> = expanded.sig.inputs.iter().collect();
    let guard = inputs.remove(usize::from(user.sig.receiver().is_some()));
    assert!(is_guard(guard), "{}", guard.to_token_stream());
    let inputs: Vec<_> = inputs.iter().copied().map(printed).collect();
    let expected: Vec<_> = user.sig.inputs.iter().map(printed).collect();
    assert_eq!(inputs, expected, "a parameter is missing");
    assert_eq!(expanded.block, user.block);
    if is_refused {
        return;
    }
    let inputs = user.sig.inputs.clone();
    let without_guard = syn::Signature { inputs, ..expanded.sig.clone() };
    assert_eq!(printed(&without_guard), printed(&user.sig));
    assert!(user.sig.asyncness.is_some() && user.sig.unsafety.is_none());
    let mut attrs = expanded.attrs.iter();
    assert!(
        user.attrs.iter().all(|attr| attrs.any(|expanded| expanded == attr)),
        "an attribute is missing"
    );
}

/// A part of a signature as `syn` prints it: without an empty list of bounds as in `T:`, and with lifetimes first.
fn printed(part: &impl ToTokens) -> String {
    part.to_token_stream().to_string()
}

/// `_: …::__private::Guard<…>`
fn is_guard(parameter: &FnArg) -> bool {
    let FnArg::Typed(parameter) = parameter else { return false };
    policy(&parameter.ty).is_some() && matches!(*parameter.pat, syn::Pat::Wild(_))
}

fn policy(ty: &Type) -> Option<&syn::Path> {
    let Type::Path(path) = ty else { return None };
    let mut segments = path.path.segments.iter().rev();
    let (last, module) = (segments.next()?, segments.next()?);
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(Type::Path(policy))
            if last.ident == "Guard" && module.ident == "__private" =>
        {
            Some(&policy.path)
        }
        _ => None,
    }
}

/// Checks that the function of the user is inside one that builds the returned configuration.
fn check_config_function(expanded: &ItemFn, user: &ItemFn) {
    assert_eq!(expanded.attrs.first(), user.attrs.first());
    let output = expanded.sig.output.to_token_stream().to_string();
    assert!(output.contains("JwtAuth") && output.contains("ConfigError"), "{output}");
    let Some(syn::Stmt::Item(Item::Fn(inner))) = expanded.block.stmts.first() else {
        panic!("the function is missing: {}", expanded.to_token_stream());
    };
    assert_eq!((printed(&inner.sig), &inner.block), (printed(&user.sig), &user.block));
}

/// Checks that the policy has exactly the arguments of the attribute.
fn check_policy(attribute: Option<GuardAttribute>, args: &Args, expanded: &ItemFn, items: &[Item]) {
    let names: Vec<_> = args.0.iter().map(|arg| arg.name.unraw().to_string()).collect();
    let unique = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
    assert!(unique, "{names:?}");
    let has = |name: &str| names.iter().any(|known| known == name);
    let Some(attribute) = attribute else {
        return assert!(names.iter().all(|name| name == "crate"));
    };
    let FnArg::Typed(guard) = expanded.sig.inputs.first().expect("a guard") else { unreachable!() };
    let policy = policy(&guard.ty).expect("a guard");
    let ty = policy.to_token_stream().to_string();
    let last = policy.segments.last().expect("a path").ident.to_string();
    match attribute {
        GuardAttribute::Public => {
            return assert!(last == "Public" && names.iter().all(|n| n == "crate"));
        }
        GuardAttribute::RefreshRequired => {
            assert!(last == "Refresh" || last.starts_with("__JwtAuthGuardOfFreeFn_"));
        }
        GuardAttribute::JwtRequired => {
            assert!(last == "Access" || last.starts_with("__JwtAuthGuardOfFreeFn_"));
        }
    }
    let spec = items.iter().find_map(|item| match item {
        Item::Impl(item) => item.items.iter().find_map(|item| match item {
            syn::ImplItem::Const(spec) => Some(spec.expr.to_token_stream().to_string()),
            _ => None,
        }),
        _ => None,
    });
    assert_eq!(spec.is_some(), last.starts_with("__JwtAuthGuardOfFreeFn_"));
    let spec = spec.unwrap_or_default();
    let requires = |text: &str| spec.contains(text);
    for list in ["scopes", "any_scope", "roles", "any_role", "locations"] {
        assert_eq!(has(list), requires(&format!("{list} : & [")), "{list}: {spec}");
    }
    for value in ["max_age", "audience", "check"] {
        assert_eq!(has(value), requires(&format!("{value} : ")), "{value}: {spec}");
    }
    assert_eq!(has("danger"), requires("Lookup :: Skip"), "{spec}");
    assert_eq!(has("revocation"), requires("Lookup :: Strict"), "{spec}");
    assert_eq!(
        has("optional"),
        requires("optional : true") || ty.contains("Access < true"),
        "{ty} {spec}"
    );
    assert_eq!(has("fresh"), requires("fresh : true") || ty.contains(", true >"), "{ty} {spec}");
}

struct Args(Punctuated<Arg, Token![,]>);

struct Arg {
    name: Ident,
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Punctuated::parse_terminated(input).map(Self)
    }
}

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        if input.parse::<Option<Token![=]>>()?.is_some() {
            input.parse::<syn::Expr>()?;
        } else if input.peek(syn::token::Paren) {
            input.parse::<proc_macro2::Group>()?;
        }
        Ok(Self { name })
    }
}

fn depth(tokens: &TokenStream) -> usize {
    let inner = |token| match token {
        TokenTree::Group(group) => 1 + depth(&group.stream()),
        _ => 0,
    };
    tokens.clone().into_iter().map(inner).max().unwrap_or(0)
}

fn count(tokens: &TokenStream, word: &str) -> usize {
    let of = |token| match token {
        TokenTree::Ident(ident) => usize::from(ident == word),
        TokenTree::Group(group) => count(&group.stream(), word),
        _ => 0,
    };
    tokens.clone().into_iter().map(of).sum()
}
