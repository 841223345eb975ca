//! What a process remembers, and what it does with an answer: the rules of
//! `src/actors/scheduler/{upkeep,settle,dispatch}.rs`, with the silence of others judged by the real [`Watch`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cadastro::queue::{Fault, Outcome, Policy, Tally, Verdict, Watch, settle};
use jiff::Timestamp;

use super::{
    scope::{Rule, Scope},
    table::{Job, Name},
};

/// Every wait is a second, so that time need not be told in finer steps.
const POLICY: Policy = Policy {
    first_wait: WAIT,
    longest_wait: WAIT,
    ..Policy::DEFAULT
};
const WAIT: Duration = Duration::from_secs(1);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    Completed,
    Failed,
    Hopeless,
    Cancelled,
    Snoozed,
    HandedBack,
    Rescued,
}

impl End {
    /// A rescue is an end too, but none that an attempt has by itself.
    pub const OF_ATTEMPTS: [End; 6] = [
        End::Completed,
        End::Failed,
        End::Hopeless,
        End::Cancelled,
        End::Snoozed,
        End::HandedBack,
    ];
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Instance {
    /// The process runs.
    pub up: bool,
    /// In which it is entered, for all that it knows; none between two lives.
    pub name: Option<Name>,
    /// It claims no more, and ends with its last attempt.
    pub stopping: bool,
    /// Attempts under way, as they were claimed.
    pub running: Vec<Job>,
    /// Ended, not known to be written down.
    pub ended: Vec<(Job, End)>,
    /// Orphans that a look has shown, not yet taken in.
    pub found: Vec<Job>,
    pub watch: Watch<Name>,
    /// What the last look has shown.
    pub seen: BTreeMap<Name, i64>,
    /// Who was dead by that.
    pub silent: BTreeSet<Name>,
    /// In a fair world: how often it has looked since each of the others gave a sign of life.
    pub looks: Vec<u32>,
}

impl Instance {
    /// A stop has come to its end.
    pub fn has_ended(&self) -> bool {
        self.stopping && self.running.is_empty() && self.ended.is_empty()
    }

    /// A life has ended: attempts are given up, what has ended already is still to be written down.
    pub fn abandon(&mut self) {
        *self = Instance {
            up: true,
            stopping: self.stopping,
            ended: std::mem::take(&mut self.ended),
            looks: std::mem::take(&mut self.looks),
            ..Instance::default()
        };
    }

    /// Takes in what a look at the others has shown.
    pub fn look(&mut self, entered: BTreeMap<Name, i64>) {
        if let Some(own) = self.name {
            let rows = entered.iter().map(|(name, beats)| (*name, *beats));
            self.silent = self.watch.look(rows, &own);
            self.seen = entered;
            self.seen.remove(&own);
        }
    }

    /// A look had no answer.
    pub fn miss(&mut self) {
        self.watch.forget();
        self.seen.clear();
        self.silent.clear();
    }

    /// Makes jobs due again whose attempt nobody makes any more.
    pub fn rescue(&mut self, left: Vec<Job>, scope: &Scope) {
        for job in left {
            let same = |held: &Job| held.id == job.id && scope.heeds(Rule::AttemptsUnderWay);
            let mut in_the_air = self.ended.iter().map(|(job, _)| job).chain(&self.running);
            if !in_the_air.any(same) {
                let ours = job.owner == self.name;
                let end = if ours { End::HandedBack } else { End::Rescued };
                self.ended.push((job, end));
            }
        }
    }

    /// Learns which of its attempts are to stop. They end in their own way, in their own time.
    pub fn heed(&mut self, asked: &[(u8, i32)]) {
        for held in &mut self.running {
            held.asked |= asked.contains(&(held.id, held.attempt));
        }
    }

    /// An attempt has ended.
    pub fn end(&mut self, job: u8, end: End) {
        for job in self.running.extract_if(.., |held| held.id == job) {
            self.ended.push((job, end));
        }
    }

    /// What is to be written down.
    pub fn verdicts(&self, now: i64) -> Vec<(Job, Verdict)> {
        let verdict = |&(job, end): &(Job, End)| (job, end.verdict(&job, now));
        self.ended.iter().map(verdict).collect()
    }
}

impl End {
    /// As the one pure function judges it that the engine asks.
    fn verdict(self, job: &Job, now: i64) -> Verdict {
        let tally = Tally {
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            crashes: job.crashes,
        };
        let now = Timestamp::from_second(now).expect("a small number");
        settle(self.outcome(), tally, &POLICY, now, 0.5).heeding(job.asked.then_some(now))
    }

    fn outcome(self) -> Outcome {
        let said = || "so".to_owned();
        match self {
            End::Completed => Outcome::Completed { result: None },
            End::Failed => Outcome::Failed {
                fault: Fault::Error,
                error: said(),
                retry_after: None,
            },
            End::Hopeless => Outcome::Hopeless { error: said() },
            End::Cancelled => Outcome::Cancelled { reason: said() },
            End::Snoozed => Outcome::Snoozed { delay: WAIT },
            End::HandedBack => Outcome::HandedBack,
            End::Rescued => Outcome::Rescued,
        }
    }
}
