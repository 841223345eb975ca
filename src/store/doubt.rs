//! Letters that may have been delivered although their attempt did not complete.
//!
//! Such an attempt handed the whole letter over and had no answer, or nobody knows how far it came:
//! its process or its actor fell silent, or was stopped, in the middle. The next one sends the letter
//! again, under the same Message-ID.

use std::collections::BTreeSet;

use super::{
    AttemptRow, StoreError,
    rows::{JobRow, RawJob},
};
use crate::queue::{EMAIL, Ending, Fault, JobId, NOT_BEGUN};

/// How the recorded error begins of an attempt that had no answer to the whole letter.
pub const IN_DOUBT: &str = "the letter may have been delivered";

/// The endings of attempts of which nobody knows how far they came, unless it is recorded that they had
/// not begun.
pub(super) const CUT_SHORT: [Ending; 2] = [Ending::Rescued, Ending::HandedBack];

/// How the recorded error begins of an attempt whose actor fell.
pub(super) fn fallen() -> String {
    format!("{}: ", Fault::Actor.word())
}

impl AttemptRow {
    /// What went wrong, for operators; they are told where a letter may have been delivered.
    pub fn told(&self, queue: &str) -> Option<String> {
        told(queue, &self.outcome, self.error.as_deref())
    }
}

/// The same of an attempt that ended with this word, and this error.
pub fn told(queue: &str, outcome: &str, error: Option<&str>) -> Option<String> {
    let said = error.unwrap_or_default();
    let cut_short = CUT_SHORT.iter().any(|ending| ending.word() == outcome) && said != NOT_BEGUN
        || said.starts_with(&fallen());
    match (queue == EMAIL && cut_short, error) {
        (true, Some(error)) => Some(format!("{IN_DOUBT}; {error}")),
        (true, None) => Some(IN_DOUBT.to_owned()),
        (false, error) => error.map(str::to_owned),
    }
}

/// Whether a job of the query is a letter with such an attempt.
///
/// The same rule as [`AttemptRow::told`], as a column to select beside those of the job.
macro_rules! in_doubt {
    () => {{
        use $crate::store::{
            doubt::{CUT_SHORT, IN_DOUBT, fallen},
            schema::{attempts, jobs},
        };
        let cut_short = CUT_SHORT.map(|ending| attempts::outcome.eq(ending.word()));
        let [rescued, handed_back] = cut_short;
        diesel::dsl::exists(
            attempts::table
                .filter(attempts::job_id.eq(jobs::id))
                .filter(jobs::queue.eq($crate::queue::EMAIL))
                .filter(
                    rescued
                        .or(handed_back.and(attempts::error.is_null()))
                        .or(attempts::error.like(format!("{IN_DOUBT}%")))
                        .or(attempts::error.like(format!("{}%", fallen()))),
                ),
        )
    }};
}
pub(super) use in_doubt;

/// Turns what diesel loaded into jobs, and those of them that are in doubt.
pub(super) fn with_doubts(
    rows: Vec<(RawJob, bool)>,
) -> Result<(Vec<JobRow>, BTreeSet<JobId>), StoreError> {
    let mut in_doubt = BTreeSet::new();
    let mut jobs = Vec::with_capacity(rows.len());
    for (raw, doubt) in rows {
        let job = JobRow::try_from(raw)?;
        if doubt {
            in_doubt.insert(job.id);
        }
        jobs.push(job);
    }
    Ok((jobs, in_doubt))
}
