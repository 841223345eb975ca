//! A few instances, their jobs and their database at one moment, and what a move makes of them.

use std::collections::BTreeMap;

use cadastro::queue::{SILENT, State};

use super::{
    instance::Instance,
    moves::Move,
    scope::Scope,
    table::{Answer, Job, Name, Question, Table},
};

/// Everything there is at one moment.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct World {
    /// In seconds.
    pub now: i64,
    pub table: Table,
    pub instances: Vec<Instance>,
    /// How many more disturbances may happen.
    pub spare: u8,
}

/// What was asked of the database in a move, and how it answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The instance that asked; none, where an operator did.
    pub by: Option<usize>,
    pub question: Question,
    pub answer: Answer,
}

impl World {
    /// Jobs that were just enqueued, the first of them for later; nobody runs yet.
    pub fn new(scope: &Scope) -> Self {
        let job = |id| Job {
            id,
            state: if id == 0 {
                State::Scheduled
            } else {
                State::Available
            },
            attempt: 0,
            max_attempts: scope.max_attempts,
            crashes: 0,
            run_at: i64::from(id == 0),
            owner: None,
            asked: false,
        };
        let instance = Instance {
            looks: vec![0; if scope.fair { scope.instances } else { 0 }],
            ..Instance::default()
        };
        World {
            now: 0,
            table: Table {
                jobs: (0..scope.jobs).map(job).collect(),
                entered: BTreeMap::new(),
                paused: false,
            },
            instances: vec![instance; scope.instances],
            spare: scope.disturbances,
        }
    }

    /// The process that lives under this name.
    pub fn living(&self, name: Name) -> Option<usize> {
        let mut instances = self.instances.iter();
        instances.position(|instance| instance.up && instance.name == Some(name))
    }

    /// Makes a move: what is asked of the database, and what whoever asked does with the answer.
    pub fn make(&mut self, made: Move, scope: &Scope) -> Option<Exchange> {
        self.spare -= self.cost(made);
        let Some((by, question)) = self.question(made, scope) else {
            self.happen(made, scope);
            return None;
        };
        let answer = self.table.answer(&question, scope);
        if let Some(index) = by {
            self.hear(index, made, &question, &answer, scope);
        }
        Some(Exchange {
            by,
            question,
            answer,
        })
    }

    fn question(&self, made: Move, scope: &Scope) -> Option<(Option<usize>, Question)> {
        let own = |index: usize| self.instances[index].name;
        let now = self.now;
        Some(match made {
            Move::Enter(index) => (Some(index), Question::Enter(self.new_name(index))),
            Move::Beat(index) => (Some(index), Question::Beat(own(index)?)),
            Move::Look(index) => (Some(index), Question::Instances),
            Move::StrikeOut(index, name) => {
                let seen = match scope.heartbeats {
                    true => &self.instances[index].seen,
                    false => &self.table.entered,
                };
                let beats = *seen.get(&name)?;
                (Some(index), Question::StrikeOut(name, beats))
            }
            Move::Find(index) => (Some(index), Question::Orphans),
            Move::Recall(index) => (Some(index), Question::Executing(own(index)?)),
            Move::Heed(index) => (Some(index), Question::Asked(own(index)?)),
            Move::Stage(index) => (Some(index), Question::Stage { now }),
            Move::Claim(index, job) | Move::ClaimUnheard(index, job) => {
                let owner = own(index)?;
                (Some(index), Question::Claim { job, owner, now })
            }
            Move::Settle(index) | Move::SettleUnheard(index) => {
                let verdicts = self.instances[index].verdicts(now);
                (Some(index), Question::Settle(verdicts))
            }
            Move::Leave(index) | Move::Fall(index) => (Some(index), Question::Leave(own(index)?)),
            Move::Cancel(job) => (None, Question::Cancel(job)),
            Move::Retry(job) => (None, Question::Retry { job, now }),
            Move::Pause => (None, Question::Pause),
            Move::Resume => (None, Question::Resume),
            Move::Pass
            | Move::Rescue(_)
            | Move::End(..)
            | Move::Crash(_)
            | Move::Stop(_)
            | Move::Miss(_) => {
                return None;
            }
        })
    }

    fn hear(
        &mut self,
        index: usize,
        made: Move,
        question: &Question,
        answer: &Answer,
        scope: &Scope,
    ) {
        let instance = &mut self.instances[index];
        match (made, question, answer.clone()) {
            (Move::Enter(_), Question::Enter(name), _) => {
                instance.up = true;
                instance.name = Some(*name);
                self.heard_of(index);
            }
            (Move::Beat(_), _, Answer::Said(alive)) => {
                if alive == [false] && !instance.stopping {
                    instance.abandon();
                }
                self.heard_of(index);
            }
            (Move::Look(_), _, Answer::Instances(entered)) => {
                instance.look(entered);
                instance
                    .looks
                    .iter_mut()
                    .for_each(|looks| *looks = SILENT.min(*looks + 1));
            }
            (Move::StrikeOut(_, name), ..) => {
                instance.silent.remove(&name);
            }
            (Move::Find(_), _, Answer::Jobs(orphans)) if scope.late => instance.found = orphans,
            (Move::Find(_), _, Answer::Jobs(orphans)) => instance.rescue(orphans, scope),
            (Move::Recall(_), _, Answer::Jobs(ours)) => {
                instance.rescue(ours, scope);
            }
            (Move::Heed(_), _, Answer::Asked(asked)) => instance.heed(&asked),
            (Move::Claim(..), _, Answer::Jobs(claimed)) => instance.running.extend(claimed),
            (Move::Settle(_), ..) => instance.ended.clear(),
            (Move::Fall(_), ..) => instance.abandon(),
            (Move::Leave(_), ..) => self.vanish(index),
            _ => {}
        }
    }

    /// What happens without the database.
    fn happen(&mut self, made: Move, scope: &Scope) {
        match made {
            Move::Pass => self.now += 1,
            Move::Rescue(index) => {
                let found = std::mem::take(&mut self.instances[index].found);
                self.instances[index].rescue(found, scope);
            }
            Move::End(index, job, end) => self.instances[index].end(job, end),
            Move::Stop(index) => self.instances[index].stopping = true,
            Move::Miss(index) => self.instances[index].miss(),
            Move::Crash(index) => self.vanish(index),
            _ => {}
        }
    }

    /// A process ends, and all that it remembers with it.
    fn vanish(&mut self, index: usize) {
        let looks = vec![0; self.instances[index].looks.len()];
        self.instances[index] = Instance {
            looks,
            ..Instance::default()
        };
    }

    /// A sign of life, which whoever looks next will see.
    fn heard_of(&mut self, index: usize) {
        for instance in &mut self.instances {
            if let Some(looks) = instance.looks.get_mut(index) {
                *looks = 0;
            }
        }
    }

    /// One that nobody has, and that nobody and nothing remembers.
    fn new_name(&self, index: usize) -> Name {
        let known = |name: Name| {
            let of = |job: &Job| job.owner == Some(name);
            self.table.entered.contains_key(&name)
                || self.table.jobs.iter().any(of)
                || self.instances.iter().any(|instance| {
                    instance.name == Some(name)
                        || instance.seen.contains_key(&name)
                        || instance.running.iter().any(of)
                        || instance.found.iter().any(of)
                        || instance.ended.iter().any(|(job, _)| of(job))
                })
        };
        let mut own = (index as Name..).step_by(self.instances.len());
        own.find(|name| !known(*name)).expect("some are free")
    }
}
