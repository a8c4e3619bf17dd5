//! The user's function: its attributes and signature are parsed, its body stays tokens.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, TokenStreamExt as _, quote};
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, Token};

use crate::attribute::GuardAttribute;
use crate::mistakes::Mistakes;

/// axum's handlers take up to 16 parameters, and the guard is one of them.
const MAX_PARAMETERS: usize = 15;
/// Clippy accepts this many parameters. The additional guard must not cause its warning.
const CLIPPY_MAX_PARAMETERS: usize = 7;

/// A function. Its body is not parsed, so it may be half typed.
pub(crate) struct Function {
    pub(crate) attrs: Vec<syn::Attribute>,
    pub(crate) vis: syn::Visibility,
    pub(crate) sig: syn::Signature,
    pub(crate) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attrs: input.call(syn::Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl Function {
    /// The `#[cfg(…)]` attributes, which items next to the function must have as well.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &syn::Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// `#[allow(…)]` for the lints that the function allows or expects, because items next to it repeat its types.
    pub(crate) fn allowed_lints(&self) -> impl Iterator<Item = TokenStream> {
        let lints = |attr: &syn::Attribute| match &attr.meta {
            syn::Meta::List(list)
                if list.path.is_ident("allow") || list.path.is_ident("expect") =>
            {
                let lints = &list.tokens;
                Some(quote!(#[allow(#lints)]))
            }
            _ => None,
        };
        self.attrs.iter().filter_map(lints)
    }

    /// The name of an item next to the function, made unique by the function's name.
    pub(crate) fn companion_name(&self, prefix: &str) -> Ident {
        use syn::ext::IdentExt as _;
        let name = self.sig.ident.unraw();
        Ident::new(&format!("{prefix}{name}"), self.sig.ident.span())
    }

    /// Whether an item next to the function cannot name a type, because the type uses the function's generics or
    /// is not written out (`impl Trait`, `_`).
    pub(crate) fn is_generic(&self, ty: &syn::Type) -> bool {
        let generics: Vec<String> = self
            .sig
            .generics
            .params
            .iter()
            .map(|param| match param {
                syn::GenericParam::Type(param) => param.ident.to_string(),
                syn::GenericParam::Const(param) => param.ident.to_string(),
                syn::GenericParam::Lifetime(param) => param.lifetime.ident.to_string(),
            })
            .collect();
        mentions(ty.to_token_stream(), &generics, true)
    }

    /// Checks the rules for a handler's signature. It also removes what breaks them, so that the handler next to
    /// the errors causes no further ones.
    pub(crate) fn check_handler(&mut self, attribute: GuardAttribute, mistakes: &mut Mistakes) {
        self.remove_other_guards(attribute, mistakes);
        if self.sig.asyncness.is_none() {
            let (name, function) = (attribute.name(), &self.sig.ident);
            mistakes.report(
                self.sig.fn_token,
                format!("`#[{name}]` goes on an async function; write `async fn {function}`"),
            );
            self.sig.asyncness = Some(Token![async](self.sig.fn_token.span));
        }
        if let Some(unsafety) = self.sig.unsafety.take() {
            mistakes.report(unsafety, "an `unsafe fn` cannot be a handler; remove `unsafe`");
        }
        if let Some(receiver) = self.sig.receiver() {
            mistakes.report(
                receiver,
                "a handler cannot take `self`; take shared values from the state, as in `State(app): State<App>`",
            );
        }
        if let Some(extra) = self.sig.inputs.iter().nth(MAX_PARAMETERS) {
            mistakes.report(
                extra,
                format!(
                    "axum takes at most {} parameters, and the guard is one of them; write at most {MAX_PARAMETERS}, or group some in a struct with `#[derive(FromRequestParts)]`",
                    MAX_PARAMETERS + 1
                ),
            );
        }
    }

    /// Reports a function of an `impl`, which an attribute only sees by a `Self` in it: a policy is an item next to the
    /// function, and an `impl` contains no such items.
    pub(crate) fn check_is_free(&self, attribute: GuardAttribute, mistakes: &mut Mistakes) {
        let Self { sig, body, .. } = self;
        let mentions = |tokens, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            mentions(tokens, &words, false)
        };
        // An item in the body has a `Self` of its own.
        let has_items = mentions(body.clone(), &["impl", "struct", "enum", "trait", "union"]);
        let is_in_an_impl =
            mentions(quote!(#sig), &["Self"]) || (!has_items && mentions(body.clone(), &["Self"]));
        if is_in_an_impl {
            let (name, function) = (attribute.name(), &sig.ident);
            mistakes.report(
                function,
                format!(
                    "`#[{name}(…)]` with these arguments goes on a free function, because an `impl` cannot contain the type that it writes; move `{function}` out of the `impl`"
                ),
            );
        }
    }

    fn remove_other_guards(&mut self, attribute: GuardAttribute, mistakes: &mut Mistakes) {
        let name = attribute.name();
        self.attrs.retain(|attr| {
            let Some(other) = GuardAttribute::from_path(attr.path()) else { return true };
            let message = if other == attribute {
                format!("`#[{name}]` is given twice; write one `#[{name}]` with all arguments")
            } else {
                let other = other.name();
                format!(
                    "a handler has one guard, and `#[{name}]` is already there; remove `#[{other}]`"
                )
            };
            mistakes.report(attr, message);
            false
        });
    }

    /// The function with the guard as its first parameter. Everything else stays as written.
    pub(crate) fn with_guard(&self, guard: &TokenStream) -> TokenStream {
        let Self { attrs, vis, sig, body } = self;
        let count = sig.inputs.len();
        let allow =
            (count == CLIPPY_MAX_PARAMETERS).then(|| quote!(#[allow(clippy::too_many_arguments)]));
        let mut sig = sig.clone();
        let receiver = usize::from(sig.receiver().is_some());
        let parameter = FnArg::Typed(syn::PatType {
            attrs: Vec::new(),
            pat: Box::new(syn::Pat::Wild(syn::PatWild {
                attrs: Vec::new(),
                underscore_token: Token![_](sig.ident.span()),
            })),
            colon_token: Token![:](sig.ident.span()),
            ty: Box::new(syn::Type::Verbatim(guard.clone())),
        });
        sig.inputs.insert(receiver, parameter);
        let mut item = TokenStream::new();
        item.append_all(attrs);
        quote!(#item #allow #vis #sig #body)
    }
}

/// Whether the tokens contain one of the names, or, if asked for, something that is no type of its own: `impl` or `_`.
fn mentions(tokens: TokenStream, names: &[String], or_unnamed: bool) -> bool {
    use proc_macro2::TokenTree;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            let ident = ident.to_string();
            (or_unnamed && (ident == "impl" || ident == "_")) || names.contains(&ident)
        }
        TokenTree::Group(group) => mentions(group.stream(), names, or_unnamed),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
