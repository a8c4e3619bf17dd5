//! Expands a guard attribute: the handler gets a guard as its first parameter.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute::{Attribute, GuardAttribute};
use crate::debug_output::print_if_enabled;
use crate::function::Function;
use crate::guard_arguments::GuardArguments;
use crate::mistakes::Mistakes;
use crate::parameter_checks::check_parameters;
use crate::paths::Paths;
use crate::policy::Policy;
use crate::read_arguments::read_arguments;

// Input:   #[jwt_required]
//          async fn me(token: AccessToken) -> String { … }
//
// Output:  async fn me(_: Guard<Access<false, false>>, token: AccessToken) -> String { … }
pub(crate) fn expand_guard(
    attribute: GuardAttribute,
    arguments: TokenStream,
    item: &TokenStream,
) -> TokenStream {
    let mut mistakes = Mistakes::new();
    let Ok(mut function) = syn::parse2::<Function>(item.clone()) else {
        let name = attribute.name();
        mistakes.report_start(
            item,
            format!("`#[{name}]` goes on a handler; write it above an `async fn`"),
        );
        let errors = mistakes.into_errors();
        return quote!(#errors #item);
    };
    let arguments = read_arguments(Attribute::Guard(attribute), arguments, &mut mistakes);
    function.check_handler(attribute, &mut mistakes);
    if arguments.needs_policy_item(attribute) {
        function.check_is_free(attribute, &mut mistakes);
    }
    let paths = Paths::new(arguments.crate_path.as_ref());
    if let Some(errors) = mistakes.into_errors() {
        // The handler is emitted next to the errors, so that code that names it causes no further errors. It gets
        // a guard too, although it can never run: the crate does not compile.
        let policy = Policy::new(attribute, &GuardArguments::default(), &function, &paths).ty;
        let handler = function.with_guard(&quote!(#paths::Guard<#policy>));
        return quote!(#errors #handler);
    }
    let policy = Policy::new(attribute, &arguments, &function, &paths);
    let (ty, item) = (policy.ty, policy.item);
    let checks = check_parameters(attribute, &arguments, &ty, &function, &paths);
    let handler = function.with_guard(&quote!(#paths::Guard<#ty>));
    let expansion = quote!(#item #checks #handler);
    print_if_enabled(Attribute::Guard(attribute), &expansion);
    expansion
}
