//! The same moves on the real databases: each question that the model's database is asked is put to a store
//! of the instance that asks it, which must answer alike and then hold the same rows.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use cadastro::{
    queue::{Due, NewJob},
    store::{Enqueued, InstanceRow, JobRow, Settled, Store},
};
use jiff::Timestamp;

use super::{
    moves::Move,
    scope::Scope,
    table::{Answer, Job, Name, Question},
    world::World,
};
use crate::{databases::job, support::database::TestDatabase};

/// A database, with a connection for each instance and one for operators.
pub struct Stage {
    stores: Vec<Store>,
}

impl Stage {
    pub async fn on(database: &TestDatabase, instances: usize) -> Self {
        let stores: Vec<Store> = (0..=instances).map(|_| database.store()).collect();
        stores[0].migrate().await.expect("it can be migrated");
        Stage { stores }
    }

    pub fn on_a_file(&self) -> bool {
        self.stores[0].database() == "sqlite"
    }

    /// Makes those moves that are possible, and says how many, or where the database differs.
    pub async fn replay(&self, moves: &[Move], scope: &Scope) -> Result<usize, String> {
        let mut world = World::new(scope);
        let play = Play::begin(self, &world).await;
        let mut made = Vec::new();
        play.compare(&world).await?;
        for next in moves {
            if !world.can(*next, scope) {
                continue;
            }
            made.push(*next);
            if let Some(exchange) = world.make(*next, scope) {
                let store = exchange.by.map_or(self.stores.len() - 1, |by| by);
                let answer = play.ask(&self.stores[store], &exchange.question).await;
                if answer != exchange.answer {
                    let expected = exchange.answer;
                    return Err(format!("{made:?}: answered {answer:?}, not {expected:?}"));
                }
                play.compare(&world)
                    .await
                    .map_err(|said| format!("{made:?}: {said}"))?;
            }
        }
        Ok(made.len())
    }
}

/// One world on a database that others have used before: its names, queue and jobs are its own.
struct Play<'a> {
    stage: &'a Stage,
    prefix: String,
    /// As they were enqueued.
    rows: Vec<JobRow>,
}

impl<'a> Play<'a> {
    async fn begin(stage: &'a Stage, world: &World) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("world {} ", NEXT.fetch_add(1, Ordering::Relaxed));
        let new = |row: &Job| NewJob {
            queue: prefix.clone(),
            due: Due::At(at(row.run_at)),
            max_attempts: row.max_attempts,
            ..job(&row.id.to_string())
        };
        let new: Vec<NewJob> = world.table.jobs.iter().map(new).collect();
        let rows = stage.stores[0].enqueue(&new, at(world.now)).await;
        let rows = rows.expect("enqueued").into_iter();
        Play {
            stage,
            prefix,
            rows: rows.map(Enqueued::into_row).collect(),
        }
    }

    async fn ask(&self, store: &Store, question: &Question) -> Answer {
        let heard = "an answer";
        match question {
            Question::Enter(name) => {
                store.enter(&self.id(*name), "", at(0)).await.expect(heard);
                Answer::Done
            }
            Question::Leave(name) => {
                store.leave(&self.id(*name)).await.expect(heard);
                Answer::Done
            }
            Question::Beat(name) => {
                Answer::Said(vec![store.beat(&self.id(*name)).await.expect(heard)])
            }
            Question::Instances => Answer::Instances(self.entered(store).await),
            Question::StrikeOut(name, beats) => {
                let seen = InstanceRow {
                    id: self.id(*name),
                    process: String::new(),
                    beats: *beats,
                };
                Answer::Said(vec![store.strike_out(&seen).await.expect(heard)])
            }
            Question::Orphans => self.jobs(store.orphans().await.expect(heard)),
            Question::Executing(name) => {
                self.jobs(store.executing(&self.id(*name)).await.expect(heard))
            }
            Question::Asked(name) => {
                let asked = store.asked(&self.id(*name)).await.expect(heard);
                let of = |job| self.rows.iter().position(|ours| ours.id == job);
                let mut asked: Vec<(u8, i32)> = asked
                    .iter()
                    .filter_map(|asked| Some((of(asked.job)? as u8, asked.attempt)))
                    .collect();
                asked.sort_unstable();
                Answer::Asked(asked)
            }
            Question::Stage { now } => {
                // How many is not told: the jobs of earlier worlds fall due as well.
                store.stage(at(*now)).await.expect(heard);
                Answer::Done
            }
            Question::Claim { job, owner, now } => {
                // A kind for each job, so that one of them can be asked for.
                let (kind, owner) = (job.to_string(), self.id(*owner));
                let claim = store
                    .claim(&self.prefix, &[&kind], 1, &owner, at(*now))
                    .await;
                self.jobs(claim.expect(heard).jobs)
            }
            Question::Settle(ends) => {
                let settled = |(held, verdict): &(Job, _)| Settled {
                    job: self.row_of(held).into(),
                    verdict: Clone::clone(verdict),
                    at: at(0),
                };
                let batch: Vec<Settled> = ends.iter().map(settled).collect();
                Answer::Said(store.settle(&batch).await.expect(heard))
            }
            Question::Cancel(job) => {
                let row = store.cancel(self.rows[usize::from(*job)].id, at(0)).await;
                Answer::Said(vec![row.expect(heard).is_some()])
            }
            Question::Retry { job, now } => {
                let row = store.retry(self.rows[usize::from(*job)].id, at(*now)).await;
                Answer::Said(vec![row.expect(heard).is_some()])
            }
            Question::Pause => {
                store
                    .pause_queue(&self.prefix, "a move", at(0))
                    .await
                    .expect(heard);
                Answer::Done
            }
            Question::Resume => {
                store.resume_queue(&self.prefix).await.expect(heard);
                Answer::Done
            }
        }
    }

    /// Whether the rows are those of the model's database.
    async fn compare(&self, world: &World) -> Result<(), String> {
        let store = &self.stage.stores[0];
        for (row, expected) in self.rows.iter().zip(&world.table.jobs) {
            let found = store
                .job(row.id)
                .await
                .expect("an answer")
                .expect("a job never vanishes");
            let (is_final, found) = (found.finished_at.is_some(), self.job_of(&found));
            if found != Some(*expected) || is_final != expected.state.is_final() {
                return Err(format!("the row is {found:?}, not {expected:?}"));
            }
        }
        let entered = self.entered(store).await;
        if entered != world.table.entered {
            return Err(format!(
                "entered are {entered:?}, not {:?}",
                world.table.entered
            ));
        }
        let queues = store.queues().await.expect("an answer");
        let paused = queues
            .iter()
            .any(|queue| queue.name == self.prefix && queue.paused_at.is_some());
        match paused == world.table.paused {
            true => Ok(()),
            false => Err(format!("that the queue is paused is {paused}")),
        }
    }

    async fn entered(&self, store: &Store) -> BTreeMap<Name, i64> {
        let rows = store.instances().await.expect("an answer");
        let ours = rows
            .iter()
            .filter_map(|row| Some((self.name(&row.id)?, row.beats)));
        ours.collect()
    }

    fn id(&self, name: Name) -> String {
        format!("{}{name}", self.prefix)
    }

    /// None of another world.
    fn name(&self, id: &str) -> Option<Name> {
        id.strip_prefix(&self.prefix)?.parse().ok()
    }

    fn jobs(&self, rows: Vec<JobRow>) -> Answer {
        let mut jobs: Vec<Job> = rows.iter().filter_map(|row| self.job_of(row)).collect();
        jobs.sort_by_key(|job| job.id);
        Answer::Jobs(jobs)
    }

    fn job_of(&self, row: &JobRow) -> Option<Job> {
        let id = self.rows.iter().position(|ours| ours.id == row.id)?;
        Some(Job {
            id: id as u8,
            state: row.state,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            crashes: row.crashes,
            run_at: row.run_at.as_second(),
            owner: row.owner.as_deref().and_then(|owner| self.name(owner)),
            asked: row.cancel_at.is_some(),
        })
    }

    fn row_of(&self, job: &Job) -> JobRow {
        JobRow {
            state: job.state,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            crashes: job.crashes,
            run_at: at(job.run_at),
            owner: job.owner.map(|owner| self.id(owner)),
            cancel_at: job.asked.then(|| at(0)),
            ..self.rows[usize::from(job.id)].clone()
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a small number")
}
