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
            Value::Assigned(bare(input.parse()?))
        } else if input.peek(syn::token::Paren) {
            let list;
            parenthesized!(list in input);
            let items = Punctuated::<syn::Expr, Token![,]>::parse_terminated(&list)?;
            Value::List(items.into_iter().map(bare).collect())
        } else {
            Value::None
        };
        if input.is_empty() { Ok(Self { name, value }) } else { Err(input.error("expected `,`")) }
    }
}

/// What a `macro_rules!` hands over as `$x:expr` comes in a group that nobody sees.
fn bare(value: syn::Expr) -> syn::Expr {
    match value {
        syn::Expr::Group(group) => bare(*group.expr),
        other => other,
    }
}

/// Reads the arguments one by one, so that a mistake in one hides none in the next.
pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Vec<Arg> {
    let mut args = Vec::new();
    let mut part = Vec::new();
    // A comma between `<` and `>` belongs to a path.
    let mut angles = 0_usize;
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => angles += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => angles = angles.saturating_sub(1),
            _ => {}
        }
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' && angles == 0 => {
                if part.is_empty() {
                    mistakes.on(&comma, "there is no argument before this comma; remove the comma");
                } else {
                    read(std::mem::take(&mut part), &mut args, mistakes);
                }
            }
            other => part.push(other),
        }
    }
    if !part.is_empty() {
        read(part, &mut args, mistakes);
    }
    args
}

fn read(part: Vec<TokenTree>, args: &mut Vec<Arg>, mistakes: &mut Mistakes) {
    match syn::parse2(part.into_iter().collect()) {
        Ok(arg) => args.push(arg),
        Err(error) => mistakes.add(error),
    }
}
