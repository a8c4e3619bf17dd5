//! The tokens of an attribute's arguments: `name`, `name = value` or `name(list)`, with their spans.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Token, ext::IdentExt as _, parenthesized};

use crate::diag::Mistakes;

/// One argument, as it was written.
pub(crate) struct Arg {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    /// `name`
    None,
    /// `name = value`
    Assigned(syn::Expr),
    /// `name(a, b)`
    List(Vec<syn::Expr>),
}

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Assigned(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let list;
            parenthesized!(list in input);
            let items = Punctuated::<syn::Expr, Token![,]>::parse_terminated(&list)?;
            Value::List(items.into_iter().collect())
        } else {
            Value::None
        };
        if input.is_empty() { Ok(Self { name, value }) } else { Err(input.error("expected `,`")) }
    }
}

/// Reads the arguments one by one, so that a mistake in one hides none in the next.
pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Vec<Arg> {
    let mut args = Vec::new();
    for part in split(tokens) {
        match syn::parse2(part) {
            Ok(arg) => args.push(arg),
            Err(error) => mistakes.add(error),
        }
    }
    args
}

/// The tokens between the commas.
fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => parts.push(Vec::new()),
            other => parts.last_mut().expect("there is always a last part").push(other),
        }
    }
    // A comma may stand after the last argument, and nowhere else with nothing before it.
    if parts.last().is_some_and(Vec::is_empty) {
        parts.pop();
    }
    parts.into_iter().map(TokenStream::from_iter).collect()
}
