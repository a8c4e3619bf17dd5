//! Writes the policy of a guard: a type of the runtime crate, or a new type next to the handler.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::attribute::GuardAttribute;
use crate::function::Function;
use crate::guard_arguments::GuardArguments;
use crate::parameter_checks::{write_keeps_flag, write_remembers_flag, write_visitor_flag};
use crate::paths::Paths;
use crate::policy_checks::write_checks;
use crate::readers::Revocation;

/// The policy's type, and the item that declares it unless the runtime crate does.
pub(crate) struct Policy {
    pub(crate) ty: TokenStream,
    pub(crate) item: Option<TokenStream>,
}

impl Policy {
    pub(crate) fn new(
        attribute: GuardAttribute,
        arguments: &GuardArguments,
        function: &Function,
        paths: &Paths,
    ) -> Self {
        let reads_visitor = match attribute {
            GuardAttribute::Public => write_visitor_flag(function, paths),
            GuardAttribute::JwtRequired | GuardAttribute::RefreshRequired => None,
        };
        if arguments.needs_policy_item(attribute) || reads_visitor.is_some() {
            return Self::declare(attribute, arguments, reads_visitor, function, paths);
        }
        let (optional, fresh) = (arguments.optional, arguments.fresh);
        let ty = match attribute {
            GuardAttribute::JwtRequired => quote!(#paths::Access<#optional, #fresh>),
            GuardAttribute::RefreshRequired => quote!(#paths::Refresh),
            GuardAttribute::Public => quote!(#paths::Public),
        };
        Self { ty, item: None }
    }

    // Input:   #[jwt_required(scopes("notes:read"), check = may_read)]
    //          async fn notes() {}
    //
    // Output:  #[doc(hidden)]
    //          struct __JwtAuthGuardOfFreeFn_notes;
    //          impl ::jwt_auth::__private::Policy for __JwtAuthGuardOfFreeFn_notes {
    //              const SPEC: GuardSpec = GuardSpec { scopes: &[&"notes:read"], …, ..GuardSpec::ACCESS };
    //          }
    //          … and an `impl RunChecks<S>` that calls `may_read`.
    fn declare(
        attribute: GuardAttribute,
        arguments: &GuardArguments,
        reads_visitor: Option<TokenStream>,
        function: &Function,
        paths: &Paths,
    ) -> Self {
        // In an `impl` the compiler reports that it does not find this type.
        let name = function.companion_name("__JwtAuthGuardOfFreeFn_");
        let (cfgs, vis) = (function.cfgs().collect::<Vec<_>>(), &function.vis);
        let base = match attribute {
            GuardAttribute::JwtRequired => quote!(ACCESS),
            GuardAttribute::RefreshRequired => quote!(REFRESH),
            GuardAttribute::Public => quote!(PUBLIC),
        };
        let mut fields = write_spec_fields(arguments, function, paths);
        if let Some(flag) = reads_visitor {
            fields.extend(quote!(reads_token: #flag,));
        }
        let keeps = arguments.check.is_some().then(|| write_keeps_flag(function, paths));
        fields.extend(keeps.map(|keeps| quote!(keeps_checked: #keeps,)));
        let checks = arguments.check.as_ref();
        let checks = write_checks(attribute, checks, arguments.optional, &name, paths);
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
            }

            #(#cfgs)*
            #checks
        };
        Self { ty: quote!(#name), item: Some(item) }
    }
}

/// The fields of `GuardSpec` that differ from its base.
fn write_spec_fields(
    arguments: &GuardArguments,
    function: &Function,
    paths: &Paths,
) -> TokenStream {
    let GuardArguments {
        optional,
        fresh,
        dpop,
        max_age,
        scopes,
        any_scope,
        roles,
        any_role,
        locations,
        audience,
        check,
        revocation,
        same_origin,
        crate_path: _,
    } = arguments;
    let mut fields = TokenStream::new();
    let lists = [
        (quote!(scopes), scopes),
        (quote!(any_scope), any_scope),
        (quote!(roles), roles),
        (quote!(any_role), any_role),
    ];
    for (field, names) in lists.iter().filter(|(_, names)| !names.is_empty()) {
        // Each borrow has the span of its name, so that an error underlines that name.
        let names = names.iter().map(|name| quote_spanned!(name.span()=> &#name));
        fields.extend(quote!(#field: &[#(#names),*],));
    }
    if *fresh {
        fields.extend(quote!(fresh: true,));
    }
    if *dpop {
        fields.extend(quote!(dpop: true,));
    }
    if *optional {
        fields.extend(quote!(optional: true,));
    }
    if let Some(seconds) = max_age {
        fields.extend(quote! {
            max_age: #paths::core::option::Option::Some(#paths::core::time::Duration::from_secs(#seconds)),
        });
    }
    if !locations.is_empty() {
        fields.extend(quote!(locations: &[#(#paths::TokenLocation::#locations),*],));
    }
    match revocation {
        None => {}
        Some(Revocation::Strict) => fields.extend(quote!(revocation: #paths::Lookup::Strict,)),
        Some(Revocation::Skip) => fields.extend(quote!(revocation: #paths::Lookup::Skip,)),
    }
    if *same_origin {
        fields.extend(quote!(same_origin: true,));
    }
    let has_own_rules =
        audience.is_some() || !locations.is_empty() || matches!(revocation, Some(Revocation::Skip));
    if has_own_rules {
        let remembers = write_remembers_flag(function, paths);
        fields.extend(quote!(remembers_for_parameters: #remembers,));
    }
    if let Some(audience) = audience {
        fields.extend(quote!(audience: #paths::core::option::Option::Some(#audience),));
    }
    if let Some(checks) = check {
        // The manifest shows this name.
        let name = checks.name();
        fields.extend(quote!(check: #paths::core::option::Option::Some(#name),));
    }
    fields
}
