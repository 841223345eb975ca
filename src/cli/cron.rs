//! `cadastro cron`: what is enqueued by the calendar, and the operator's hand in it.

mod arguments;
mod tell;

use std::io::Write;

pub(super) use self::arguments::{arguments, read};
use super::{Failure, open, output};
use crate::{
    app::Builder,
    clock::Clock,
    jobs::Catalogue,
    queue::NewEntry,
    store::{EntryRow, Store, StoreError},
    web::api::cron::{List, listed},
};

/// What to do with entries of the crontab.
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    /// What.
    pub ask: Ask,
    /// Answer for programs.
    pub json: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Tell of all.
    List,
    /// Tell all of one, with what lies ahead.
    Show(String),
    /// Let it fire.
    Enable(String),
    /// Let it fire no more.
    Disable(String),
    /// Enqueue a job of it now.
    Run(String),
    /// One more.
    Add(NewEntry),
    /// One less.
    Remove(String),
}

impl Cron {
    /// Does it, and answers on `out`.
    pub(super) async fn run(self, app: &Builder, out: &mut dyn Write) -> Result<(), Failure> {
        let (now, json) = (Clock::system().now(), self.json);
        let catalogue = app.catalogue()?;
        if let Ask::Add(entry) = &self.ask {
            prove(&catalogue, entry)?;
        }
        let store = open::store(app).await?;
        match self.ask {
            Ask::List => {
                let rows = store.crontab().await?;
                let entries: Vec<_> = rows.iter().map(|row| listed(&catalogue, row)).collect();
                let told = match json {
                    true => output::json(out, &List { entries }),
                    false => tell::list(out, &entries),
                };
                Ok(told?)
            }
            Ask::Show(name) => {
                let row = find(&store, &name).await?;
                Ok(tell::one(out, &catalogue, &row, now, json)?)
            }
            Ask::Enable(name) => {
                let row = store.enable_entry(&name, true, now).await;
                let row = there(row, &name)?;
                Ok(tell::set(out, &catalogue, &row, now, json)?)
            }
            Ask::Disable(name) => {
                let row = store.enable_entry(&name, false, now).await;
                let row = there(row, &name)?;
                Ok(tell::set(out, &catalogue, &row, now, json)?)
            }
            Ask::Run(name) => {
                let row = find(&store, &name).await?;
                let job = catalogue.job_of(&row.entry);
                let job = job.map_err(|error| Failure::Refused(error.to_string()))?;
                let rows = store.enqueue(&[job], now).await?;
                rows.iter()
                    .try_for_each(|job| super::jobs::enqueued(out, job, Vec::new(), json))?;
                Ok(())
            }
            Ask::Add(entry) => {
                let row = store.add_entry(&entry, now).await?;
                let name = entry.name;
                let row = row.ok_or_else(|| {
                    Failure::Refused(format!("there is an entry `{name}` already"))
                })?;
                Ok(tell::set(out, &catalogue, &row, now, json)?)
            }
            Ask::Remove(name) => {
                let row = find(&store, &name).await?;
                match store.remove_entry(&name).await? {
                    true => Ok(tell::removed(out, &catalogue, &row, json)?),
                    false => Err(Failure::Refused(format!(
                        "`{name}` is declared by its kind of job: it can only be disabled"
                    ))),
                }
            }
        }
    }
}

fn prove(catalogue: &Catalogue, entry: &NewEntry) -> Result<(), Failure> {
    let wrong = catalogue.judge(entry);
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::Usage(wrong.join("; "))),
    }
}

async fn find(store: &Store, name: &str) -> Result<EntryRow, Failure> {
    there(store.entry(name).await, name)
}

fn there(row: Result<Option<EntryRow>, StoreError>, name: &str) -> Result<EntryRow, Failure> {
    row?.ok_or_else(|| {
        Failure::Refused(format!(
            "there is no entry `{name}`; see `cadastro cron list`"
        ))
    })
}
