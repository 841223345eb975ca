//! How often somebody may try. The database counts, for all instances together; only a try that may pass is
//! put to it.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use super::{Registrar, messages::Charge};
use crate::{
    account::{Login, Rate, Token},
    actors::AskError,
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
        let subject = format!("{name}:{}", network(from));
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
        let charged = self.mailbox.ask(charge).await??;
        charged.map_err(|wait| {
            self.refusals.note(subject.to_owned(), now, wait);
            AskError::Throttled(wait)
        })
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
