//! Checks the types of a handler's parameters at compile time, with assertions that the compiler evaluates.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::attribute::GuardAttribute;
use crate::function::Function;
use crate::guard_arguments::GuardArguments;
use crate::paths::Paths;

/// A method of the runtime's `Parameter` that must return `false`, and the message if it does not.
struct Rule {
    method: TokenStream,
    message: String,
}

impl Rule {
    fn new(method: TokenStream, message: impl Into<String>) -> Self {
        Self { method, message: message.into() }
    }
}

fn collect_rules(attribute: GuardAttribute, arguments: &GuardArguments) -> Vec<Rule> {
    let mut rules = vec![Rule::new(
        quote!(is_guard),
        format!("a handler has one guard; remove `#[{}]` or the other guard", attribute.name()),
    )];
    match attribute {
        GuardAttribute::JwtRequired => {
            rules.push(Rule::new(
                quote!(is_refresh),
                "`#[jwt_required]` verifies access tokens, but this parameter reads a refresh token; write `AccessToken`, or guard the handler with `#[refresh_required]`",
            ));
            if arguments.optional {
                rules.push(Rule::new(
                    quote!(demands_access),
                    "`optional` admits anonymous requests, but this parameter demands a token; wrap its type in `Option<…>`, or remove `optional`",
                ));
            }
        }
        GuardAttribute::RefreshRequired => {
            rules.push(Rule::new(
                quote!(is_access),
                "`#[refresh_required]` verifies refresh tokens, but this parameter reads an access token; write `RefreshToken`, or guard the handler with `#[jwt_required]`",
            ));
            if arguments.optional {
                rules.push(Rule::new(
                    quote!(demands_refresh),
                    "`optional` admits anonymous requests, but this parameter demands a token; wrap its type in `Option<…>`, or remove `optional`",
                ));
            }
        }
        GuardAttribute::Public => {
            rules.push(Rule::new(
                quote!(refuses_bad_access),
                "`#[public]` refuses no request, but this parameter refuses those with a bad token; write `Result<AccessToken, AuthError>`, or guard the handler with `#[jwt_required]` or `#[jwt_required(optional)]`",
            ));
            rules.push(Rule::new(
                quote!(is_refresh),
                "`#[public]` verifies no token, but this parameter reads a refresh token; guard the handler with `#[refresh_required]`",
            ));
        }
    }
    rules
}

// Input:   #[refresh_required]
//          async fn refresh(token: Alias) {}
//
// Output:  const __JWT_AUTH_PARAMETERS_refresh: () = {
//              use ::jwt_auth::__private::OtherParameter as _;
//              assert!(!Probe::<Alias>::PARAMETER.is_access(), "…");
//          };
//
// For the types of the runtime crate, also behind an alias, `PARAMETER` is an inherent constant; for all other
// types it is the constant of the trait. The outer constant has a name because an `impl` does not accept
// `const _`.
//
// The values of checks that parameters take are asserted against the policy, by a method that other types have too.
pub(crate) fn check_parameters(
    attribute: GuardAttribute,
    arguments: &GuardArguments,
    policy: &TokenStream,
    function: &Function,
    paths: &Paths,
) -> Option<TokenStream> {
    let rules = collect_rules(attribute, arguments);
    let mut assertions = Vec::new();
    for input in &function.sig.inputs {
        let syn::FnArg::Typed(parameter) = input else { continue };
        let ty = &*parameter.ty;
        if function.is_generic(ty) {
            continue;
        }
        let cfgs = parameter.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let cfgs = cfgs.collect::<Vec<_>>();
        // Under `#[public]`, a rule has the better words.
        if attribute != GuardAttribute::Public {
            let paths = paths.at(ty.span());
            assertions.push(quote_spanned! {ty.span()=>
                #(#cfgs)*
                let _ = || #paths::ChecksOf::<#policy, #ty>::require();
            });
        }
        for Rule { method, message } in &rules {
            // `::core` and not `#paths::core`, so that the whole assertion has the span of the type.
            assertions.push(quote_spanned! {ty.span()=>
                #(#cfgs)*
                ::core::assert!(!#paths::Probe::<#ty>::PARAMETER.#method(), #message);
            });
        }
    }
    if assertions.is_empty() {
        return None;
    }
    let name = function.companion_name("__JWT_AUTH_PARAMETERS_");
    let cfgs = function.cfgs();
    let lints = function.allowed_lints();
    Some(quote! {
        #(#cfgs)*
        #(#lints)*
        #[doc(hidden)]
        #[allow(non_upper_case_globals, dead_code, unused_imports, deprecated)]
        const #name: () = {
            use #paths::{NoChecks as _, OtherParameter as _};
            #(#assertions)*
        };
    })
}

// Input:   #[public]
//          async fn home(visitor: Result<AccessToken, AuthError>) {}
//
// Output:  {
//              use ::jwt_auth::__private::OtherParameter as _;
//              const __READS: bool = Probe::<Result<AccessToken, AuthError>>::PARAMETER.is_access();
//              __READS
//          }
//
// Whether the handler reads the token of a visitor. `None` if no parameter is called `Result`.
pub(crate) fn write_visitor_flag(function: &Function, paths: &Paths) -> Option<TokenStream> {
    let is_result = |ty: &syn::Type| {
        let syn::Type::Path(path) = ty else { return false };
        path.path.segments.last().is_some_and(|segment| segment.ident == "Result")
    };
    let lookups: Vec<TokenStream> = function
        .sig
        .inputs
        .iter()
        .filter_map(|input| {
            let syn::FnArg::Typed(parameter) = input else { return None };
            let ty = &*parameter.ty;
            (is_result(ty) && !function.is_generic(ty))
                .then(|| quote!(#paths::Probe::<#ty>::PARAMETER.is_access()))
        })
        .collect();
    if lookups.is_empty() {
        return None;
    }
    Some(quote! {{
        #[allow(unused_imports)]
        use #paths::OtherParameter as _;
        #[allow(deprecated)]
        const __READS: #paths::core::primitive::bool = #(#lookups)||*;
        __READS
    }})
}

// Input:   #[jwt_required(danger(revocation = "skip"))]
//          async fn lax(token: Alias, next: Next) {}
//
// Output:  {
//              use ::jwt_auth::__private::OtherParameter as _;
//              const __KEEPS: bool = {
//                  let (mut token, mut next) = (false, false);
//                  {
//                      let parameter = Probe::<Alias>::PARAMETER;
//                      token |= parameter.is_token();
//                      next |= parameter.is_next();
//                  }
//                  { … the same for `Next` … }
//                  token && !next
//              };
//              __KEEPS
//          }
//
// Whether the token parameters of the handler may use a token that was admitted by other rules than those of the
// configuration: without a revocation check, for an audience, from other locations. The parameters of a middleware, which has a `Next`, may not. A type with generics of the function cannot be named in the
// constant, so it counts as a token.
pub(crate) fn write_remembers_flag(function: &Function, paths: &Paths) -> TokenStream {
    write_flag(function, paths, &quote!(is_token))
}

/// Whether the handler takes the value of a check. A type that the constant cannot name counts as one.
pub(crate) fn write_keeps_flag(function: &Function, paths: &Paths) -> TokenStream {
    write_flag(function, paths, &quote!(is_checked))
}

/// Whether a parameter has a property, and the function is no middleware.
fn write_flag(function: &Function, paths: &Paths, property: &TokenStream) -> TokenStream {
    let parameters = function.sig.inputs.iter().filter_map(|input| {
        let syn::FnArg::Typed(parameter) = input else { return None };
        let ty = &*parameter.ty;
        let cfgs = parameter.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let lookup = if function.is_generic(ty) {
            quote!(__token = true;)
        } else {
            quote! {
                let __parameter = #paths::Probe::<#ty>::PARAMETER;
                __token |= __parameter.#property();
                __next |= __parameter.is_next();
            }
        };
        Some(quote!(#(#cfgs)* { #lookup }))
    });
    quote! {{
        #[allow(unused_imports)]
        use #paths::OtherParameter as _;
        #[allow(unused_mut, deprecated)]
        const __KEEPS: #paths::core::primitive::bool = {
            let (mut __token, mut __next) = (false, false);
            #(#parameters)*
            __token && !__next
        };
        __KEEPS
    }}
}
