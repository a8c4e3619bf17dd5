//! Expands `#[check]`: the function stays, and a type of its name makes it a check.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::attribute::Attribute;
use crate::debug_output::print_if_enabled;
use crate::function::Function;
use crate::mistakes::Mistakes;
use crate::paths::Paths;
use crate::read_arguments::read_arguments;

// Input:   #[check]
//          async fn own_note(token: AccessToken, Path(id): Path<u64>) -> Result<Note, AppError> { … }
//
// Output:  async fn own_note(…) -> Result<Note, AppError> { … }
//
//          struct own_note {}
//          impl Check for own_note {
//              type Output = <Result<Note, AppError> as CheckResult>::Output;
//              const NAME: &'static str = "own_note";
//              const PARAMETERS: &'static [Parameter] = &[Probe::<AccessToken>::PARAMETER, …];
//          }
//          impl<S> RunCheck<S> for own_note
//          where S: Send + Sync, AccessToken: CheckParameter<S>, Path<u64>: CheckParameter<S> {
//              async fn run(parts: &mut Parts, state: &S) -> Result<Self::Output, CheckRefusal> {
//                  let argument0 = <AccessToken as CheckParameter<S>>::extract(parts, state).await?;
//                  …
//                  CheckResult::into_result(own_note(argument0, …).await)
//                      .map_err(|error| Refused(error).into_refusal())
//                      .and_then(|value| Returned(value).into_output())
//              }
//          }
//          impl own_note { async fn run_in<…>(_: F, context: &mut CheckContext<'_, S>, _: K) { context.run::<Self>() } }
//
// A struct with braces has a name among types only, so the function keeps its own.
pub(crate) fn expand_check(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::new();
    let arguments = read_arguments(Attribute::Check, arguments, &mut mistakes);
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        mistakes.report_start(
            item,
            "`#[check]` goes on a function; write it above `async fn own_note(token: AccessToken) -> Result<(), AuthError>`",
        );
        let errors = mistakes.into_errors();
        return quote!(#errors #item);
    };
    check_signature(&function.sig, &mut mistakes);
    if let Some(errors) = mistakes.into_errors() {
        return quote!(#errors #item);
    }
    let check = write_check(&function, &Paths::new(arguments.crate_path.as_ref()));
    let expansion = quote!(#item #check);
    print_if_enabled(Attribute::Check, &expansion);
    expansion
}

fn check_signature(sig: &syn::Signature, mistakes: &mut Mistakes) {
    if let Some(receiver) = sig.receiver() {
        mistakes.report(
            receiver,
            "a check cannot take `self`; take shared values from the state, as in `State(db): State<Db>`",
        );
    }
    if let Some(unsafety) = &sig.unsafety {
        mistakes.report(unsafety, "an `unsafe fn` cannot be a check; remove `unsafe`");
    }
    if let Some(generic) = sig.generics.params.first() {
        mistakes.report(
            generic,
            "a check has no generic parameters, because the guard chooses none; write the types",
        );
    }
    match &sig.output {
        syn::ReturnType::Default => mistakes.report(
            &sig.ident,
            format!(
                "`{}` returns no verdict; write `-> Result<(), AuthError>` or `-> bool` after its parameters",
                sig.ident
            ),
        ),
        syn::ReturnType::Type(_, output) if names_no_type(output) => mistakes.report(
            output,
            "a check names the type that it returns; write `-> Result<(), AuthError>` or `-> bool`",
        ),
        syn::ReturnType::Type(..) => {}
    }
    for input in &sig.inputs {
        let syn::FnArg::Typed(parameter) = input else { continue };
        if let Some(cfg) = parameter.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
            mistakes.report(cfg, "a parameter of a check has no `#[cfg]`; put it on the function");
        }
        if names_no_type(&parameter.ty) {
            mistakes.report(&parameter.ty, "a check names the type of each parameter; write it");
        }
    }
}

/// Whether it is a trait, or has an `impl Trait` in it. Only a signature can have one, and the expansion repeats the type.
fn names_no_type(ty: &syn::Type) -> bool {
    fn has_impl(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == "impl",
            TokenTree::Group(group) => has_impl(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    matches!(ty, syn::Type::TraitObject(_)) || has_impl(ty.to_token_stream())
}

/// The type of the check, and its implementations.
fn write_check(function: &Function, paths: &Paths) -> TokenStream {
    use syn::ext::IdentExt as _;
    let Function { vis, sig, .. } = function;
    let name = &sig.ident;
    let text = name.unraw().to_string();
    let syn::ReturnType::Type(_, output) = &sig.output else { return TokenStream::new() };
    let parameters = sig.inputs.iter().filter_map(|input| match input {
        syn::FnArg::Typed(parameter) => Some(&*parameter.ty),
        syn::FnArg::Receiver(_) => None,
    });
    let types: Vec<&syn::Type> = parameters.collect();
    let rules = types.iter().map(|ty| {
        let paths = paths.at(ty.span());
        let message = "a check reads parts of the request, but this parameter takes the body; leave the body to the handler";
        quote_spanned!(ty.span()=> ::core::assert!(!#paths::Body::<#ty>::IS_TAKEN, #message);)
    });
    let at_output = paths.at(output.span());
    let value = quote_spanned!(output.span()=> <#output as #at_output::CheckResult>::Output);
    let run = write_run(function, &types, output, paths);
    let run_in = write_run_in(name, &types, paths);
    let cfgs: Vec<_> = function.cfgs().collect();
    let lints: Vec<_> = function.allowed_lints().collect();
    let docs = format!("The check `{text}`, for `Checked<{text}>`.");
    quote! {
        #(#cfgs)*
        #[doc = #docs]
        #[allow(non_camel_case_types, missing_debug_implementations, missing_copy_implementations, dead_code)]
        #vis struct #name {}

        #(#cfgs)*
        #(#lints)*
        #[doc(hidden)]
        #[allow(unused_imports, deprecated, private_interfaces)]
        const _: () = {
            use #paths::{NoBody as _, OtherParameter as _, RefusedByApplication as _, ReturnedValue as _};
            const _: () = {
                #(#rules)*
            };

            impl #paths::Check for #name {
                type Output = #value;
                const NAME: &'static #paths::core::primitive::str = #text;
                const PARAMETERS: &'static [#paths::Parameter] =
                    &[#(#paths::Probe::<#types>::PARAMETER),*];
            }
            #run
            #run_in
        };
    }
}

/// `RunCheck`: extracts the parameters and calls the function.
fn write_run(
    function: &Function,
    types: &[&syn::Type],
    output: &syn::Type,
    paths: &Paths,
) -> TokenStream {
    let mixed = |text: &str| Ident::new(text, Span::mixed_site());
    let (parts, state) = (mixed("parts"), mixed("state"));
    let arguments: Vec<Ident> =
        (0..types.len()).map(|index| mixed(&format!("argument{index}"))).collect();
    let bounds = types.iter().map(|ty| {
        let paths = paths.at(ty.span());
        quote_spanned!(ty.span()=> #ty: #paths::CheckParameter<__S>,)
    });
    let name = &function.sig.ident;
    let dot_await = function.sig.asyncness.map(|_| quote!(.await));
    let call = quote!(#name(#(#arguments),*)#dot_await);
    // With the span of the return type, so that an error about the verdict underlines the type.
    let at_output = paths.at(output.span());
    let returned = quote_spanned! {output.span()=>
        ::core::result::Result<<#output as #at_output::CheckResult>::Output, #at_output::CheckRefusal>
    };
    let verdict = quote_spanned! {output.span()=>
        <#output as #at_output::CheckResult>::into_result(#call)
            .map_err(|error| #at_output::Refused(error).into_refusal())
            .and_then(|value| #at_output::Returned(value).into_output())
    };
    quote! {
        impl<__S> #paths::RunCheck<__S> for #name
        where
            __S: #paths::core::marker::Send + #paths::core::marker::Sync,
            #(#bounds)*
        {
            async fn run(#parts: &mut #paths::Parts, #state: &__S) -> #returned {
                #(let #arguments =
                    <#types as #paths::CheckParameter<__S>>::extract(#parts, #state).await?;)*
                #verdict
            }
        }
    }
}

/// `run_in`, which every type of a check has, and `PlainCheck` too. It compares the function with its own, because a name
/// can mean another function where the type comes from a glob import.
fn write_run_in(name: &Ident, types: &[&syn::Type], paths: &Paths) -> TokenStream {
    let context = Ident::new("context", Span::mixed_site());
    let function = Ident::new("function", Span::mixed_site());
    quote! {
        impl #name {
            #[doc(hidden)]
            #[allow(dead_code)]
            pub async fn run_in<__S, __K, __F, __O>(
                #function: __F,
                #context: &mut #paths::CheckContext<'_, __S>,
                _: __K,
            ) -> #paths::core::result::Result<(), #paths::CheckRefusal>
            where
                __S: #paths::core::marker::Sync,
                __F: #paths::core::ops::Fn(#(#types),*) -> __O + 'static,
                Self: #paths::RunCheck<__S>,
            {
                #paths::is_same_function(&#function, &#name)?;
                #context.run::<Self>().await
            }
        }
    }
}
