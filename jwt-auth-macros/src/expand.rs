//! A guard attribute, from its tokens to the handler with a guard as its first parameter.

use proc_macro2::TokenStream;
use quote::quote;

use crate::checks;
use crate::diag::{self, Mistakes};
use crate::handler::Function;
use crate::paths::Paths;
use crate::policy::Policy;
use crate::spec::{Attribute, Spec};

// Input:   #[jwt_required]
//          async fn me(token: AccessToken) -> String { … }
//
// Output:  async fn me(_: Guard<Access<false, false>>, token: AccessToken) -> String { … }
pub(crate) fn guard(attribute: Attribute, args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => return not_a_handler(attribute, item),
    };
    let mut mistakes = Mistakes::new();
    let spec = Spec::read(attribute, args, &mut mistakes);
    function.check(attribute, &mut mistakes);
    let paths = Paths::new(spec.root.as_ref());
    if let Some(errors) = mistakes.into_errors() {
        // The user's own item stands beside the errors, guarded, so that nothing else is reported; it
        // does not compile, so it never runs.
        let policy = Policy::new(attribute, &Spec::default(), &function, &paths).ty;
        let item = function.with_guard(&quote!(#paths::Guard<#policy>));
        return quote!(#errors #item);
    }
    let policy = Policy::new(attribute, &spec, &function, &paths);
    let checks = checks::parameters(attribute, &spec, &function, &paths);
    let (ty, declared) = (policy.ty, policy.item);
    let item = function.with_guard(&quote!(#paths::Guard<#ty>));
    let expanded = quote!(#declared #checks #item);
    diag::show(attribute.name(), &expanded);
    expanded
}

fn not_a_handler(attribute: Attribute, item: &TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::new();
    let first: TokenStream = item.clone().into_iter().take(1).collect();
    let name = attribute.name();
    mistakes.on(first, format!("`#[{name}]` goes on a handler; write it above an `async fn`"));
    let errors = mistakes.into_errors();
    quote!(#errors #item)
}
