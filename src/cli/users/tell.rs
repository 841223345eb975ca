//! What `cadastro users` answers.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    account::{User, UserId},
    cli::output::{self, Page, instant},
    web::api,
};

/// A page of accounts, for programs.
#[derive(Serialize)]
struct ListJson<'a> {
    users: Vec<UserJson<'a>>,
    /// Give it as `--cursor` to go on; null at the end.
    next_cursor: Option<String>,
}

/// An account, for programs. Its password is nobody's business.
#[derive(Serialize)]
struct UserJson<'a> {
    id: UserId,
    username: &'a str,
    email: &'a str,
    locale: &'static str,
    operator: bool,
    created_at: String,
}

impl<'a> From<&'a User> for UserJson<'a> {
    fn from(user: &'a User) -> Self {
        UserJson {
            id: user.id,
            username: &user.username,
            email: &user.email,
            locale: user.locale.tag(),
            operator: user.operator,
            created_at: api::instant(user.created_at),
        }
    }
}

/// Many accounts.
pub(super) fn list(out: &mut dyn Write, page: &Page<User>, json: bool) -> io::Result<()> {
    if json {
        let users = page.rows.iter().map(UserJson::from).collect();
        let next_cursor = page.next_cursor.map(|cursor| cursor.to_string());
        return output::json(out, &ListJson { users, next_cursor });
    }
    if page.rows.is_empty() {
        return writeln!(out, "no users");
    }
    let rows: Vec<_> = page
        .rows
        .iter()
        .map(|user| {
            [
                user.id.to_string(),
                user.username.clone(),
                user.shown_email(),
                user.locale.to_string(),
                role(user).to_owned(),
                instant(user.created_at),
            ]
        })
        .collect();
    let head = ["ID", "USERNAME", "E-MAIL", "LOCALE", "ROLE", "CREATED"];
    output::table(out, head, &rows)?;
    page.tell_more(out)
}

/// One account.
pub(super) fn one(out: &mut dyn Write, user: &User, json: bool) -> io::Result<()> {
    if json {
        return output::json(out, &UserJson::from(user));
    }
    output::pairs(
        out,
        &[
            ("user", Some(user.id.to_string())),
            ("username", Some(user.username.clone())),
            ("e-mail", Some(user.shown_email())),
            ("locale", Some(user.locale.to_string())),
            ("role", Some(role(user).to_owned())),
            ("created", Some(instant(user.created_at))),
        ],
    )
}

/// What was done, and to whom.
pub(super) fn done(out: &mut dyn Write, user: &User, what: &str, json: bool) -> io::Result<()> {
    match json {
        true => one(out, user, json),
        false => writeln!(out, "{what}"),
    }
}

fn role(user: &User) -> &'static str {
    match user.operator {
        true => "operator",
        false => "user",
    }
}
