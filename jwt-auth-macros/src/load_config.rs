//! Expands `#[load_config]`: a function that returns a configuration becomes one that builds it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::attribute::Attribute;
use crate::debug_output::print_if_enabled;
use crate::function::Function;
use crate::mistakes::Mistakes;
use crate::paths::Paths;
use crate::read_arguments::read_arguments;

// Input:   #[load_config]
//          pub async fn auth(path: &str) -> Config { … }
//
// Output:  pub async fn auth(argument0: &str) -> Result<JwtAuth, ConfigError> {
//              async fn auth(path: &str) -> Config { … }
//              start(auth(argument0).await).await
//          }
pub(crate) fn expand_load_config(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::new();
    let arguments = read_arguments(Attribute::LoadConfig, arguments, &mut mistakes);
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        mistakes.report_start(
            item,
            "`#[load_config]` goes on a function; write it above `fn auth() -> Config`",
        );
        let errors = mistakes.into_errors();
        return quote!(#errors #item);
    };
    check_signature(&function.sig, &mut mistakes);
    if let Some(errors) = mistakes.into_errors() {
        return quote!(#errors #item);
    }
    let expansion = wrap(&function, &Paths::new(arguments.crate_path.as_ref()));
    print_if_enabled(Attribute::LoadConfig, &expansion);
    expansion
}

fn check_signature(sig: &syn::Signature, mistakes: &mut Mistakes) {
    if let Some(receiver) = sig.receiver() {
        mistakes.report(
            receiver,
            "`#[load_config]` goes on a function without `self`; pass what it needs as parameters",
        );
    }
    if let Some(unsafety) = &sig.unsafety {
        mistakes.report(unsafety, "`#[load_config]` goes on a safe function; remove `unsafe`");
    }
    if matches!(sig.output, syn::ReturnType::Default) {
        mistakes.report(
            &sig.ident,
            format!(
                "`{}` returns no configuration; write `-> Config` after its parameters",
                sig.ident
            ),
        );
    }
}

/// Puts the user's function inside one that builds what it returns.
fn wrap(function: &Function, paths: &Paths) -> TokenStream {
    let Function { attrs, vis, sig, body } = function;
    let mut outer = sig.clone();
    let mut names = Vec::new();
    for (index, input) in outer.inputs.iter_mut().enumerate() {
        let syn::FnArg::Typed(parameter) = input else { continue };
        let name = Ident::new(&format!("argument{index}"), Span::mixed_site());
        *parameter.pat = syn::parse_quote!(#name);
        parameter.attrs.clear();
        names.push(name);
    }
    let span = match &sig.output {
        syn::ReturnType::Type(_, ty) => ty.span(),
        syn::ReturnType::Default => sig.ident.span(),
    };
    outer.output = syn::parse_quote! {
        -> #paths::core::result::Result<#paths::JwtAuth, #paths::ConfigError>
    };
    // With the span of the return type, so that an error about the configuration underlines the type.
    let mut name = sig.ident.clone();
    name.set_span(name.span().located_at(span));
    let turbofish = write_turbofish(&sig.generics);
    let build = if sig.asyncness.is_some() {
        quote_spanned!(span=> #paths::start(#name #turbofish (#(#names),*).await).await)
    } else {
        quote_spanned!(span=> #paths::build(#name #turbofish (#(#names),*)))
    };
    quote! {
        #(#attrs)*
        #vis #outer {
            #sig #body
            #build
        }
    }
}

/// `::<T, N>`: the type and const parameters, which the arguments alone may not determine. Lifetimes are inferred.
fn write_turbofish(generics: &syn::Generics) -> Option<TokenStream> {
    let names: Vec<_> = generics
        .params
        .iter()
        .filter_map(|param| match param {
            syn::GenericParam::Type(param) => Some(&param.ident),
            syn::GenericParam::Const(param) => Some(&param.ident),
            syn::GenericParam::Lifetime(_) => None,
        })
        .collect();
    (!names.is_empty()).then(|| quote!(::<#(#names),*>))
}
