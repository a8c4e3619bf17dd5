//! The same page without scripts: forms repeat the CSRF value in a hidden field.

use std::fmt::Write as _;

use axum::extract::{Form, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Redirect};
use jwt_auth::{AccessToken, AuthError, JwtAuth, LogOut, SetCookies, jwt_required, public};
use serde::Deserialize;

use crate::users::Users;
use crate::{Login, Note, Notes, POLICY};

/// The field of every form that changes something.
pub(crate) const FIELD: &str = "csrf_token";

#[derive(Deserialize)]
pub(crate) struct NewNote {
    note: String,
}

/// For everybody. A visitor who is logged in gets the forms with the value of their own token.
#[public]
pub(crate) async fn page(
    State(notes): State<Notes>,
    visitor: Result<AccessToken, AuthError>,
) -> impl IntoResponse {
    let body = match visitor {
        Ok(token) => {
            let value = token.csrf_token().unwrap_or_default();
            let hidden = format!(r#"<input type="hidden" name="{FIELD}" value="{value}">"#);
            let mut lines = String::new();
            for Note { author, text } in crate::lock(&notes).iter() {
                let _ = write!(lines, "<li>{}: {}</li>", escape(author), escape(text));
            }
            format!(
                r#"<p class="name" id="me">Welcome, {name}!</p>
                <form method="post" action="/plain/notes">{hidden}
                <label>A note <input id="note" name="note"></label><button id="add">Add</button></form>
                <ul id="notes">{lines}</ul>
                <form method="post" action="/plain/logout">{hidden}<button id="logout" class="plain">Log out</button></form>"#,
                name = escape(token.subject()),
            )
        }
        Err(error) => format!(
            r#"<p id="why" class="why">{why}</p>
            <form method="post" action="/plain/login">
            <label>User name <input id="username" name="username"></label>
            <label>Password <input id="password" name="password" type="password"></label>
            <button id="login">Log in</button></form>"#,
            why = match error.code() {
                "token_missing" => String::new(),
                _ => format!("{}. Log in again.", escape(error.detail())),
            },
        ),
    };
    let page = format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Notes without scripts</title>
        <link rel="stylesheet" href="/page.css"></head><body><header><h1>Notes</h1><p>Without scripts.
        <a href="/">With scripts.</a></p></header><main><section class="card">{body}</section></main></body></html>"#
    );
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page))
}

/// Accepts a form, so it asks the browser whether our own page sent it.
#[public(same_origin)]
pub(crate) async fn login(
    auth: JwtAuth,
    State(users): State<Users>,
    Form(form): Form<Login>,
) -> Result<(Option<SetCookies>, Redirect), AuthError> {
    let Some(user) = users.check(form.username, form.password).await else {
        return Ok((None, Redirect::to("/plain")));
    };
    let pair = auth.log_in(user.name).await?;
    Ok((Some(auth.set_cookies(&pair)), Redirect::to("/plain")))
}

#[jwt_required] // and the CSRF value in the field
pub(crate) async fn add(
    State(notes): State<Notes>,
    token: AccessToken,
    Form(form): Form<NewNote>,
) -> Redirect {
    let author = token.subject().to_owned();
    crate::lock(&notes).push(Note { author, text: form.note });
    Redirect::to("/plain")
}

#[public]
pub(crate) async fn logout(log_out: LogOut) -> Result<(SetCookies, Redirect), AuthError> {
    Ok((log_out.end().await?, Redirect::to("/plain")))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
