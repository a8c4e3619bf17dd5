//! Parses the tokens of an attribute into arguments: `name`, `name = value` or `name(a, b)`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Token, ext::IdentExt as _, parenthesized};

use crate::mistakes::Mistakes;

/// One argument as the user wrote it.
pub(crate) struct WrittenArgument {
    pub(crate) name: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    /// `name`
    Absent,
    /// `name = value`
    Assigned(syn::Expr),
    /// `name(a, b)`
    List(Vec<syn::Expr>),
}

impl Parse for WrittenArgument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let Ok(name) = input.call(Ident::parse_any) else {
            return Err(
                input.error("expected an argument; write `name`, `name = value` or `name(a, b)`")
            );
        };
        let value = if input.peek(Token![=]) {
            let equals: Token![=] = input.parse()?;
            if input.is_empty() {
                let message = format!("`{name}` has no value; write one after `=`");
                return Err(syn::Error::new_spanned(quote!(#name #equals), message));
            }
            Value::Assigned(ungroup(input.parse()?))
        } else if input.peek(syn::token::Paren) {
            let list;
            parenthesized!(list in input);
            let items = Punctuated::<syn::Expr, Token![,]>::parse_terminated(&list)?;
            Value::List(items.into_iter().map(ungroup).collect())
        } else {
            Value::Absent
        };
        if input.is_empty() { Ok(Self { name, value }) } else { Err(reject_trailing(&name, input)) }
    }
}

/// The error for tokens that follow a complete argument.
fn reject_trailing(name: &Ident, input: ParseStream<'_>) -> syn::Error {
    match input.cursor().token_tree() {
        Some((TokenTree::Ident(next), _)) => {
            input.error(format!("missing comma before `{next}`; write `, {next}`"))
        }
        Some((TokenTree::Group(group), _)) => syn::Error::new_spanned(
            &group,
            format!("a list goes in parentheses; write `{name}({})`", group.stream()),
        ),
        Some((TokenTree::Punct(_) | TokenTree::Literal(_), _)) | None => input.error(format!(
            "unexpected token after `{name}`; write `{name}`, `{name} = value` or `{name}(a, b)`"
        )),
    }
}

/// Takes an expression out of the invisible group that a `macro_rules!` puts around `$x:expr`.
fn ungroup(value: syn::Expr) -> syn::Expr {
    match value {
        syn::Expr::Group(group) => ungroup(*group.expr),
        other => other,
    }
}

/// Parses each argument separately, so that a mistake in one does not hide mistakes in the next.
pub(crate) fn parse_arguments(
    tokens: TokenStream,
    mistakes: &mut Mistakes,
) -> Vec<WrittenArgument> {
    let mut arguments = Vec::new();
    let mut part = Vec::new();
    // A comma between `<` and `>` belongs to a path.
    let mut open_angles = 0_usize;
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => open_angles += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => {
                open_angles = open_angles.saturating_sub(1);
            }
            _ => {}
        }
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' && open_angles == 0 => {
                if part.is_empty() {
                    mistakes
                        .report(&comma, "expected an argument before this comma; remove the comma");
                } else {
                    parse_part(std::mem::take(&mut part), &mut arguments, mistakes);
                }
            }
            other => part.push(other),
        }
    }
    if !part.is_empty() {
        parse_part(part, &mut arguments, mistakes);
    }
    arguments
}

fn parse_part(part: Vec<TokenTree>, arguments: &mut Vec<WrittenArgument>, mistakes: &mut Mistakes) {
    match syn::parse2(part.into_iter().collect()) {
        Ok(argument) => arguments.push(argument),
        Err(error) => mistakes.add(error),
    }
}

/// The expression as a string literal, if it is one.
pub(crate) fn as_string(value: &syn::Expr) -> Option<&syn::LitStr> {
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

/// A literal or a path as the user would write it, for a message.
pub(crate) fn source_text(value: &syn::Expr) -> String {
    let text = value.to_token_stream().to_string();
    if matches!(value, syn::Expr::Path(_)) { text.replace(' ', "") } else { text }
}
