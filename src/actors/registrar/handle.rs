//! How the rooms above speak to the Registrar.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use actix::{Handler, Message, prelude::SendError};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    RegistrarActor,
    messages::{Charge, LogIn, LogOut, SignUp},
};
use crate::{
    account::{Application, HashError, Hasher, Login, Rate, Token, User, UserId},
    actors::{
        AskError,
        probe::{Mailbox, Named, Post},
    },
    clock::Clock,
    config::Config,
    store::{self, NewSignup, SignedUp, SignupRefusal, Store},
};

/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(14 * 24 * 3600);

/// Thirty sign-ups a minute from one address, as the contract says.
const SIGN_UPS: Rate = Rate {
    burst: 30,
    period: Duration::from_secs(60),
};

/// Log-ins from one address: a household or a small office, not a dictionary.
const LOG_INS: Rate = Rate {
    burst: 30,
    period: Duration::from_secs(60),
};

/// Log-ins to one account from anywhere: enough for a person who guesses, and an attacker
/// who guesses on for a year gets some hundred thousand tries.
const LOG_INS_TO_ACCOUNT: Rate = Rate {
    burst: 10,
    period: Duration::from_secs(600),
};

/// A door at which visitors are counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    SignUp,
    LogIn,
}

/// Persists users and sessions. Clones speak to the same actor.
#[derive(Clone)]
pub struct Registrar {
    pub(in crate::actors) mailbox: Mailbox<RegistrarActor>,
    pub(in crate::actors) hasher: Hasher,
    pub(in crate::actors) store: Store,
    pub(in crate::actors) clock: Clock,
    pub(in crate::actors) config: Arc<Config>,
}

/// Why a sign-up was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    #[error("the username is taken")]
    UsernameTaken,
    /// The same idempotency key came with other data.
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
    /// For the browser alone.
    pub token: Token,
    pub expires_at: Timestamp,
}

impl Registrar {
    /// Charges a visitor one try at a door; refuses if there were too many from their address.
    pub async fn admit(&self, door: Door, from: IpAddr) -> Result<(), AskError> {
        let (name, rate) = match door {
            Door::SignUp => ("sign_up", SIGN_UPS),
            Door::LogIn => ("log_in", LOG_INS),
        };
        self.charge(format!("{name}:{}", network(from)), rate).await
    }

    /// Saves a new user and the jobs that a sign-up starts, or nothing.
    ///
    /// A second call with the same `idempotency_key` and the same names gets the first answer again.
    pub async fn sign_up(
        &self,
        application: Application,
        idempotency_key: Option<String>,
    ) -> Result<SignedUp, SignUpError> {
        let (password, new_user) = application.into_parts();
        let hash = self.hasher.hash(password).await.map_err(of_hash)?;
        let new = NewSignup {
            user: new_user(hash),
            receipt: Token::random().as_str().to_owned(),
            idempotency_key,
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
            Ok(signed_up) => Ok(signed_up),
            Err(SignupRefusal::UsernameTaken) => Err(SignUpError::UsernameTaken),
            Err(SignupRefusal::KeyReused) => Err(SignUpError::KeyReused),
        }
    }

    /// Begins a session for whoever knows the name or address and the password.
    ///
    /// A wrong name takes as long as a wrong password. The session of `replaced` ends.
    pub async fn log_in(
        &self,
        login: &str,
        password: String,
        replaced: Option<&Token>,
    ) -> Result<LoggedIn, LogInError> {
        let login = Login::parse(login);
        let key = match &login {
            Some(Login::Username(key) | Login::Email(key)) => key.as_str(),
            None => "",
        };
        self.charge(format!("account:{key}"), LOG_INS_TO_ACCOUNT)
            .await?;
        let found = match &login {
            Some(login) => self
                .store
                .credentials(login)
                .await
                .map_err(AskError::from)?,
            None => None,
        };
        let stored = found.as_ref().map(|found| found.password_hash.clone());
        let right = self
            .hasher
            .verify(password, stored)
            .await
            .map_err(of_hash)?;
        let Some(found) = found.filter(|_| right) else {
            return Err(LogInError::Wrong);
        };
        let token = Token::random();
        let expires_at = self.clock.now() + SESSION;
        let log_in = LogIn {
            user: found.user.id,
            token_hash: token.hash(),
            replaced: replaced.map(Token::hash),
            expires_at,
        };
        self.ask(log_in).await?.map_err(AskError::from)?;
        Ok(LoggedIn {
            user: found.user,
            token,
            expires_at,
        })
    }

    /// Ends a session; `false` says that it had ended already.
    pub async fn log_out(&self, user: UserId, token: &Token) -> Result<bool, AskError> {
        let log_out = LogOut {
            user,
            token_hash: token.hash(),
        };
        Ok(self.ask(log_out).await??)
    }

    async fn charge(&self, subject: String, rate: Rate) -> Result<(), AskError> {
        if !self.config.rate_limit {
            return Ok(());
        }
        let charged = self.ask(Charge { subject, rate }).await??;
        charged.map_err(AskError::Throttled)
    }

    /// Waits no longer than for an answer of the database's own; what was begun comes to its end.
    async fn ask<M>(&self, message: M) -> Result<M::Result, AskError>
    where
        RegistrarActor: Handler<Post<M>>,
        M: Message<Result: Send> + Named + Send + 'static,
    {
        Ok(store::in_time(self.mailbox.ask(message)).await??)
    }
}

fn of_hash(error: HashError) -> AskError {
    match error {
        HashError::Busy => AskError::Busy,
        HashError::Unreadable(_) | HashError::Failed(_) => AskError::Fault(error.to_string()),
    }
}

/// Whoever has one IPv6 address has a whole /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !(u128::from(u64::MAX));
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_an_ipv4_address_or_an_ipv6_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
