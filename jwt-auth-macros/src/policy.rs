//! The policy of a guard, as tokens: a type of the runtime crate, or one written beside the handler.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::checks;
use crate::handler::Function;
use crate::paths::Paths;
use crate::places::Revocation;
use crate::spec::{Attribute, Spec, path_name};

/// The policy's type, and the item that declares it, if it needs one.
pub(crate) struct Policy {
    pub(crate) ty: TokenStream,
    pub(crate) item: Option<TokenStream>,
}

impl Policy {
    pub(crate) fn new(
        attribute: Attribute,
        spec: &Spec,
        function: &Function,
        paths: &Paths,
    ) -> Self {
        if spec.needs_item() {
            return Self::declared(attribute, spec, function, paths);
        }
        let (optional, fresh) = (spec.optional.is_some(), spec.fresh.is_some());
        let ty = match attribute {
            Attribute::JwtRequired => quote!(#paths::Access<#optional, #fresh>),
            Attribute::RefreshRequired => quote!(#paths::Refresh),
            Attribute::Public => quote!(#paths::Public),
        };
        Self { ty, item: None }
    }

    // Input:   #[jwt_required(scopes("notes:read"), check = may_read)]
    //          async fn notes() {}
    //
    // Output:  #[doc(hidden)]
    //          struct __JwtAuthGuard_notes;
    //          impl ::jwt_auth::__private::Policy for __JwtAuthGuard_notes {
    //              const SPEC: GuardSpec = GuardSpec { scopes: &[&"notes:read"], …, ..GuardSpec::ACCESS };
    //              async fn check(proof: &Proof) -> Result<(), AuthError> {
    //                  let token = proof.access()?;
    //                  settle(may_read(&token)).await
    //              }
    //          }
    fn declared(attribute: Attribute, spec: &Spec, function: &Function, paths: &Paths) -> Self {
        let name = function.beside("__JwtAuthGuard_");
        let (cfgs, vis) = (function.cfgs().collect::<Vec<_>>(), &function.vis);
        let base =
            if attribute == Attribute::RefreshRequired { quote!(REFRESH) } else { quote!(ACCESS) };
        let mut fields = fields(spec, paths);
        if matches!(spec.revocation, Some(Revocation::Skip)) {
            let keeps = checks::keeps_unasked(function, paths);
            fields.extend(quote!(keeps_unasked: #keeps,));
        }
        let check = spec.check.as_ref().map(|path| check(path, paths));
        let item = quote! {
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(non_camel_case_types, missing_debug_implementations, missing_copy_implementations)]
            #vis struct #name;

            #(#cfgs)*
            #[doc(hidden)]
            impl #paths::Policy for #name {
                const SPEC: #paths::GuardSpec =
                    #paths::GuardSpec { #fields ..#paths::GuardSpec::#base };
                #check
            }
        };
        Self { ty: quote!(#name), item: Some(item) }
    }
}

fn fields(spec: &Spec, paths: &Paths) -> TokenStream {
    let mut fields = TokenStream::new();
    let lists = [
        (quote!(scopes), &spec.scopes),
        (quote!(any_scope), &spec.any_scope),
        (quote!(roles), &spec.roles),
        (quote!(any_role), &spec.any_role),
    ];
    for (field, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        // Each on its own token, so that a name that is none is blamed by itself.
        let names = list.iter().map(|name| quote_spanned!(name.span()=> &#name));
        fields.extend(quote!(#field: &[#(#names),*],));
    }
    if spec.fresh.is_some() {
        fields.extend(quote!(fresh: true,));
    }
    if spec.optional.is_some() {
        fields.extend(quote!(optional: true,));
    }
    if let Some(seconds) = spec.max_age {
        fields.extend(quote! {
            max_age: #paths::core::option::Option::Some(#paths::core::time::Duration::from_secs(#seconds)),
        });
    }
    if !spec.locations.is_empty() {
        let variants = spec.locations.iter().map(|location| &location.0);
        fields.extend(quote!(locations: &[#(#paths::TokenLocation::#variants),*],));
    }
    if let Some(revocation) = spec.revocation {
        let lookup = match revocation {
            Revocation::Strict => quote!(Strict),
            Revocation::Skip => quote!(Skip),
        };
        fields.extend(quote!(revocation: #paths::Lookup::#lookup,));
    }
    if let Some(audience) = &spec.audience {
        fields.extend(quote!(audience: #paths::core::option::Option::Some(#audience),));
    }
    if let Some(path) = &spec.check {
        let name = path_name(path);
        fields.extend(quote!(check: #paths::core::option::Option::Some(#name),));
    }
    fields
}

fn check(path: &syn::Path, paths: &Paths) -> TokenStream {
    // Names that the user's path cannot see: it may be a function of the same name.
    let token = Ident::new("token", Span::mixed_site().located_at(path.span()));
    let proof = Ident::new("proof", Span::mixed_site());
    let call = quote_spanned!(path.span()=> #path(&#token));
    let here = paths.at(path.span());
    let settled = quote_spanned!(path.span()=> #here::settle(#call).await);
    quote! {
        async fn check(
            #proof: &#paths::Proof,
        ) -> #paths::core::result::Result<(), #paths::AuthError> {
            let #token = #proof.access()?;
            #settled
        }
    }
}
