//! What time it is; a hand that tests can move.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

/// The one source of "now" for every room. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Hand);

#[derive(Clone, Debug)]
enum Hand {
    System,
    Set(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Clock(Hand::System)
    }

    /// A clock that stands at `now` until [`Clock::advance`] moves it.
    pub fn standing_at(now: Timestamp) -> Self {
        Clock(Hand::Set(Arc::new(watch::Sender::new(now))))
    }

    /// The present instant, cut to the microseconds that the databases keep.
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Hand::System => Timestamp::now(),
            Hand::Set(hand) => *hand.borrow(),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Moves a standing clock forward and wakes everybody who sleeps on it.
    ///
    /// The machine's own clock does not obey: nothing happens.
    pub fn advance(&self, by: Duration) {
        if let Hand::Set(hand) = &self.0 {
            hand.send_modify(|now| *now = now.saturating_add(by).unwrap_or(Timestamp::MAX));
        }
    }

    /// Returns once this clock shows `duration` more than at the call.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.now().saturating_add(duration);
        self.sleep_until(until.unwrap_or(Timestamp::MAX)).await;
    }

    /// Returns once this clock shows `until`.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.0 {
            Hand::System => {
                let left = until.duration_since(self.now());
                tokio::time::sleep(left.try_into().unwrap_or_default()).await;
            }
            Hand::Set(hand) => {
                // An error says that the clock itself is gone, and with it all who wait.
                let _ = hand.subscribe().wait_for(|now| *now >= until).await;
            }
        }
    }

    /// A future that ends at the next move of a standing clock; never, on the machine's own.
    pub fn moved(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match &self.0 {
            Hand::System => Box::pin(std::future::pending()),
            Hand::Set(hand) => {
                let mut hand = hand.subscribe();
                Box::pin(async move {
                    let _ = hand.changed().await;
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_hand_has_moved_far_enough() {
        let clock = Clock::standing_at(Timestamp::UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(10)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.expect("the sleeper ends");
    }
}
