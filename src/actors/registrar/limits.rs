//! How often somebody may try. The database counts, for all instances together; only a try that may pass is
//! put to it.

use std::{net::IpAddr, time::Duration};

use super::{Registrar, messages::Charge};
use crate::{
    account::{Login, Network, Token},
    actors::AskError,
    queue::Rate,
};

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

/// Wrong passwords for one account from anywhere: enough for a person who guesses, and an attacker
/// who guesses on for a year gets some hundred thousand tries. Likewise from each browser that it knows.
pub(super) const LOG_INS_TO_ACCOUNT: Rate = Rate {
    burst: 10,
    period: Duration::from_secs(600),
};

/// A door at which visitors are counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    SignUp,
    LogIn,
}

impl Registrar {
    /// Charges a visitor one try at a door; refuses if there were too many from their address.
    pub async fn admit(&self, door: Door, from: IpAddr) -> Result<(), AskError> {
        let (name, rate) = match door {
            Door::SignUp => ("sign_up", SIGN_UPS),
            Door::LogIn => ("log_in", LOG_INS),
        };
        let subject = format!("{name}:{}", Network::of(from));
        self.charge(&subject, rate).await
    }

    /// Whom a log-in is charged to: the account, or else a browser in which its user has logged in before,
    /// so that nobody who guesses elsewhere can shut them out of it.
    pub(super) async fn payer(
        &self,
        login: &Login,
        browser: Option<&Token>,
    ) -> Result<String, AskError> {
        if let Some(hash) = browser.map(Token::hash) {
            let now = self.clock.now();
            if self.store.knows_browser(&hash, login, now).await? {
                return Ok(format!("browser:{hash}"));
            }
        }
        let (Login::Username(key) | Login::Email(key)) = login;
        Ok(format!("account:{key}"))
    }

    /// Charges `subject` one try; refuses if there were too many.
    pub(super) async fn charge(&self, subject: &str, rate: Rate) -> Result<(), AskError> {
        if !self.config.rate_limit {
            return Ok(());
        }
        // Read first: the instant that comes of it is early rather than late.
        let now = self.clock.now();
        if let Some(wait) = self.refusals.wait(subject, now) {
            return Err(AskError::Throttled(wait));
        }
        let charge = Charge {
            subject: subject.to_owned(),
            rate,
        };
        let charged = self.ask(charge).await??;
        charged.map_err(|wait| {
            self.refusals.note(subject.to_owned(), now, wait);
            AskError::Throttled(wait)
        })
    }
}
