//! `cadastro users`: accounts, for whoever has the terminal.

mod arguments;
mod password;
mod tell;

use std::io::Write;

pub(super) use self::arguments::{arguments, read};
use super::{Failure, open, output::Page};
use crate::{
    account::{EmailAddress, FieldError, Login, NewUser, User, UserId, Username},
    app::Builder,
    clock::Clock,
    store::{Store, StoreError},
    text::{Locale, Text},
};

/// What to do with accounts. Passwords are asked for, never given as arguments: every process of a machine sees those.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Users {
    /// Tell of many, the newest first.
    List {
        /// So many at most, from 1 to 1000.
        limit: u16,
        /// Where an earlier list ended.
        cursor: Option<UserId>,
        /// For programs.
        json: bool,
    },
    /// Tell of one.
    Show {
        /// Username or e-mail address.
        login: String,
        /// For programs.
        json: bool,
    },
    /// Make an account that may see the operator's console.
    CreateOperator {
        /// As they will log in.
        username: String,
        /// Likewise.
        email: String,
        /// For programs.
        json: bool,
    },
    /// Give an account another password and end its sessions.
    SetPassword {
        /// Username or e-mail address.
        login: String,
        /// For programs.
        json: bool,
    },
    /// Forget an account.
    Delete {
        /// Username or e-mail address.
        login: String,
        /// Whether that is really meant.
        yes: bool,
        /// For programs.
        json: bool,
    },
}

impl Users {
    /// Does it, and answers on `out`.
    pub(super) async fn run(self, app: &Builder, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Users::List {
                limit,
                cursor,
                json,
            } => {
                let store = open::store(app).await?;
                // One more than asked for tells whether there are more.
                let rows = store.users(cursor, i64::from(limit) + 1).await?;
                let page = Page::cut(rows, limit, |user| user.id.0);
                Ok(tell::list(out, &page, json)?)
            }
            Users::Show { login, json } => {
                let store = open::store(app).await?;
                Ok(tell::one(out, &find(&store, &login).await?, json)?)
            }
            Users::CreateOperator {
                username,
                email,
                json,
            } => {
                let user = create_operator(app, &username, &email).await?;
                let done = format!("{} is an operator", user.username);
                Ok(tell::done(out, &user, &done, json)?)
            }
            Users::SetPassword { login, json } => {
                let store = open::store(app).await?;
                let user = find(&store, &login).await?;
                let hash = password::hash(app.config(), &user.username, &user.email).await?;
                store.set_password(user.id, &hash).await?;
                let done = format!(
                    "{} has another password, and is logged out everywhere",
                    user.username
                );
                Ok(tell::done(out, &user, &done, json)?)
            }
            Users::Delete { login, yes, json } => {
                if !yes {
                    return Err(Failure::Usage(format!(
                        "there is no way back: add --yes to delete `{login}`"
                    )));
                }
                let store = open::store(app).await?;
                let user = find(&store, &login).await?;
                if !store.delete_user(user.id, Clock::system().now()).await? {
                    return Err(nobody(&login));
                }
                let done = format!("{} is deleted", user.username);
                Ok(tell::done(out, &user, &done, json)?)
            }
        }
    }
}

async fn create_operator(app: &Builder, username: &str, email: &str) -> Result<User, Failure> {
    let (username, email) = match (Username::parse(username), EmailAddress::parse(email)) {
        (Ok(username), Ok(email)) => (username, email),
        (username, email) => {
            let wrong: Vec<_> = [username.err(), email.err()]
                .into_iter()
                .flatten()
                .collect();
            return Err(Failure::Usage(told(&wrong)));
        }
    };
    let store = open::store(app).await?;
    // Before the password is asked for: nobody should think of one for nothing.
    refuse_taken(&store, &username, &email).await?;
    let password_hash = password::hash(app.config(), username.shown(), email.ascii()).await?;
    let new = NewUser {
        username,
        email,
        password_hash,
        locale: app.config().locale.parse().unwrap_or_default(),
    };
    let id = match store.create_operator(&new, Clock::system().now()).await {
        Err(StoreError::Conflict(_)) => {
            refuse_taken(&store, &new.username, &new.email).await?;
            return Err(Failure::Refused(
                "somebody was faster; try again".to_owned(),
            ));
        }
        answer => answer?,
    };
    let user = store.user(id).await?;
    user.ok_or_else(|| nobody(new.username.shown()))
}

async fn refuse_taken(
    store: &Store,
    username: &Username,
    email: &EmailAddress,
) -> Result<(), Failure> {
    let by_name = Login::Username(username.key().to_owned());
    let by_address = Login::Email(email.key().to_owned());
    for (what, login) in [("username", by_name), ("e-mail address", by_address)] {
        if let Some(taken) = store.credentials(&login).await? {
            return Err(Failure::Refused(format!(
                "the {what} is taken by the account {}; nothing was changed",
                taken.user.username
            )));
        }
    }
    Ok(())
}

async fn find(store: &Store, login: &str) -> Result<User, Failure> {
    let Some(key) = Login::parse(login) else {
        return Err(nobody(login));
    };
    let found = store.credentials(&key).await?;
    found.map(|found| found.user).ok_or_else(|| nobody(login))
}

fn nobody(login: &str) -> Failure {
    Failure::Refused(format!(
        "there is no user `{login}`; `cadastro users list` tells who is there"
    ))
}

/// What visitors would read beside the fields of the form.
fn told(errors: &[FieldError]) -> String {
    let text = Text::new().ok();
    let sentences = errors.iter().map(|error| match &text {
        Some(text) => {
            let args = error.args.iter();
            let args: Vec<_> = args.map(|(name, value)| (*name, value.as_str())).collect();
            text.sentence(Locale::En, &error.key(), &args)
        }
        None => error.to_string(),
    });
    sentences.collect::<Vec<_>>().join(" ")
}
