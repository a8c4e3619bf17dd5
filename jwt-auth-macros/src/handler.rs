//! A handler's item: attributes and signature parsed, the body left as tokens.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, TokenStreamExt as _, quote};
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, Token};

use crate::arguments;
use crate::diag::Mistakes;
use crate::spec::Attribute;

/// Axum's handlers take 16 arguments, and the guard is one of them.
const MOST_PARAMETERS: usize = 15;
/// From this many arguments on, clippy complains of too many: the guard must not be the one too many.
const CLIPPY_COMPLAINS_ABOVE: usize = 7;

/// A function whose body may be half-typed.
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
    /// The `#[cfg(…)]`s, which whatever is written beside the function must share.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &syn::Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    /// The lints that the function allows or expects, allowed beside it too: its types stand there again.
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

    /// A name for an item beside the function, which nobody else has.
    pub(crate) fn beside(&self, prefix: &str) -> Ident {
        use syn::ext::IdentExt as _;
        let name = self.sig.ident.unraw();
        Ident::new(&format!("{prefix}{name}"), self.sig.ident.span())
    }

    /// Whether a type names one of the function's own generics, or none that stands by itself.
    pub(crate) fn is_generic(&self, ty: &syn::Type) -> bool {
        let own: Vec<String> = self
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
        mentions(ty.to_token_stream(), &own)
    }

    /// The rules of a handler's signature. What is wrong is also put right, so that the item that stands
    /// beside the errors raises no others.
    pub(crate) fn check(&mut self, attribute: Attribute, mistakes: &mut Mistakes) {
        let name = attribute.name();
        self.attrs.retain(|attr| {
            let other = arguments::attribute_of(attr.path());
            if let Some(other) = other {
                mistakes.on(
                    attr,
                    format!(
                        "a handler has one guard, and `#[{name}]` is there already; remove `#[{}]`",
                        other.name()
                    ),
                );
            }
            other.is_none()
        });
        if self.sig.asyncness.is_none() {
            mistakes.on(
                self.sig.fn_token,
                format!("`#[{name}]` guards an async handler; write `async fn {}`", self.sig.ident),
            );
            self.sig.asyncness = Some(Token![async](self.sig.fn_token.span));
        }
        if let Some(unsafety) = self.sig.unsafety.take() {
            mistakes.on(unsafety, "axum calls no `unsafe fn`; remove `unsafe`");
        }
        if let Some(receiver) = self.sig.receiver() {
            mistakes.on(
                receiver,
                "a handler has no `self`; take what it needs from the state, as in `State(app): State<App>`",
            );
        }
        if let Some(extra) = self.sig.inputs.iter().nth(MOST_PARAMETERS) {
            mistakes.on(
                extra,
                format!(
                    "a handler of axum takes {} parameters, and the guard is one of them; take at most {MOST_PARAMETERS}, or put several into a struct with `#[derive(FromRequestParts)]`",
                    MOST_PARAMETERS + 1
                ),
            );
        }
    }

    /// The function with a first parameter more, and everything else as it was written.
    pub(crate) fn with_guard(&self, guard: &TokenStream) -> TokenStream {
        let Self { attrs, vis, sig, body } = self;
        let count = sig.inputs.len();
        let allow =
            (count == CLIPPY_COMPLAINS_ABOVE).then(|| quote!(#[allow(clippy::too_many_arguments)]));
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

/// Whether the tokens hold one of the names, or a type or lifetime that is not written out.
fn mentions(tokens: TokenStream, names: &[String]) -> bool {
    use proc_macro2::TokenTree;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            let ident = ident.to_string();
            ident == "impl" || ident == "_" || names.contains(&ident)
        }
        TokenTree::Group(group) => mentions(group.stream(), names),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
