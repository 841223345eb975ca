//! Jobs that wait for each other: chains, fan-in, and what is to be done after a failure.
//!
//! ```
//! # use cadastro::queue::{Flow, NewJob};
//! # let [pay, pack, send, refund, tidy] = ["pay", "pack", "send", "refund", "tidy"].map(|kind| NewJob::of(kind, "task"));
//! let mut flow = Flow::default();
//! let pay = flow.job(pay);
//! let pack = flow.job(pack);
//! let send = flow.job_after(send, [pay.succeeds(), pack.succeeds()]);
//! flow.job_after(refund, [pack.fails()]);
//! flow.job_after(tidy, [send.ends()]);
//! # assert_eq!(flow.jobs().len(), 5);
//! ```
//!
//! A job waits only for jobs that were there before it, so that no flow can wait for itself.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{NewJob, State};

/// Jobs that are enqueued together, all or none, and wait for each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    jobs: Vec<NewJob>,
    waits: Vec<Wait>,
}

/// A job of a flow that is not enqueued yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member(usize);

/// Which end of a job another one waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct After {
    member: Member,
    upon: Upon,
}

/// One job of a flow waits for another: both by their place in the flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wait {
    pub before: usize,
    pub after: usize,
    pub upon: Upon,
}

/// The end that is waited for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Upon {
    /// It is completed.
    Success,
    /// It is discarded: given up, with its reason.
    Failure,
    /// It is completed, discarded or cancelled.
    End,
}

/// Where a job stands that waits for others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// So many others have not ended as it needs them to.
    Blocked(i32),
    /// Nothing blocks it any more.
    Free,
    /// This one, by its place among the waits, ended otherwise: the job can never begin.
    Lost(usize),
}

impl Flow {
    /// Adds a job that waits for no other.
    pub fn job(&mut self, job: NewJob) -> Member {
        self.job_after(job, [])
    }

    /// Adds a job that begins once all of these have come true.
    ///
    /// A flow is new as a whole: what makes a job unique does not hold here.
    ///
    /// Its own time counts from the enqueuing, as that of every job: it begins when both have come.
    ///
    /// # Panics
    ///
    /// When it is to wait for a member of another, longer flow.
    pub fn job_after(&mut self, job: NewJob, all: impl IntoIterator<Item = After>) -> Member {
        let after = self.jobs.len();
        for After { member, upon } in all {
            assert!(member.0 < after, "a member of another flow");
            let before = member.0;
            // Two ends of one job that are waited for are one wait for either of them, or for none.
            match self
                .waits
                .iter_mut()
                .rev()
                // Its own waits are the newest.
                .take_while(|wait| wait.after == after)
                .find(|wait| wait.before == before)
            {
                Some(wait) if wait.upon != upon => wait.upon = Upon::End,
                Some(_) => {}
                None => self.waits.push(Wait {
                    before,
                    after,
                    upon,
                }),
            }
        }
        // All members are new: another one that is there already waits for others than these.
        self.jobs.push(NewJob {
            unique: None,
            ..job
        });
        Member(after)
    }

    /// The same flow, enqueued at this place of a trace.
    pub fn traced(mut self, trace: Option<&str>) -> Self {
        self.jobs = self.jobs.into_iter().map(|job| job.traced(trace)).collect();
        self
    }

    /// The jobs, in the order in which they were added.
    pub fn jobs(&self) -> &[NewJob] {
        &self.jobs
    }

    /// Who waits for whom.
    pub fn waits(&self) -> &[Wait] {
        &self.waits
    }
}

impl Member {
    /// Its completion is waited for; should it be discarded or cancelled, whoever waits is cancelled.
    pub fn succeeds(self) -> After {
        self.upon(Upon::Success)
    }

    /// Its being discarded is waited for; should it be completed or cancelled, whoever waits is cancelled.
    pub fn fails(self) -> After {
        self.upon(Upon::Failure)
    }

    /// Its end is waited for, whichever it is.
    pub fn ends(self) -> After {
        self.upon(Upon::End)
    }

    /// This end of it is waited for.
    pub fn upon(self, upon: Upon) -> After {
        After { member: self, upon }
    }
}

impl Upon {
    /// Every end.
    pub const ALL: [Upon; 3] = [Upon::Success, Upon::Failure, Upon::End];

    /// As stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Upon::Success => "success",
            Upon::Failure => "failure",
            Upon::End => "end",
        }
    }

    /// Whether a job in this state has ended as it is waited for; `None` while it has not ended.
    fn is_met(self, state: State) -> Option<bool> {
        state.is_final().then(|| match self {
            Upon::Success => state == State::Completed,
            Upon::Failure => state == State::Discarded,
            Upon::End => true,
        })
    }
}

impl fmt::Display for Upon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no end of a job.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no end to wait for; the ends are success, failure and end")]
pub struct UnknownUpon(String);

impl FromStr for Upon {
    type Err = UnknownUpon;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Upon::ALL
            .into_iter()
            .find(|upon| upon.word() == word)
            .ok_or_else(|| UnknownUpon(word.to_owned()))
    }
}

/// Where a job stands that waits for all of these: what it waits for, and how that job stands now.
pub fn standing(waits: &[(Upon, State)]) -> Standing {
    let mut blocked = 0;
    for (place, (upon, state)) in waits.iter().enumerate() {
        match upon.is_met(*state) {
            Some(true) => {}
            Some(false) => return Standing::Lost(place),
            None => blocked += 1,
        }
    }
    match blocked {
        0 => Standing::Free,
        blocked => Standing::Blocked(blocked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow_of(jobs: usize) -> (Flow, Vec<Member>) {
        let mut flow = Flow::default();
        let members = (0..jobs).map(|_| flow.job(NewJob::of("a", "task")));
        let members = members.collect();
        (flow, members)
    }

    #[test]
    fn a_chain_waits_for_each_before() {
        let (mut flow, members) = flow_of(1);
        let second = flow.job_after(NewJob::of("b", "task"), [members[0].succeeds()]);
        flow.job_after(NewJob::of("c", "task"), [second.fails()]);
        let wait = |before, after, upon| Wait {
            before,
            after,
            upon,
        };
        assert_eq!(
            flow.waits(),
            [wait(0, 1, Upon::Success), wait(1, 2, Upon::Failure)]
        );
    }

    #[test]
    fn whoever_waits_for_success_and_for_failure_of_one_job_waits_for_its_end() {
        let (mut flow, members) = flow_of(1);
        let both = [
            members[0].succeeds(),
            members[0].fails(),
            members[0].succeeds(),
        ];
        flow.job_after(NewJob::of("b", "task"), both);
        let wait = Wait {
            before: 0,
            after: 1,
            upon: Upon::End,
        };
        assert_eq!(flow.waits(), [wait]);
    }

    #[test]
    #[should_panic(expected = "a member of another flow")]
    fn a_stranger_is_not_waited_for() {
        let (_, members) = flow_of(3);
        Flow::default().job_after(NewJob::of("b", "task"), [members[2].succeeds()]);
    }

    #[test]
    fn only_an_end_frees_or_loses() {
        for upon in Upon::ALL {
            for state in State::ALL {
                let stands = standing(&[(upon, state)]);
                let expected = match (upon, state) {
                    (_, state) if !state.is_final() => Standing::Blocked(1),
                    (Upon::End, _) => Standing::Free,
                    (Upon::Success, State::Completed) => Standing::Free,
                    (Upon::Failure, State::Discarded) => Standing::Free,
                    _ => Standing::Lost(0),
                };
                assert_eq!(stands, expected, "{upon} of a job that is {state}");
            }
        }
    }

    #[test]
    fn of_many_all_have_to_end_well() {
        let met = (Upon::Success, State::Completed);
        let open = (Upon::End, State::Executing);
        let lost = (Upon::Success, State::Discarded);
        assert_eq!(standing(&[]), Standing::Free);
        assert_eq!(standing(&[met, open, open]), Standing::Blocked(2));
        assert_eq!(standing(&[open, lost, met]), Standing::Lost(1));
    }
}
