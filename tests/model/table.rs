//! What the database holds, and how it answers.
//!
//! These are the rules that the store has in SQL, a few lines each. `replay.rs` puts the same questions
//! to the real databases, and they must give the same answers and hold the same rows.

use std::collections::BTreeMap;

use cadastro::queue::{Ending, State, Verdict};

use super::scope::{Rule, Scope};

/// The name of one life of an instance. A small number, where the engine draws a random text.
pub type Name = u8;

/// A row of the table `jobs`, as far as it decides what may happen next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Job {
    pub id: u8,
    pub state: State,
    pub attempt: i32,
    pub max_attempts: i32,
    pub crashes: i32,
    /// In seconds, on the clock of [`super::world::World::now`].
    pub run_at: i64,
    pub owner: Option<Name>,
    /// Somebody has asked to cancel it while it executed.
    pub asked: bool,
}

impl Job {
    /// A cancel does something to it.
    pub fn can_cancel(&self) -> bool {
        self.waits() || self.state == State::Executing && !self.asked
    }

    fn waits(&self) -> bool {
        matches!(
            self.state,
            State::Scheduled | State::Available | State::Retryable
        )
    }

    /// A stage finds it.
    pub fn is_due_at(&self, now: i64) -> bool {
        self.waits_for_its_time() && self.run_at <= now
    }

    /// A later stage finds it.
    pub fn waits_at(&self, now: i64) -> bool {
        self.waits_for_its_time() && self.run_at > now
    }

    fn waits_for_its_time(&self) -> bool {
        matches!(self.state, State::Scheduled | State::Retryable)
    }
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Table {
    pub jobs: Vec<Job>,
    /// The table `instances`: the beats of each.
    pub entered: BTreeMap<Name, i64>,
    pub paused: bool,
}

/// A method of the store that is called, each one transaction.
#[derive(Clone, Debug)]
pub enum Question {
    Enter(Name),
    Leave(Name),
    Beat(Name),
    Instances,
    StrikeOut(Name, i64),
    Orphans,
    Executing(Name),
    Asked(Name),
    Stage { now: i64 },
    Claim { job: u8, owner: Name, now: i64 },
    Settle(Vec<(Job, Verdict)>),
    Cancel(u8),
    Retry { job: u8, now: i64 },
    Pause,
    Resume,
}

/// What it gives back.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Said(Vec<bool>),
    Instances(BTreeMap<Name, i64>),
    Jobs(Vec<Job>),
    /// The attempts that are to stop: of which job, and their numbers.
    Asked(Vec<(u8, i32)>),
}

impl Table {
    pub fn answer(&mut self, question: &Question, scope: &Scope) -> Answer {
        match question {
            Question::Enter(name) => {
                if scope.on_a_file {
                    self.entered.clear();
                }
                self.entered.insert(*name, 0);
                Answer::Done
            }
            Question::Leave(name) => {
                self.entered.remove(name);
                Answer::Done
            }
            Question::Beat(name) => {
                let row = self.entered.get_mut(name);
                let entered = row.is_some();
                if let Some(beats) = row
                    && !scope.on_a_file
                {
                    *beats += 1;
                }
                Answer::Said(vec![entered])
            }
            Question::Instances => Answer::Instances(self.entered.clone()),
            Question::StrikeOut(name, beats) => {
                let row = self.entered.get(name);
                let silent = row == Some(beats) || !scope.heeds(Rule::BeatsOfTheStruckOut);
                Answer::Said(vec![silent && self.entered.remove(name).is_some()])
            }
            Question::Orphans => self.executing(|owner| {
                !self.entered.contains_key(&owner) || !scope.heeds(Rule::OwnersOfTheRescued)
            }),
            Question::Executing(name) => self.executing(|owner| owner == *name),
            Question::Asked(name) => {
                let asked = self.jobs.iter().filter(|job| {
                    job.asked && job.state == State::Executing && job.owner == Some(*name)
                });
                Answer::Asked(asked.map(|job| (job.id, job.attempt)).collect())
            }
            Question::Stage { now } => {
                for job in self.jobs.iter_mut().filter(|job| job.is_due_at(*now)) {
                    job.state = State::Available;
                }
                Answer::Done
            }
            Question::Claim { job, owner, .. } => {
                Answer::Jobs(self.claim(*job, *owner, scope).into_iter().collect())
            }
            Question::Settle(ends) => {
                let mut settle = |(held, verdict)| self.settle(held, verdict, scope);
                Answer::Said(
                    ends.iter()
                        .map(|(held, verdict)| settle((held, verdict)))
                        .collect(),
                )
            }
            Question::Cancel(job) => {
                let job = &mut self.jobs[usize::from(*job)];
                let (waits, executes) = (job.waits(), job.state == State::Executing);
                if waits {
                    job.state = State::Cancelled;
                }
                job.asked |= executes;
                Answer::Said(vec![waits || executes])
            }
            Question::Retry { job, now } => {
                let job = &mut self.jobs[usize::from(*job)];
                let can_retry = job.state.can_retry();
                if can_retry {
                    job.state = State::Available;
                    job.run_at = *now;
                    job.asked = false;
                    job.max_attempts = job.max_attempts.max(job.attempt + 1);
                }
                Answer::Said(vec![can_retry])
            }
            Question::Pause | Question::Resume => {
                self.paused = matches!(question, Question::Pause);
                Answer::Done
            }
        }
    }

    fn executing(&self, of: impl Fn(Name) -> bool) -> Answer {
        let jobs = self.jobs.iter();
        let executing =
            jobs.filter(|job| job.state == State::Executing && job.owner.is_some_and(&of));
        Answer::Jobs(executing.copied().collect())
    }

    fn claim(&mut self, job: u8, owner: Name, scope: &Scope) -> Option<Job> {
        let job = &mut self.jobs[usize::from(job)];
        if job.state != State::Available
            || self.paused && scope.heeds(Rule::Pauses)
            // On a file nobody watches, so that nobody is struck out.
            || !scope.on_a_file && !self.entered.contains_key(&owner)
        {
            return None;
        }
        job.state = State::Executing;
        job.owner = Some(owner);
        job.attempt += i32::from(scope.heeds(Rule::NumbersOfAttempts));
        Some(*job)
    }

    fn settle(&mut self, held: &Job, verdict: &Verdict, scope: &Scope) -> bool {
        let job = &mut self.jobs[usize::from(held.id)];
        let same = job.attempt == held.attempt || !scope.heeds(Rule::AttemptsOfTheSettled);
        if job.state != State::Executing || job.owner != held.owner || !same {
            return false;
        }
        let heeded = matches!(verdict.state, State::Completed | State::Cancelled);
        if job.asked && !heeded && scope.heeds(Rule::Cancels) {
            return false;
        }
        job.state = verdict.state;
        if let Some(run_at) = verdict.run_at {
            job.run_at = run_at.as_second();
        }
        job.max_attempts = held.max_attempts + i32::from(verdict.free);
        job.crashes = match verdict.ending {
            Ending::Rescued => held.crashes + 1,
            _ => 0,
        };
        true
    }
}
