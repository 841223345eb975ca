//! What `cadastro jobs` answers: tables for people, the shapes of the API for programs.

use std::io::{self, Write};

use crate::{
    cli::output::{self, Page, instant},
    queue::State,
    store::{AttemptRow, JobRow},
    web::api::jobs::{List, Listed, shown},
};

/// Many jobs.
pub(super) fn list(out: &mut dyn Write, page: &Page<JobRow>, json: bool) -> io::Result<()> {
    if json {
        return output::json(out, &listed(&page.rows, page.next_cursor));
    }
    if page.rows.is_empty() {
        return writeln!(out, "no jobs");
    }
    let rows: Vec<_> = page.rows.iter().map(row).collect();
    let head = ["ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "WHEN"];
    output::table(out, head, &rows)?;
    page.tell_more(out)
}

/// One job, with all that is known of it.
pub(super) fn one(
    out: &mut dyn Write,
    job: &JobRow,
    attempts: Vec<AttemptRow>,
    json: bool,
) -> io::Result<()> {
    if json {
        return output::json(out, &shown(job, attempts));
    }
    output::pairs(
        out,
        &[
            ("job", Some(job.id.to_string())),
            ("kind", Some(job.kind.clone())),
            ("args", Some(job.shown_args().to_string())),
            ("queue", Some(job.queue.clone())),
            ("state", Some(job.state.to_string())),
            ("attempt", Some(attempt(job))),
            ("priority", Some(job.priority.to_string())),
            ("user", job.user.map(|user| user.to_string())),
            ("created", Some(instant(job.created_at))),
            ("due", Some(instant(job.run_at))),
            ("started", job.started_at.map(instant)),
            ("ended", job.finished_at.map(instant)),
            ("progress", job.progress.map(|done| format!("{done} %"))),
            ("result", job.result.clone()),
        ],
    )?;
    if attempts.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let rows: Vec<_> = attempts
        .into_iter()
        .map(|row| {
            let error = row.told(&job.queue).unwrap_or_default();
            [
                row.attempt.to_string(),
                instant(row.started_at),
                instant(row.finished_at),
                row.outcome,
                error,
            ]
        })
        .collect();
    let head = ["ATTEMPT", "STARTED", "ENDED", "OUTCOME", "ERROR"];
    output::table(out, head, &rows)
}

/// A job that is new.
pub(super) fn enqueued(out: &mut dyn Write, job: &JobRow, json: bool) -> io::Result<()> {
    if json {
        return output::json(out, &shown(job, Vec::new()));
    }
    let (id, kind, due) = (job.id, &job.kind, when(job));
    writeln!(out, "job {id} is enqueued: {kind}, {due}")
}

/// Jobs that are to be tried again.
pub(super) fn retried(out: &mut dyn Write, jobs: &[JobRow], json: bool) -> io::Result<()> {
    moved(out, jobs, json, |job| {
        let (next, max) = (job.attempt + 1, job.max_attempts);
        format!("is due again: attempt {next} of {max}")
    })
}

/// Jobs that are never to be done.
pub(super) fn cancelled(out: &mut dyn Write, jobs: &[JobRow], json: bool) -> io::Result<()> {
    moved(out, jobs, json, |_| "is cancelled".to_owned())
}

fn moved(
    out: &mut dyn Write,
    jobs: &[JobRow],
    json: bool,
    what: impl Fn(&JobRow) -> String,
) -> io::Result<()> {
    if json {
        return output::json(out, &listed(jobs, None));
    }
    jobs.iter()
        .try_for_each(|job| writeln!(out, "job {} ({}) {}", job.id, job.kind, what(job)))
}

fn listed(jobs: &[JobRow], next_cursor: Option<i64>) -> List {
    List {
        jobs: jobs.iter().map(Listed::from).collect(),
        next_cursor: next_cursor.map(|cursor| cursor.to_string()),
    }
}

fn row(job: &JobRow) -> [String; 6] {
    [
        job.id.to_string(),
        job.kind.clone(),
        job.queue.clone(),
        job.state.to_string(),
        attempt(job),
        when(job),
    ]
}

fn attempt(job: &JobRow) -> String {
    format!("{} of {}", job.attempt, job.max_attempts)
}

/// The instant that matters most in the job's state.
fn when(job: &JobRow) -> String {
    match (job.state, job.started_at, job.finished_at) {
        (State::Executing, Some(started), _) => format!("since {}", instant(started)),
        (_, _, Some(ended)) => format!("ended {}", instant(ended)),
        _ => format!("due {}", instant(job.run_at)),
    }
}
