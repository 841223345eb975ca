//! `cadastro jobs retry` and `cancel`: of jobs by their numbers, or of all that match.

use std::io::Write;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};
use jiff::Timestamp;

use super::{
    arguments::{filters, ids, ids_of, read_filter},
    none, tell,
};
use crate::{
    cli::Failure,
    queue::JobId,
    store::{JobFilter, JobRow, Move, Store, Which},
};

/// Which jobs a person means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meant {
    /// These; each that refuses says why.
    These(Vec<JobId>),
    /// All that match.
    All {
        filter: JobFilter,
        /// Only say how many.
        dry_run: bool,
    },
}

/// What says which jobs are meant; a command without any of it is refused.
pub(super) fn arguments(command: Command) -> Command {
    let names = ["id", "state", "kind", "queue", "all"];
    let all = Arg::new("all")
        .long("all")
        .action(ArgAction::SetTrue)
        .help("All jobs there are");
    let dry_run = Arg::new("dry-run")
        .long("dry-run")
        .action(ArgAction::SetTrue)
        .conflicts_with("id")
        .help("Only say how many it would be");
    let filters = filters().map(|filter| filter.conflicts_with_all(["id", "all"]));
    command
        .arg(ids().required(false).conflicts_with("all"))
        .args(filters)
        .arg(all)
        .arg(dry_run)
        .group(
            ArgGroup::new("which")
                .args(names)
                .multiple(true)
                .required(true),
        )
}

pub(super) fn read(matches: &ArgMatches) -> Meant {
    match ids_of(matches) {
        ids if ids.is_empty() => Meant::All {
            filter: read_filter(matches),
            dry_run: matches.get_flag("dry-run"),
        },
        ids => Meant::These(ids),
    }
}

pub(super) async fn run(
    store: &Store,
    how: Move,
    which: Meant,
    now: Timestamp,
    out: &mut dyn Write,
    json: bool,
) -> Result<(), Failure> {
    match which {
        Meant::These(ids) => {
            let (done, refused) = each(store, how, &ids, now).await;
            announce(store).await;
            tell::moved(out, how, &done, json)?;
            refused
        }
        Meant::All { filter, dry_run } => {
            let which = Which::All(filter);
            let moved = match dry_run {
                true => store.count_movable(how, &which).await?,
                false => store.move_all(how, &which, now, drop).await?,
            };
            announce(store).await;
            Ok(tell::all_moved(out, how, moved, dry_run, json)?)
        }
    }
}

/// Tells every server. One that does not hear it finds what has changed at its next poll.
async fn announce(store: &Store) {
    let _ = store.announce("").await;
}

/// Asks for each job in turn. One that refuses does not keep the others from it: the jobs that
/// obeyed come back with the refusals of the rest, in one line.
async fn each(
    store: &Store,
    how: Move,
    ids: &[JobId],
    now: Timestamp,
) -> (Vec<JobRow>, Result<(), Failure>) {
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for &id in ids {
        let answer = async {
            let moved = match how {
                Move::Retry => store.retry(id, now).await?,
                Move::Cancel => store.cancel(id, now).await?,
            };
            Ok(match moved {
                Some(row) => Ok(row),
                None => Err(store.job(id).await?),
            })
        };
        match answer.await {
            Ok(Ok(row)) => done.push(row),
            Ok(Err(Some(row))) => refused.push(why_not(how, &row)),
            Ok(Err(None)) => refused.push(none(id).to_string()),
            Err(error) => return (done, Err(Failure::Store(error))),
        }
    }
    let refused = match refused.is_empty() {
        true => Ok(()),
        false => Err(Failure::Refused(refused.join("; "))),
    };
    (done, refused)
}

fn why_not(how: Move, JobRow { id, state, .. }: &JobRow) -> String {
    match (how, state) {
        (Move::Retry, _) => format!(
            "job {id} is {state}: only retryable, discarded and cancelled jobs can be retried"
        ),
        (Move::Cancel, _) => {
            format!("job {id} is {state}: only jobs that have not ended can be cancelled")
        }
    }
}
