//! How the rooms above speak to the Registrar.

use std::{sync::Arc, time::Duration};

use actix::{Handler, Message, prelude::SendError};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    RegistrarActor,
    limits::LOG_INS_TO_ACCOUNT,
    messages::{LogIn, LogOut, SignUp},
    refusals::Refusals,
};
use crate::{
    account::{Application, HashError, Hasher, Login, Password, Token, User, UserId},
    actors::{
        AskError,
        probe::{Mailbox, Named, Post},
    },
    clock::Clock,
    config::Config,
    store::{self, NewSession, NewSignup, NewToken, SignedUp, SignupRefusal, Store},
    telemetry::trace,
};

/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(14 * 24 * 3600);

/// How long a browser is known after a log-in: half a year, in which most people come back.
const BROWSER: Duration = Duration::from_secs(180 * 24 * 3600);

/// How long a log-in waits for a hash of today's cost, which waits behind all who log in.
const RENEWAL: Duration = Duration::from_secs(1);

/// Persists users and sessions. Clones speak to the same actor.
#[derive(Clone)]
pub struct Registrar {
    pub(in crate::actors) mailbox: Mailbox<RegistrarActor>,
    pub(in crate::actors) hasher: Hasher,
    pub(in crate::actors) store: Store,
    pub(in crate::actors) clock: Clock,
    pub(in crate::actors) config: Arc<Config>,
    pub(in crate::actors) refusals: Arc<Refusals>,
}

/// Why a sign-up was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    #[error("the username is taken")]
    UsernameTaken,
    /// The same idempotency key came with other names or another password.
    #[error("the idempotency key belongs to another sign-up")]
    KeyReused,
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// There is no such user, or the password is another; nobody is told which.
    #[error("the name or the password is wrong")]
    Wrong,
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    pub user: User,
    /// Stands for the session.
    pub session: Given,
    /// By which the browser will be known.
    pub browser: Given,
}

/// A token for the browser alone.
#[derive(Clone, Debug)]
pub struct Given {
    pub token: Token,
    pub expires_at: Timestamp,
}

/// What a browser brings along from log-ins before.
#[derive(Clone, Debug, Default)]
pub struct Held {
    pub session: Option<Token>,
    pub browser: Option<Token>,
}

impl Registrar {
    /// Saves a new user and the jobs that a sign-up starts, or nothing.
    ///
    /// A second call with the same `idempotency_key`, the same names and the same password gets the first
    /// answer again.
    pub async fn sign_up(
        &self,
        application: Application,
        idempotency_key: Option<String>,
    ) -> Result<SignedUp, SignUpError> {
        let (password, new_user) = application.into_parts();
        let hash = self.hasher.hash(password.clone()).await;
        let hash = hash.map_err(of_hash)?;
        let new = NewSignup {
            user: new_user(hash),
            receipt: Token::random().as_str().to_owned(),
            idempotency_key,
            trace: here(),
        };
        let (reply, answer) = oneshot::channel();
        self.mailbox
            .offer(SignUp { new, reply })
            .map_err(|error| match error {
                SendError::Full(()) => AskError::Busy,
                SendError::Closed(()) => AskError::Away("the program stops".to_owned()),
            })?;
        let fell = |_| AskError::Fault("the registrar fell over this sign-up".to_owned());
        let answer = store::in_time(answer).await.map_err(AskError::from)?;
        match answer.map_err(fell)?? {
            // Told of success with another password, nobody would get in: the first one holds.
            Ok(signed_up) if signed_up.repeated && !self.is_again(password, &signed_up).await? => {
                Err(SignUpError::KeyReused)
            }
            Ok(signed_up) => Ok(signed_up),
            Err(SignupRefusal::UsernameTaken) => Err(SignUpError::UsernameTaken),
            Err(SignupRefusal::KeyReused) => Err(SignUpError::KeyReused),
        }
    }

    /// Whether a second submit brings the password of the first.
    async fn is_again(&self, password: Password, first: &SignedUp) -> Result<bool, AskError> {
        match self.store.password_of(&first.receipt).await? {
            Some(stored) => {
                let again = self.hasher.is_again(password, stored).await;
                again.map_err(of_hash)
            }
            None => Ok(false),
        }
    }

    /// Begins a session for whoever knows the name or address and the password.
    ///
    /// A wrong name takes as long as a wrong password, as far as [`Hasher::verify`] says. Both tokens that
    /// the browser held are replaced.
    pub async fn log_in(
        &self,
        login: &str,
        password: String,
        held: Option<&Held>,
    ) -> Result<LoggedIn, LogInError> {
        // What nobody can be called is known without looking, and is charged to nobody.
        let login = Login::parse(login).ok_or(LogInError::Wrong)?;
        let session = held.and_then(|held| held.session.as_ref());
        let browser = held.and_then(|held| held.browser.as_ref());
        // Before the password is judged, or guesses that come at once would all be; the right one is given back.
        let charged = self.payer(&login, browser).await?;
        self.charge(&charged, LOG_INS_TO_ACCOUNT).await?;
        let found = self.store.credentials(&login).await;
        let found = found.map_err(AskError::from)?;
        let stored = found.as_ref().map(|found| found.password_hash.clone());
        let right = self
            .hasher
            .verify(password.clone(), stored)
            .await
            .map_err(of_hash)?;
        let Some(found) = found.filter(|_| right) else {
            return Err(LogInError::Wrong);
        };
        let (new_session, session) = self.give(SESSION, session);
        let (new_browser, browser) = self.give(BROWSER, browser);
        let share = LOG_INS_TO_ACCOUNT.share();
        let new = NewSession {
            user: found.user.id,
            session: new_session,
            browser: new_browser,
            charged: self.config.rate_limit.then(|| (charged.clone(), share)),
            renewed: self.renewed(&password, found.password_hash).await,
        };
        self.ask(LogIn { new, trace: here() })
            .await?
            .map_err(AskError::from)?;
        self.refusals.forget(&charged);
        Ok(LoggedIn {
            user: found.user,
            session,
            browser,
        })
    }

    /// A token that lasts from now on, for the store and for the browser.
    fn give(&self, lasts: Duration, replaced: Option<&Token>) -> (NewToken, Given) {
        let given = Given {
            token: Token::random(),
            expires_at: self.clock.now() + lasts,
        };
        let new = NewToken {
            hash: given.token.hash(),
            replaced: replaced.map(Token::hash),
            expires_at: given.expires_at,
        };
        (new, given)
    }

    /// The hash that the password opened and the one to take its place, if it has not cost as much as one does today.
    ///
    /// No log-in fails for want of it: the next one brings another chance.
    async fn renewed(&self, password: &str, stored: String) -> Option<(String, String)> {
        let renewed = tokio::select! {
            biased;
            renewed = self.hasher.renew(password, &stored) => renewed,
            () = self.clock.sleep(RENEWAL) => return None,
        };
        match renewed {
            Ok(renewed) => Some((stored, renewed?)),
            Err(error) => {
                tracing::warn!(%error, "a password keeps its old hash");
                None
            }
        }
    }

    /// Ends a session; `false` says that it had ended already.
    pub async fn log_out(&self, user: UserId, token: &Token) -> Result<bool, AskError> {
        let log_out = LogOut {
            user,
            token_hash: token.hash(),
            trace: here(),
        };
        Ok(self.ask(log_out).await??)
    }

    /// Waits no longer than for an answer of the database's own; what was begun comes to its end.
    pub(super) async fn ask<M>(&self, message: M) -> Result<M::Result, AskError>
    where
        RegistrarActor: Handler<Post<M>>,
        M: Message<Result: Send> + Named + Send + 'static,
    {
        Ok(store::in_time(self.mailbox.ask(message)).await??)
    }
}

/// Where whoever asks stands, for the jobs that come of it.
fn here() -> Option<String> {
    trace::current().map(|trace| trace.to_string())
}

fn of_hash(error: HashError) -> AskError {
    match error {
        HashError::Busy => AskError::Busy,
        HashError::Unreadable(_) | HashError::Failed(_) => AskError::Fault(error.to_string()),
    }
}
