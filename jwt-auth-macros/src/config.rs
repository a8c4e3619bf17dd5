//! `#[load_config]`: a function that returns a configuration becomes one that builds it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::args;
use crate::arguments as read;
use crate::diag::{self, Mistakes};
use crate::handler::Function;
use crate::paths::Paths;

// Input:   #[load_config]
//          pub async fn auth(path: &str) -> Config { … }
//
// Output:  pub async fn auth(argument0: &str) -> Result<JwtAuth, ConfigError> {
//              async fn auth(path: &str) -> Config { … }
//              build(auth(argument0).await)
//          }
pub(crate) fn load(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::new();
    let args = args::parse(args, &mut mistakes);
    let root = read::known("load_config", &["crate"], &args, &mut mistakes)
        .first()
        .and_then(|arg| read::path(arg, "crate = auth", &mut mistakes));
    let paths = Paths::new(root.as_ref());
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        let first: TokenStream = item.clone().into_iter().take(1).collect();
        mistakes
            .on(first, "`#[load_config]` goes on a function; write it above `fn auth() -> Config`");
        let errors = mistakes.into_errors();
        return quote!(#errors #item);
    };
    check(&function, &mut mistakes);
    if let Some(errors) = mistakes.into_errors() {
        return quote!(#errors #item);
    }
    let expanded = expand(&function, &paths);
    diag::show("load_config", &expanded);
    expanded
}

fn check(function: &Function, mistakes: &mut Mistakes) {
    let sig = &function.sig;
    if let Some(receiver) = sig.receiver() {
        mistakes.on(
            receiver,
            "`#[load_config]` goes on a function without `self`; pass what it needs as arguments",
        );
    }
    if let Some(unsafety) = &sig.unsafety {
        mistakes.on(unsafety, "a configuration is loaded by a safe function; remove `unsafe`");
    }
    if matches!(sig.output, syn::ReturnType::Default) {
        mistakes.on(
            &sig.ident,
            format!("`#[load_config]` goes on a function that returns a configuration; write `fn {}() -> Config`", sig.ident),
        );
    }
}

fn expand(function: &Function, paths: &Paths) -> TokenStream {
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
    let name = &sig.ident;
    let wait = sig.asyncness.map(|_| quote!(.await));
    let generics = own_generics(&sig.generics);
    let build = quote_spanned!(span=> #paths::build(#name #generics (#(#names),*)#wait));
    quote! {
        #(#attrs)*
        #vis #outer {
            #sig #body
            #build
        }
    }
}

/// `::<T, N>`: types and constants that the arguments may leave open. Lifetimes are never named.
fn own_generics(generics: &syn::Generics) -> Option<TokenStream> {
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
