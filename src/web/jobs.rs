//! A job, as visitors see it and as programs read it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    queue::{EMAIL, JobId, State},
    store::JobRow,
    text::{Locale, Text},
};

/// The data of `partials/jobs`.
#[derive(Serialize)]
pub struct Jobs {
    pub jobs: Vec<Line>,
}

/// A job in the timeline; instants in microseconds.
#[derive(Debug, Serialize)]
pub struct Line {
    id: JobId,
    kind: String,
    title: String,
    state: State,
    state_label: String,
    attempt: i32,
    max_attempts: i32,
    run_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    progress: Option<i32>,
    message: Option<String>,
    result: Option<String>,
    error: Option<String>,
    doubt: Option<String>,
    waiting: bool,
    running: bool,
    done: bool,
    failed: bool,
}

/// Jobs as a visitor sees them; `in_doubt` are the letters that may have arrived before their time.
pub fn lines(
    jobs: &[JobRow],
    in_doubt: &BTreeSet<JobId>,
    text: &Text,
    locale: Locale,
) -> Vec<Line> {
    jobs.iter()
        .map(|job| line(job, in_doubt.contains(&job.id), text, locale))
        .collect()
}

/// Whether any of them has yet to end.
pub fn any_live(jobs: &[JobRow]) -> bool {
    jobs.iter().any(|job| !job.state.is_final())
}

fn line(job: &JobRow, in_doubt: bool, text: &Text, locale: Locale) -> Line {
    let title = format!("jobs.kind.{}", job.kind);
    let done = format!("jobs.result.{}", job.kind);
    let number = job.id.to_string();
    Line {
        id: job.id,
        title: match text.has_sentence(&title) {
            true => text.sentence(locale, &title, &[]),
            false => job.kind.clone(),
        },
        kind: job.kind.clone(),
        state: job.state,
        state_label: text.sentence(locale, &state_label(job), &[]),
        attempt: job.attempt,
        max_attempts: job.max_attempts,
        run_at: job.run_at.as_microsecond(),
        started_at: job.started_at.map(Timestamp::as_microsecond),
        finished_at: job.finished_at.map(Timestamp::as_microsecond),
        progress: job.progress,
        message: job.message.clone(),
        // A letter has nothing to say of itself.
        result: job.result.clone().or_else(|| {
            let tells = job.state == State::Completed && text.has_sentence(&done);
            tells.then(|| text.sentence(locale, &done, &[]))
        }),
        error: match job.state {
            State::Retryable => Some(text.sentence(locale, "jobs.error.retrying", &[])),
            State::Discarded => {
                let reference = [("reference", number.as_str())];
                Some(text.sentence(locale, "jobs.error.discarded", &reference))
            }
            State::Cancelled => Some(text.sentence(locale, "jobs.error.cancelled", &[])),
            _ => None,
        },
        doubt: in_doubt.then(|| {
            let key = match job.state {
                State::Completed => "jobs.doubt.twice",
                _ => "jobs.doubt.already",
            };
            text.sentence(locale, key, &[])
        }),
        waiting: matches!(
            job.state,
            State::Scheduled | State::Available | State::Retryable
        ),
        running: job.state == State::Executing,
        done: job.state == State::Completed,
        failed: job.state == State::Discarded,
    }
}

/// In Portuguese a task is feminine and an e-mail masculine, and their states agree with them.
fn state_label(job: &JobRow) -> String {
    let table = match job.queue == EMAIL {
        true => "letter_state",
        false => "state",
    };
    format!("jobs.{table}.{}", job.state)
}

/// A job, as anybody may read it who holds its receipt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobJson {
    id: JobId,
    kind: String,
    queue: String,
    state: State,
    attempt: i32,
    max_attempts: i32,
    #[schema(format = DateTime)]
    run_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    progress: Option<i32>,
    message: Option<String>,
}

impl From<&JobRow> for JobJson {
    fn from(job: &JobRow) -> Self {
        JobJson {
            id: job.id,
            kind: job.kind.clone(),
            queue: job.queue.clone(),
            state: job.state,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            run_at: instant(job.run_at),
            started_at: job.started_at.map(instant),
            finished_at: job.finished_at.map(instant),
            progress: job.progress,
            message: job.message.clone(),
        }
    }
}

/// RFC 3339 in UTC, always with its six digits, so that instants also sort as text.
pub fn instant(instant: Timestamp) -> String {
    format!("{instant:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_always_has_six_digits() {
        let json = serde_json::to_value(JobJson::from(&JobRow::sample(State::Executing))).unwrap();
        assert_eq!(json["run_at"], "2026-11-22T12:00:10.000000Z");
        assert_eq!(json["state"], "executing");
        assert_eq!(json["finished_at"], serde_json::Value::Null);
    }

    #[test]
    fn a_job_is_at_most_one_of_waiting_running_done_and_failed() {
        let text = Text::new().expect("the templates agree");
        for state in State::ALL {
            let line = line(&JobRow::sample(state), false, &text, Locale::En);
            let are = [line.waiting, line.running, line.done, line.failed];
            let expected = usize::from(state != State::Cancelled);
            assert_eq!(are.iter().filter(|is| **is).count(), expected, "{state}");
        }
    }

    #[test]
    fn a_letter_in_doubt_has_arrived_twice_only_if_it_was_sent_again() {
        let text = Text::new().expect("the templates agree");
        for state in State::ALL {
            let told = line(&JobRow::sample(state), true, &text, Locale::En).doubt;
            let twice = told.is_some_and(|told| told.contains("arrived twice"));
            assert_eq!(twice, state == State::Completed, "{state}");
            assert_eq!(
                line(&JobRow::sample(state), false, &text, Locale::En).doubt,
                None
            );
        }
    }

    #[test]
    fn a_failure_is_told_in_a_sentence_that_leads_to_the_job() {
        let text = Text::new().expect("the templates agree");
        let line = line(&JobRow::sample(State::Discarded), false, &text, Locale::En);
        assert!(line.error.is_some_and(|error| error.contains('7')));
        assert_eq!(line.title, "Simple task");
    }
}
