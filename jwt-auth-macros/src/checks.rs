//! What a guard asks of the types of the handler's parameters: that none contradicts it, and what they are.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::handler::Function;
use crate::paths::Paths;
use crate::spec::{Attribute, Spec};

/// One assertion: the question to a parameter's type, and the words when the answer is yes.
struct Rule {
    question: TokenStream,
    words: String,
}

fn rules(attribute: Attribute, spec: &Spec) -> Vec<Rule> {
    let rule = |question: TokenStream, words: String| Rule { question, words };
    let mut rules = vec![rule(
        quote!(is_guard),
        format!("a handler has one guard; remove `#[{}]` or the other attribute", attribute.name()),
    )];
    match attribute {
        Attribute::JwtRequired => {
            rules.push(rule(
                quote!(is_refresh),
                "`#[jwt_required]` admits access tokens, and this parameter wants a refresh token; write `AccessToken`, or guard the handler with `#[refresh_required]`".to_owned(),
            ));
            if spec.optional.is_some() {
                rules.push(rule(
                    quote!(demands_access),
                    "`optional` admits requests without a token, and this parameter demands one; write `Option<AccessToken>`, or remove `optional`".to_owned(),
                ));
            }
        }
        Attribute::RefreshRequired => rules.push(rule(
            quote!(is_access),
            "`#[refresh_required]` admits refresh tokens, and this parameter wants an access token; write `RefreshToken`, or guard the handler with `#[jwt_required]`".to_owned(),
        )),
        Attribute::Public => {
            rules.push(rule(
                quote!(is_access),
                "`#[public]` admits anyone, and this parameter wants an access token; guard the handler with `#[jwt_required]`, or with `#[jwt_required(optional)]`".to_owned(),
            ));
            rules.push(rule(
                quote!(is_refresh),
                "`#[public]` admits anyone, and this parameter wants a refresh token; guard the handler with `#[refresh_required]`".to_owned(),
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
// `PARAMETER` is an inherent constant where the type, whatever its name here, is one of ours, and the
// trait's for all others. A named constant, since it has to stand in an `impl` as well.
pub(crate) fn parameters(
    attribute: Attribute,
    spec: &Spec,
    function: &Function,
    paths: &Paths,
) -> Option<TokenStream> {
    let rules = rules(attribute, spec);
    let mut assertions = Vec::new();
    for input in &function.sig.inputs {
        let syn::FnArg::Typed(parameter) = input else { continue };
        let ty = &*parameter.ty;
        if function.is_generic(ty) {
            continue;
        }
        let cfgs = parameter.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let cfgs = cfgs.collect::<Vec<_>>();
        for Rule { question, words } in &rules {
            // `::core` by itself, so that the whole assertion stands on the parameter's type.
            assertions.push(quote_spanned! {ty.span()=>
                #(#cfgs)*
                ::core::assert!(!#paths::Probe::<#ty>::PARAMETER.#question(), #words);
            });
        }
    }
    if assertions.is_empty() {
        return None;
    }
    let name = function.beside("__JWT_AUTH_PARAMETERS_");
    let cfgs = function.cfgs();
    let lints = function.allowed_lints();
    Some(quote! {
        #(#cfgs)*
        #(#lints)*
        #[doc(hidden)]
        #[allow(non_upper_case_globals, dead_code, unused_imports, deprecated)]
        const #name: () = {
            use #paths::OtherParameter as _;
            #(#assertions)*
        };
    })
}

// Input:   #[jwt_required(danger(revocation = "skip"))]
//          async fn lax(token: Alias, next: Next) {}
//
// Output:  {
//              use ::jwt_auth::__private::OtherParameter as _;
//              const KEEPS: bool = {
//                  let (mut token, mut next) = (false, false);
//                  { let it = Probe::<Alias>::PARAMETER; token |= it.is_token(); next |= it.is_next(); }
//                  { let it = Probe::<Next>::PARAMETER; token |= it.is_token(); next |= it.is_next(); }
//                  token && !next
//              };
//              KEEPS
//          }
//
// A type with generics of the function cannot be named there; it may be a token's.
pub(crate) fn keeps_unasked(function: &Function, paths: &Paths) -> TokenStream {
    let questions = function.sig.inputs.iter().filter_map(|input| {
        let syn::FnArg::Typed(parameter) = input else { return None };
        let ty = &*parameter.ty;
        let cfgs = parameter.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let question = if function.is_generic(ty) {
            quote!(__token = true;)
        } else {
            quote! {
                let __it = #paths::Probe::<#ty>::PARAMETER;
                __token |= __it.is_token();
                __next |= __it.is_next();
            }
        };
        Some(quote!(#(#cfgs)* { #question }))
    });
    quote! {{
        #[allow(unused_imports)]
        use #paths::OtherParameter as _;
        #[allow(unused_mut, deprecated)]
        const KEEPS: #paths::core::primitive::bool = {
            let (mut __token, mut __next) = (false, false);
            #(#questions)*
            __token && !__next
        };
        KEEPS
    }}
}
