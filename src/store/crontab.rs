//! The crontab: its rows are the truth, and firing one is a transaction.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    ask::Ask,
    connection::{change, read},
    insert::insert_jobs,
    rows::{JobRow, instant, job_rows, unreadable},
    schema::crontab,
};
use crate::queue::{JobId, NewEntry, NewJob};

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryRow {
    pub entry: NewEntry,
    /// A kind of job declares it; an operator may stop it, and not remove it.
    pub declared: bool,
    pub enabled: bool,
    /// Every instant up to here has fired, or never will.
    pub passed_at: Timestamp,
    /// The newest instant that fired.
    pub last_at: Option<Timestamp>,
    /// The job of that instant.
    pub last_job: Option<JobId>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = crontab, check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
struct RawEntry {
    name: String,
    kind: String,
    args: String,
    schedule: String,
    zone: String,
    missed: String,
    gap: String,
    fold: String,
    declared: bool,
    enabled: bool,
    passed_at: i64,
    last_at: Option<i64>,
    last_job: Option<i64>,
}

impl RawEntry {
    fn new(entry: &NewEntry, declared: bool, now: Timestamp) -> Self {
        let entry = entry.clone();
        RawEntry {
            name: entry.name,
            kind: entry.kind,
            args: entry.args,
            schedule: entry.schedule,
            zone: entry.zone,
            missed: entry.missed.to_string(),
            gap: entry.gap.to_string(),
            fold: entry.fold.to_string(),
            declared,
            enabled: true,
            passed_at: now.as_microsecond(),
            last_at: None,
            last_job: None,
        }
    }
}

impl TryFrom<RawEntry> for EntryRow {
    type Error = StoreError;

    fn try_from(raw: RawEntry) -> Result<Self, StoreError> {
        Ok(EntryRow {
            entry: NewEntry {
                name: raw.name,
                kind: raw.kind,
                args: raw.args,
                schedule: raw.schedule,
                zone: raw.zone,
                missed: raw.missed.parse().map_err(unreadable)?,
                gap: raw.gap.parse().map_err(unreadable)?,
                fold: raw.fold.parse().map_err(unreadable)?,
            },
            declared: raw.declared,
            enabled: raw.enabled,
            passed_at: instant(raw.passed_at)?,
            last_at: raw.last_at.map(instant).transpose()?,
            last_job: raw.last_job.map(JobId),
        })
    }
}

impl Store {
    /// Every entry, by name.
    pub async fn crontab(&self) -> Result<Vec<EntryRow>, StoreError> {
        let raw: Vec<RawEntry> = read!(self, |c| crontab::table
            .order(crontab::name)
            .select(RawEntry::as_select())
            .load(c)
            .await)?;
        raw.into_iter().map(EntryRow::try_from).collect()
    }

    /// The entry of this name.
    pub async fn entry(&self, name: &str) -> Result<Option<EntryRow>, StoreError> {
        let raw: Option<RawEntry> = read!(self, |c| crontab::table
            .find(name)
            .select(RawEntry::as_select())
            .first(c)
            .await
            .optional())?;
        raw.map(EntryRow::try_from).transpose()
    }

    /// Brings what kinds of job declare to the table, and takes away what any of `kinds` no longer does.
    ///
    /// An entry that was changed in the code is changed here, from `now` on; what an operator decided stays.
    pub async fn declare(
        &self,
        entries: &[NewEntry],
        kinds: &[&str],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        // Most starts change nothing, and a file that may only be read lets them.
        let there = self.crontab().await?;
        let stays = |row: &&EntryRow| {
            let EntryRow {
                entry, declared, ..
            } = row;
            !declared
                || !kinds.contains(&entry.kind.as_str())
                || names.contains(&entry.name.as_str())
        };
        let is_there = |entry: &NewEntry| {
            let mut declared = there.iter().filter(|row| row.declared);
            declared.any(|row| row.entry == *entry)
        };
        if there.iter().all(|row| stays(&row)) && entries.iter().all(is_there) {
            return Ok(());
        }
        change!(self, |c| {
            diesel::delete(crontab::table)
                .filter(crontab::declared)
                .filter(crontab::kind.eq_any(kinds))
                .filter(crontab::name.ne_all(&names))
                .execute(c)
                .await?;
            for entry in entries {
                let new = RawEntry::new(entry, true, now);
                diesel::insert_into(crontab::table)
                    .values(&new)
                    .on_conflict_do_nothing()
                    .execute(c)
                    .await?;
                let there: RawEntry = crontab::table
                    .find(&entry.name)
                    .select(RawEntry::as_select())
                    .first(c)
                    .await?;
                if there.declared && EntryRow::try_from(there)?.entry == *entry {
                    continue;
                }
                diesel::update(crontab::table.find(&entry.name))
                    .set((
                        crontab::kind.eq(&new.kind),
                        crontab::args.eq(&new.args),
                        crontab::schedule.eq(&new.schedule),
                        crontab::zone.eq(&new.zone),
                        crontab::missed.eq(&new.missed),
                        crontab::gap.eq(&new.gap),
                        crontab::fold.eq(&new.fold),
                        crontab::declared.eq(true),
                        crontab::passed_at.eq(new.passed_at),
                    ))
                    .execute(c)
                    .await?;
            }
            Ok::<_, StoreError>(())
        })
    }

    /// Adds an operator's entry. `None` says that there is one of this name.
    pub async fn add_entry(
        &self,
        entry: &NewEntry,
        now: Timestamp,
    ) -> Result<Option<EntryRow>, StoreError> {
        let new = RawEntry::new(entry, false, now);
        let added = change!(self, |c| diesel::insert_into(crontab::table)
            .values(&new)
            .on_conflict_do_nothing()
            .execute(c)
            .await)?;
        match added {
            0 => Ok(None),
            _ => EntryRow::try_from(new).map(Some),
        }
    }

    /// Removes an entry, unless a kind declares it. `false` says that there is none to remove.
    pub async fn remove_entry(&self, name: &str) -> Result<bool, StoreError> {
        let removed = change!(self, |c| diesel::delete(crontab::table.find(name))
            .filter(crontab::declared.eq(false))
            .execute(c)
            .await)?;
        Ok(removed > 0)
    }

    /// Lets an entry fire from `now` on, or not any more. What was missed while it was disabled never
    /// fires. `None` says that there is no such entry.
    pub async fn enable_entry(
        &self,
        name: &str,
        enabled: bool,
        now: Timestamp,
    ) -> Result<Option<EntryRow>, StoreError> {
        let now = now.as_microsecond();
        let raw: Option<RawEntry> = change!(self, |c| {
            // Whoever's clock is behind must not bring back what has fired.
            diesel::update(crontab::table.find(name))
                .filter(crontab::enabled.eq(false))
                .filter(crontab::passed_at.lt(now))
                .set(crontab::passed_at.eq(now))
                .execute(c)
                .await?;
            diesel::update(crontab::table.find(name))
                .set(crontab::enabled.eq(enabled))
                .returning(RawEntry::as_returning())
                .get_result(c)
                .await
                .optional()
                .map_err(StoreError::from)
        })?;
        raw.map(EntryRow::try_from).transpose()
    }

    /// Fires an entry at `now`, if it is enabled: its jobs, one for each instant that `due` names, and the
    /// note that every instant up to `now` was seen to, are one transaction.
    ///
    /// Of many who try this at once one does it, and the others find nothing left to do. Where `due`
    /// cannot tell, the entry is left to others.
    pub async fn fire(
        &self,
        name: &str,
        due: &(dyn Fn(&EntryRow) -> Option<Vec<NewJob>> + Sync),
        now: Timestamp,
    ) -> Result<Vec<JobRow>, StoreError> {
        let now_microseconds = now.as_microsecond();
        change!(self, |c| {
            let raw: Option<RawEntry> = crontab::table
                .find(name)
                .filter(crontab::enabled)
                .filter(crontab::passed_at.lt(now_microseconds))
                .select(RawEntry::as_select())
                .first(c)
                .await
                .optional()?;
            let row = raw.map(EntryRow::try_from).transpose()?;
            let Some((row, jobs)) = row.and_then(|row| due(&row).map(|jobs| (row, jobs))) else {
                return Ok::<_, StoreError>(Vec::new());
            };
            // Whoever waits here for another's transaction finds that the entry has moved on.
            let ours = diesel::update(crontab::table.find(name))
                .filter(crontab::enabled)
                .filter(crontab::passed_at.eq(row.passed_at.as_microsecond()))
                .set(crontab::passed_at.eq(now_microseconds))
                .execute(c)
                .await?;
            if ours == 0 || jobs.is_empty() {
                return Ok(Vec::new());
            }
            let rows = insert_jobs!(self, c, &jobs, now);
            if let (Some((last, _)), Some(job)) = (rows.last(), jobs.last()) {
                // One that met another under its key stands for the instant all the same.
                diesel::update(crontab::table.find(name))
                    .set((
                        crontab::last_at.eq(job.due.instant(now).as_microsecond()),
                        crontab::last_job.eq(last.id),
                    ))
                    .execute(c)
                    .await?;
            }
            let new = rows.into_iter().filter(|(_, is_new)| *is_new);
            job_rows(new.map(|(row, _)| row).collect())
        })
    }
}
