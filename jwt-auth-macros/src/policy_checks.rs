//! Writes the part of a policy that runs its checks.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::attribute::GuardAttribute;
use crate::paths::Paths;
use crate::readers::Checks;

// Input:   #[jwt_required(check(any(owner, is_admin)))]
//
// Output:  const _: () = {
//              use ::jwt_auth::__private::{PlainCheck as __Check0, PlainCheck as __Check1};
//              const _: () = {
//                  use {owner as __Check0, is_admin as __Check1};
//                  impl<S> RunChecks<S> for __Policy where __Check0: RunCheck<S>, __Check1: RunCheck<S> {
//                      async fn run_checks(mut context: CheckContext<'_, S>) -> Result<(), CheckRefusal> {
//                          …
//                          __Check0::run_in(__Check0, &mut context, OfAccess).await
//                      }
//                  }
//                  impl MayHaveCheck<__Check0, [(); 0]> for __Policy {}
//              };
//          };
//
// An import takes whatever a path names: of a function under `#[check]` also the type, which hides the one outside. A plain
// function has no type, so there `PlainCheck` remains.
pub(crate) fn write_checks(
    attribute: GuardAttribute,
    checks: Option<&Checks>,
    is_optional: bool,
    policy: &Ident,
    paths: &Paths,
) -> TokenStream {
    let Some(checks) = checks else {
        return quote! {
            impl<__S: #paths::core::marker::Sync> #paths::RunChecks<__S> for #policy {
                async fn run_checks(
                    _: #paths::CheckContext<'_, __S>,
                ) -> #paths::core::result::Result<(), #paths::CheckRefusal> {
                    #paths::core::result::Result::Ok(())
                }
            }
        };
    };
    let listed = checks.paths();
    let aliases: Vec<Ident> = listed
        .iter()
        .enumerate()
        .map(|(at, (path, _))| Ident::new(&format!("__Check{at}"), path.span()))
        .collect();
    let imports = listed.iter().zip(&aliases).map(|((path, _), alias)| {
        let mut path = (*path).clone();
        // An import takes no generic arguments.
        path.segments.iter_mut().for_each(|segment| segment.arguments = syn::PathArguments::None);
        quote_spanned!(path.span()=> use #path as #alias;)
    });
    let marks = listed.iter().zip(&aliases).enumerate().map(|(at, ((_, runs_always), alias))| {
        let always = (*runs_always && !is_optional)
            .then(|| quote!(impl #paths::HasCheck<#alias, [(); #at]> for #policy {}));
        quote! {
            #always
            impl #paths::MayHaveCheck<#alias, [(); #at]> for #policy {}
        }
    });
    let kind = match attribute {
        GuardAttribute::RefreshRequired => quote!(OfRefresh),
        GuardAttribute::JwtRequired | GuardAttribute::Public => quote!(OfAccess),
    };
    let rules = aliases.iter().map(|alias| write_rule(attribute, alias, paths));
    let context = Ident::new("context", Span::mixed_site());
    let mut writer =
        Writer { aliases: aliases.iter().zip(&listed), context: &context, kind: &kind, paths };
    let body = writer.write(checks);
    quote! {
        #[doc(hidden)]
        const _: () = {
            #[allow(unused_imports)]
            use #paths::{#(PlainCheck as #aliases),*};
            const _: () = {
                #(#[allow(unused_imports)] #imports)*
                #(#rules)*
                #(#marks)*
                impl<__S> #paths::RunChecks<__S> for #policy
                where
                    __S: #paths::core::marker::Sync,
                    #(#aliases: #paths::RunCheck<__S>,)*
                {
                    async fn run_checks(
                        mut #context: #paths::CheckContext<'_, __S>,
                    ) -> #paths::core::result::Result<(), #paths::CheckRefusal> {
                        #body
                    }
                }
            };
        };
    }
}

/// The assertion that a check reads the kind of token that the guard verifies.
fn write_rule(attribute: GuardAttribute, alias: &Ident, paths: &Paths) -> TokenStream {
    let (wrong, message) = match attribute {
        GuardAttribute::RefreshRequired => (
            quote!(any_is_access),
            "`#[refresh_required]` verifies refresh tokens, but this check takes an access token; write `RefreshToken` there",
        ),
        GuardAttribute::JwtRequired | GuardAttribute::Public => (
            quote!(any_is_refresh),
            "`#[jwt_required]` verifies access tokens, but this check takes a refresh token; write `AccessToken` there",
        ),
    };
    let paths = paths.at(alias.span());
    quote_spanned! {alias.span()=>
        const _: () = ::core::assert!(
            !#paths::Parameter::#wrong(<#alias as #paths::Check>::PARAMETERS), #message
        );
    }
}

/// Writes expressions of the type `Result<(), CheckRefusal>`, and takes the aliases in the order of the checks.
struct Writer<'w, I> {
    aliases: I,
    context: &'w Ident,
    kind: &'w TokenStream,
    paths: &'w Paths,
}

impl<'w, I: Iterator<Item = (&'w Ident, &'w (&'w syn::Path, bool))>> Writer<'w, I> {
    fn write(&mut self, checks: &Checks) -> TokenStream {
        let paths = self.paths;
        match checks {
            Checks::One(_) => self.write_call(),
            Checks::All(all) => {
                let calls: Vec<_> = all.iter().map(|checks| self.write(checks)).collect();
                quote! {{
                    #(let () = #calls?;)*
                    #paths::core::result::Result::Ok(())
                }}
            }
            Checks::Any(any) => {
                let refused = Ident::new("refused", Span::mixed_site());
                let calls: Vec<_> = any.iter().map(|checks| self.write(checks)).collect();
                let label = syn::Lifetime::new("'any", Span::mixed_site());
                quote! {#label: {
                    let mut #refused = <#paths::AnyOf as #paths::core::default::Default>::default();
                    #(match #calls {
                        #paths::core::result::Result::Ok(admitted) => break #label { #paths::core::result::Result::Ok(admitted) },
                        #paths::core::result::Result::Err(refusal) => #refused.refused(refusal),
                    })*
                    #refused.into_result()
                }}
            }
        }
    }

    fn write_call(&mut self) -> TokenStream {
        let Self { aliases, context, kind, paths } = self;
        let Some((alias, (path, _))) = aliases.next() else { return TokenStream::new() };
        let has_arguments = path.segments.iter().any(|segment| !segment.arguments.is_none());
        let function = if has_arguments { quote!(#path) } else { quote!(#alias) };
        quote_spanned!(path.span()=> #alias::run_in(#function, &mut #context, #paths::#kind).await)
    }
}
