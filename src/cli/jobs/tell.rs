//! What `cadastro jobs` answers: tables for people, the shapes of the API for programs.

use std::io::{self, Write};

use crate::{
    cli::output::{self, Page, instant},
    queue::State,
    store::{AttemptRow, Enqueued, FlowRows, JobRow, Move, Moved},
    web::api::{
        flows::FlowJson,
        jobs::{List, Listed, shown},
        many_jobs::MovedJson,
    },
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
            ("args", Some(job.args.clone())),
            ("queue", Some(job.queue.clone())),
            ("state", Some(job.state.to_string())),
            ("flow", job.flow.map(|first| first.to_string())),
            ("attempt", Some(attempt(job))),
            ("priority", Some(job.priority.to_string())),
            ("key", job.unique_key.clone()),
            ("user", job.user.map(|user| user.to_string())),
            ("created", Some(instant(job.created_at))),
            ("due", Some(instant(job.run_at))),
            ("started", job.started_at.map(instant)),
            (
                "cancel",
                job.cancel_at
                    .map(|at| format!("asked for at {}", instant(at))),
            ),
            ("ended", job.finished_at.map(instant)),
            ("progress", job.progress.map(|done| format!("{done} %"))),
            ("message", job.message.clone()),
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

/// Jobs that wait for each other, in the order in which they can begin.
pub(super) fn flow(out: &mut dyn Write, flow: &FlowRows, json: bool) -> io::Result<()> {
    if json {
        return output::json(out, &FlowJson::from(flow));
    }
    let waits = |job: &JobRow| {
        let edges = flow.edges.iter().filter(|edge| edge.after == job.id);
        let waits = edges.map(|edge| format!("{} of {}", edge.upon, edge.before));
        waits.collect::<Vec<_>>().join(", ")
    };
    let rows: Vec<_> = flow
        .jobs
        .iter()
        .map(|job| {
            let [id, kind, _, state, attempt, _] = row(job);
            [id, kind, state, attempt, waits(job)]
        })
        .collect();
    output::table(out, ["ID", "KIND", "STATE", "ATTEMPT", "WAITS FOR"], &rows)
}

/// A job that was to be enqueued.
pub(in crate::cli) fn enqueued(
    out: &mut dyn Write,
    job: &Enqueued,
    attempts: Vec<AttemptRow>,
    json: bool,
) -> io::Result<()> {
    if json {
        return output::json(out, &shown(job, attempts));
    }
    let (id, kind, when) = (job.id, &job.kind, when(job));
    match job.is_new() {
        true => writeln!(out, "job {id} is enqueued: {kind}, {when}"),
        false => writeln!(
            out,
            "job {id} is there already: {kind}, {}, {when}",
            job.state
        ),
    }
}

/// A job that was changed.
pub(super) fn edited(
    out: &mut dyn Write,
    job: &JobRow,
    attempts: Vec<AttemptRow>,
    json: bool,
) -> io::Result<()> {
    if json {
        return output::json(out, &shown(job, attempts));
    }
    let (id, kind, when) = (job.id, &job.kind, when(job));
    writeln!(out, "job {id} is changed: {kind}, {when}")
}

/// Jobs that are to be tried again, or never to be done.
pub(super) fn moved(out: &mut dyn Write, how: Move, jobs: &[JobRow], json: bool) -> io::Result<()> {
    if json {
        return output::json(out, &listed(jobs, None));
    }
    jobs.iter().try_for_each(|job| {
        let (id, kind) = (job.id, &job.kind);
        let (next, max) = (job.attempt + 1, job.max_attempts);
        match how {
            Move::Retry => writeln!(
                out,
                "job {id} ({kind}) is due again: attempt {next} of {max}"
            ),
            Move::Cancel if job.state == State::Executing => {
                writeln!(out, "job {id} ({kind}) is asked to stop")
            }
            Move::Cancel => writeln!(out, "job {id} ({kind}) is cancelled"),
        }
    })
}

/// How many jobs were moved, or would be.
pub(super) fn all_moved(
    out: &mut dyn Write,
    how: Move,
    moved: Moved,
    dry_run: bool,
    json: bool,
) -> io::Result<()> {
    if json {
        return output::json(out, &MovedJson::from(moved));
    }
    let (what, verb) = match how {
        Move::Retry => ("due again", "retried"),
        Move::Cancel => ("cancelled", "cancelled"),
    };
    match dry_run {
        true => writeln!(out, "jobs that would be {verb}: {}", moved.matched),
        false => writeln!(out, "jobs that are {what}: {}", moved.changed),
    }
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
