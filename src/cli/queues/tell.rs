//! What `cadastro queues` says.

use std::io::{self, Write};

use crate::{
    cli::output,
    queue::State,
    web::api::queues::{List, Queue},
};

/// All of them.
pub(super) fn list(out: &mut dyn Write, queues: Vec<Queue>, json: bool) -> io::Result<()> {
    match json {
        true => output::json(out, &List { queues }),
        false => table(out, &queues),
    }
}

/// All that is known of one.
pub(super) fn one(out: &mut dyn Write, queue: &Queue, json: bool) -> io::Result<()> {
    if json {
        return output::json(out, queue);
    }
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let workers = queue.workers.map(|workers| workers.to_string());
    let mut pairs = vec![
        ("queue", Some(queue.name.clone())),
        ("workers", workers.or(Some("as is usual".to_owned()))),
        ("at once", number(queue.at_once)),
        ("at once per key", number(queue.at_once_per_key)),
        ("rate", queue.rate.map(|rate| rate.to_string())),
        ("paused", queue.paused_because.clone()),
        ("waits since", since(queue)),
    ];
    for state in State::ALL {
        let count = queue.jobs.get(state.word());
        pairs.push((state.word(), count.map(ToString::to_string)));
    }
    output::pairs(out, &pairs)
}

/// What was done, to people; what is there now, to programs.
pub(super) fn done(out: &mut dyn Write, done: &str, queue: &Queue, json: bool) -> io::Result<()> {
    match json {
        true => output::json(out, queue),
        false => writeln!(out, "{done}"),
    }
}

fn since(queue: &Queue) -> Option<String> {
    let since = queue.oldest_due_at.as_ref()?.parse().ok();
    since.map(output::instant)
}

fn table(out: &mut dyn Write, queues: &[Queue]) -> io::Result<()> {
    let rows: Vec<_> = queues
        .iter()
        .map(|queue| {
            let count = |state: State| {
                let count = queue.jobs.get(state.word()).copied();
                count.unwrap_or_default().to_string()
            };
            [
                queue.name.clone(),
                count(State::Scheduled),
                count(State::Available),
                count(State::Executing),
                count(State::Retryable),
                count(State::Discarded),
                since(queue).unwrap_or_default(),
                limits(queue),
                queue.paused_because.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = [
        "QUEUE",
        "SCHEDULED",
        "AVAILABLE",
        "EXECUTING",
        "RETRYABLE",
        "DISCARDED",
        "WAITS SINCE",
        "LIMITS",
        "PAUSED",
    ];
    output::table(out, head, &rows)
}

/// As they are given to `queues set`.
fn limits(queue: &Queue) -> String {
    let number = |name, number: Option<u32>| number.map(|number| format!("{name} {number}"));
    let limits = [
        queue.workers.map(|workers| format!("workers {workers}")),
        number("at-once", queue.at_once),
        number("at-once-per-key", queue.at_once_per_key),
        queue.rate.map(|rate| format!("rate {rate}")),
    ];
    limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
