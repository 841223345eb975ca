//! What is promised of every move.

use cadastro::queue::{Ending, State};

use super::{
    moves::Move,
    scope::Scope,
    table::{Answer, Question},
    world::{Exchange, World},
};

/// A move, with the world before and after it.
pub struct Step<'a> {
    pub before: &'a World,
    pub made: Move,
    pub exchange: Option<&'a Exchange>,
    pub after: &'a World,
}

/// The first promise that a move breaks.
pub fn broken(step: &Step, scope: &Scope) -> Option<&'static str> {
    let promises = [
        ("each attempt number starts at most once", starts_once(step)),
        (
            "a late end is refused, so that exactly one attempt ends a job",
            ends_once(step),
        ),
        ("a paused queue starts nothing", pauses_hold(step)),
        (
            "what was asked to stop ends as completed or cancelled",
            cancels_hold(step),
        ),
        ("whoever is at an attempt and alive keeps it", keeps(step)),
        ("whoever beats is not struck out", beats_count(step, scope)),
        (
            "no attempt is made beyond the last",
            within_bounds(step.after),
        ),
    ];
    let mut promises = promises.into_iter();
    promises.find_map(|(promise, kept)| (!kept).then_some(promise))
}

/// The jobs that a move has started.
fn started<'a>(step: &'a Step) -> impl Iterator<Item = usize> + 'a {
    let claim = match step
        .exchange
        .map(|exchange| (&exchange.question, &exchange.answer))
    {
        Some((Question::Claim { .. }, Answer::Jobs(jobs))) => jobs.as_slice(),
        _ => &[],
    };
    claim.iter().map(|job| usize::from(job.id))
}

fn starts_once(step: &Step) -> bool {
    let (before, after) = (&step.before.table.jobs, &step.after.table.jobs);
    let mut jobs = before.iter().zip(after);
    jobs.all(|(before, after)| before.attempt <= after.attempt)
        && started(step).all(|job| before[job].attempt < after[job].attempt)
}

/// Each end that was written down: of which job, with which attempt, and how.
fn written<'a>(step: &'a Step) -> impl Iterator<Item = (usize, i32, Ending)> + 'a {
    let settled = match step
        .exchange
        .map(|exchange| (&exchange.question, &exchange.answer))
    {
        Some((Question::Settle(ends), Answer::Said(said))) => Some(ends.iter().zip(said)),
        _ => None,
    };
    let written = settled.into_iter().flatten().filter(|(_, said)| **said);
    written.map(|((held, verdict), _)| (usize::from(held.id), held.attempt, verdict.ending))
}

fn ends_once(step: &Step) -> bool {
    let jobs = &step.before.table.jobs;
    let completed = jobs
        .iter()
        .zip(&step.after.table.jobs)
        .all(|(before, after)| before.state != State::Completed || after.state == State::Completed);
    completed
        && written(step).all(|(job, attempt, _)| {
            jobs[job].state == State::Executing && jobs[job].attempt == attempt
        })
}

fn pauses_hold(step: &Step) -> bool {
    !step.before.table.paused || started(step).next().is_none()
}

fn cancels_hold(step: &Step) -> bool {
    let mut jobs = step.before.table.jobs.iter().zip(&step.after.table.jobs);
    jobs.all(|(before, after)| {
        let asked = before.asked && before.state == State::Executing;
        let heeded = [State::Executing, State::Completed, State::Cancelled];
        !asked || heeded.contains(&after.state)
    })
}

/// Nothing is written of an attempt that its owner is at, and still entered.
fn keeps(step: &Step) -> bool {
    written(step).all(|(job, attempt, _)| {
        let owner = step.before.table.jobs[job].owner;
        let entered = owner.filter(|owner| step.before.table.entered.contains_key(owner));
        let living = entered.and_then(|owner| step.before.living(owner));
        living.is_none_or(|living| {
            let mut running = step.before.instances[living].running.iter();
            running.all(|held| (usize::from(held.id), held.attempt) != (job, attempt))
        })
    })
}

/// Whoever lives is struck out only by one who has missed its beats, and in a fair world never.
fn beats_count(step: &Step, scope: &Scope) -> bool {
    let Move::StrikeOut(index, name) = step.made else {
        return true;
    };
    let (before, after) = (&step.before.table.entered, &step.after.table.entered);
    let struck_out = before.contains_key(&name) && !after.contains_key(&name);
    let unheard = before.get(&name) == step.before.instances[index].seen.get(&name);
    !scope.heartbeats || !struck_out || step.before.living(name).is_none() || unheard && !scope.fair
}

fn within_bounds(world: &World) -> bool {
    world
        .table
        .jobs
        .iter()
        .all(|job| job.attempt <= job.max_attempts)
}
