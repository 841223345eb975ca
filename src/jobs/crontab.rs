//! What an entry of the crontab must be, and the jobs that come of it.

use jiff::Timestamp;

use super::{Catalogue, Unfit};
use crate::{
    queue::{BadSchedule, Due, NewEntry, NewJob},
    store::EntryRow,
};

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub enum BadEntry {
    #[error("`{0}` is no name for an entry: give up to 64 of a-z, 0-9, `-` and `_`")]
    Name(String),
    #[error("{0}")]
    Job(#[from] Unfit),
    #[error("{0}")]
    Schedule(#[from] BadSchedule),
}

impl BadEntry {
    /// The field that has to change.
    pub fn field(&self) -> &'static str {
        match self {
            BadEntry::Name(_) => "name",
            BadEntry::Job(Unfit::Name { .. }) => "kind",
            BadEntry::Job(_) => "args",
            BadEntry::Schedule(BadSchedule::Zone(_)) => "zone",
            BadEntry::Schedule(_) => "schedule",
        }
    }
}

impl Catalogue {
    /// The entries that kinds of job declare.
    pub fn entries(&self) -> Vec<NewEntry> {
        let declared = |kind: &super::Kind| kind.cron.map(|cron| cron.entry(kind.name));
        self.kinds().filter_map(declared).collect()
    }

    /// All that is wrong with an entry.
    pub fn judge(&self, entry: &NewEntry) -> Vec<BadEntry> {
        let name = Some(&entry.name).filter(|name| !NewEntry::is_name(name));
        let name = name.map(|name| BadEntry::Name(name.clone()));
        let job = self.job_of(entry).err().map(BadEntry::from);
        let schedule = entry.when().err().map(BadEntry::from);
        name.into_iter().chain(job).chain(schedule).collect()
    }

    /// A job of this entry, due at once.
    pub fn job_of(&self, entry: &NewEntry) -> Result<NewJob, Unfit> {
        // Arguments that are no JSON fit no kind.
        let args = serde_json::from_str(&entry.args).unwrap_or_default();
        self.new_job(&entry.kind, args)
    }

    /// The jobs of this entry that are to be enqueued at `now`, each due at its instant.
    ///
    /// `None` says that this program cannot tell: another one may know the kind, or the zone.
    pub fn due(&self, row: &EntryRow, now: Timestamp) -> Option<Vec<NewJob>> {
        let (job, schedule) = (self.job_of(&row.entry).ok()?, row.entry.when().ok()?);
        let at = |instant| NewJob {
            due: Due::At(instant),
            ..job.clone()
        };
        let due = schedule.due(row.passed_at, now, row.entry.missed);
        Some(due.into_iter().map(at).collect())
    }

    /// When this entry is due next, if it is enabled and this program can tell.
    pub fn next(&self, row: &EntryRow) -> Option<Timestamp> {
        let known = row.enabled && self.job_of(&row.entry).is_ok();
        let schedule = row.entry.when().ok().filter(|_| known)?;
        schedule.next(row.passed_at)
    }
}
