//! How many visitors may watch their jobs live at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use procfs::process::{LimitValue, Process};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::account::Network;

/// More than a few thousand connections that stay open serve nobody well.
const SEATS: usize = 2048;

/// Enough for an office behind one address, and far too few to shut everybody else out.
const SEATS_OF_NETWORK: usize = 32;

/// The places for streams; clones of the program's one `Data` share them.
pub struct Seats {
    free: Arc<Semaphore>,
    /// `None` where networks are not counted.
    taken: Option<Taken>,
}

/// A place for one stream, given back when it ends.
pub struct Seat {
    _place: OwnedSemaphorePermit,
    _share: Option<Share>,
}

impl Seats {
    /// As many as leave half of the connections that the system allows to everybody else: with all of
    /// them taken, not even the first page would be answered. Many systems allow 1024.
    ///
    /// With `limits`, those who come from one network take some of them at most.
    pub fn new(limits: bool) -> Self {
        let half = open_files().map_or(SEATS, |files| files / 2);
        Self::with(SEATS.min(half), limits)
    }

    fn with(seats: usize, limits: bool) -> Self {
        Seats {
            free: Arc::new(Semaphore::new(seats)),
            taken: limits.then(Taken::default),
        }
    }

    /// A place for one stream; `None` if all are taken, or too many by those who come from there.
    pub fn take(&self, address: IpAddr) -> Option<Seat> {
        let share = match &self.taken {
            Some(taken) => Some(taken.one_more(Network::of(address))?),
            None => None,
        };
        Some(Seat {
            _place: self.free.clone().try_acquire_owned().ok()?,
            _share: share,
        })
    }
}

/// How many each network has taken; those who have none are not in it.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<HashMap<Network, usize>>>);

impl Taken {
    fn one_more(&self, network: Network) -> Option<Share> {
        let mut taken = self.lock();
        let seats = taken.entry(network).or_default();
        if *seats >= SEATS_OF_NETWORK {
            return None;
        }
        *seats += 1;
        Some(Share {
            taken: self.clone(),
            network,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        // A number is written whole or not at all.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the places of a network.
struct Share {
    taken: Taken,
    network: Network,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        if let Some(seats) = taken.get_mut(&self.network) {
            *seats -= 1;
            if *seats == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

/// How many files, connections among them, this process may have open; `None` where nobody says.
fn open_files() -> Option<usize> {
    let limits = Process::myself()
        .and_then(|process| process.limits())
        .ok()?;
    match limits.max_open_files.soft_limit {
        LimitValue::Value(files) => files.try_into().ok(),
        LimitValue::Unlimited => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    #[test]
    fn seats_are_bounded_and_given_back() {
        let seats = Seats::with(1, true);
        let taken = seats.take(HERE);
        assert!(taken.is_some() && seats.take(THERE).is_none());
        drop(taken);
        assert!(seats.take(THERE).is_some());
    }

    #[test]
    fn one_network_takes_its_share_and_gives_it_back() {
        let seats = Seats::with(SEATS, true);
        let mut taken: Vec<_> = (0..SEATS_OF_NETWORK).map(|_| seats.take(HERE)).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(seats.take(HERE).is_none() && seats.take(THERE).is_some());
        taken.pop();
        assert!(seats.take(HERE).is_some());
        drop(taken);
        let left = seats.taken.map(|taken| taken.lock().len());
        assert_eq!(left, Some(0), "nobody is remembered who has left");
    }

    #[test]
    fn without_limits_one_network_may_take_all() {
        let seats = Seats::with(SEATS_OF_NETWORK + 1, false);
        let taken: Vec<_> = (0..=SEATS_OF_NETWORK).map(|_| seats.take(HERE)).collect();
        assert!(taken.iter().all(Option::is_some) && seats.take(HERE).is_none());
    }
}
