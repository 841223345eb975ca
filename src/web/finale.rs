//! How a sign-up came to its end, all of its jobs together.

use serde::Serialize;

use crate::{queue::State, store::JobRow};

/// What `partials/finale` tells; by these words it knows them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finale {
    /// Everything was done.
    Done,
    /// Nothing failed, and not everything was done: somebody said stop.
    Cancelled,
    /// Something was given up.
    Failed,
    /// Every job ended so long ago that it is no longer kept.
    Forgotten,
}

/// The data of `partials/finale`.
#[derive(Serialize)]
pub struct Ended {
    pub finale: Finale,
}

/// The end that these jobs have come to; `None` while any has yet to end.
pub fn of(jobs: &[JobRow]) -> Option<Finale> {
    let mut finale = match jobs {
        // A sign-up starts some jobs always.
        [] => Finale::Forgotten,
        _ => Finale::Done,
    };
    for job in jobs {
        match job.state {
            State::Completed => {}
            State::Cancelled if finale == Finale::Done => finale = Finale::Cancelled,
            State::Cancelled => {}
            State::Discarded => finale = Finale::Failed,
            State::Scheduled | State::Available | State::Executing | State::Retryable => {
                return None;
            }
        }
    }
    Some(finale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(states: &[State]) -> Option<Finale> {
        let jobs: Vec<_> = states.iter().map(|state| JobRow::sample(*state)).collect();
        of(&jobs)
    }

    #[test]
    fn an_end_is_as_good_as_its_worst_job_in_whatever_order_they_stand() {
        use State::{Cancelled, Completed, Discarded};

        assert_eq!(ended(&[Completed, Completed]), Some(Finale::Done));
        for states in [[Completed, Cancelled], [Cancelled, Completed]] {
            assert_eq!(ended(&states), Some(Finale::Cancelled));
        }
        for states in [
            [Completed, Discarded],
            [Cancelled, Discarded],
            [Discarded, Cancelled],
        ] {
            assert_eq!(ended(&states), Some(Finale::Failed));
        }
    }

    #[test]
    fn of_jobs_that_are_no_longer_kept_no_end_is_told() {
        assert_eq!(ended(&[]), Some(Finale::Forgotten));
    }

    #[test]
    fn there_is_no_end_while_a_job_is_left() {
        for state in State::ALL.into_iter().filter(|state| !state.is_final()) {
            assert_eq!(ended(&[State::Discarded, state]), None, "{state}");
        }
    }
}
