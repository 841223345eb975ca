//! What `cadastro cron` answers: tables for people, the shapes of the API for programs.

use std::io::{self, Write};

use jiff::Timestamp;

use crate::{
    cli::output,
    jobs::Catalogue,
    store::EntryRow,
    web::api::cron::{Ahead, Entry, Shown, listed, shown},
};

/// Many entries.
pub(super) fn list(out: &mut dyn Write, entries: &[Entry]) -> io::Result<()> {
    if entries.is_empty() {
        return writeln!(out, "no entries");
    }
    let row = |entry: &Entry| {
        [
            entry.name.clone(),
            entry.schedule.clone(),
            entry.zone.clone(),
            entry.kind.clone(),
            last(entry).unwrap_or_default(),
            next(entry),
        ]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let head = ["NAME", "SCHEDULE", "ZONE", "KIND", "LAST", "NEXT"];
    output::table(out, head, &rows)
}

/// One entry, with what lies ahead.
pub(super) fn one(
    out: &mut dyn Write,
    catalogue: &Catalogue,
    row: &EntryRow,
    now: Timestamp,
    json: bool,
) -> io::Result<()> {
    let Shown { entry, next } = match shown(catalogue, row, now) {
        shown if json => return output::json(out, &shown),
        shown => shown,
    };
    let by = match entry.declared {
        true => "its kind of job",
        false => "an operator",
    };
    let last_job = entry.last_job.map(|job| job.to_string());
    output::pairs(
        out,
        &[
            ("entry", Some(entry.name.clone())),
            ("kind", Some(entry.kind.clone())),
            ("args", Some(entry.args.to_string())),
            ("schedule", Some(entry.schedule.clone())),
            ("zone", Some(entry.zone.clone())),
            ("missed", Some(entry.missed.clone())),
            ("gap", Some(entry.gap.clone())),
            ("fold", Some(entry.fold.clone())),
            ("declared by", Some(by.to_owned())),
            ("last fired", last(&entry)),
            ("last job", last_job),
            ("next", Some(self::next(&entry))),
        ],
    )?;
    if next.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let row = |Ahead { at, local }: &Ahead| [local.clone(), moment(at)];
    let rows: Vec<_> = next.iter().map(row).collect();
    output::table(out, [&entry.zone, "UTC"], &rows)
}

/// One that was enabled, disabled or added.
pub(super) fn set(
    out: &mut dyn Write,
    catalogue: &Catalogue,
    row: &EntryRow,
    now: Timestamp,
    json: bool,
) -> io::Result<()> {
    let shown = shown(catalogue, row, now);
    if json {
        return output::json(out, &shown);
    }
    let Entry { name, enabled, .. } = &shown.entry;
    match enabled {
        true => writeln!(out, "{name} is enabled; it is due {}", next(&shown.entry)),
        false => writeln!(out, "{name} is disabled"),
    }
}

/// One that is gone.
pub(super) fn removed(
    out: &mut dyn Write,
    catalogue: &Catalogue,
    row: &EntryRow,
    json: bool,
) -> io::Result<()> {
    match json {
        true => output::json(out, &listed(catalogue, row)),
        false => writeln!(out, "{} is removed", row.entry.name),
    }
}

fn last(entry: &Entry) -> Option<String> {
    entry.last_at.as_deref().map(moment)
}

fn next(entry: &Entry) -> String {
    match &entry.next_at {
        Some(at) => moment(at),
        None if entry.enabled => "not known here".to_owned(),
        None => "disabled".to_owned(),
    }
}

/// An instant of the API's, for people.
fn moment(at: &str) -> String {
    at.parse().map_or_else(|_| at.to_owned(), output::instant)
}
