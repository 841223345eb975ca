//! A model of a job's life: every way in which a few instances, their crashes, operators and a database
//! that now and then loses an answer can get into each other's way.
//!
//! A test of a running program sees one order of events. Here a program is so small that all orders can be
//! tried. A [`World`](world::World) is what there is at one moment: the rows of the database (`table.rs`)
//! and what each process remembers (`instance.rs`). A [`Move`](moves::Move) is the least that can happen:
//! an instance claims a job, an attempt ends, a second goes by, a process dies. From the first world, with
//! its jobs just enqueued and nobody started, the explorer (`explore.rs`) makes every possible move, and
//! again from each world that it comes to, until there is none that it does not know. Two worlds that nobody
//! in them could tell apart are one (`reduce.rs`), and there are only so many disturbances in a world, so
//! that there is an end to it: some ten thousand worlds, all within a few steps of some trouble.
//!
//! Of each move the promises are asked (`promises.rs`): no attempt starts twice, a late end is refused, a
//! paused queue starts nothing. Of all worlds together it is asked whether a good end can be reached from
//! each of them, so that nothing is ever stuck. What breaks a promise is shown as a list of moves, and none
//! shorter leads there. That the explorer would notice is seen by leaving out one rule after the other
//! (`left_out.rs`).
//!
//! How an attempt's end is judged and when somebody is silent is asked of the program itself
//! (`queue::settle`, `queue::Watch`). What is said here a second time are the rules that the store has in
//! SQL and the Scheduler in its handlers. For those of the store, `replay.rs` makes the same moves on
//! SQLite and on PostgreSQL: they must give the same answers, and hold the same rows.

mod explore;
mod instance;
mod left_out;
mod moves;
mod promises;
mod reduce;
mod replay;
mod schedules;
mod scope;
mod table;
mod world;

use explore::{Broken, Explored, explore};
use instance::End;
use moves::Move;
use scope::Scope;
use world::World;

/// Two instances on PostgreSQL that share a job, and read what was true a while ago.
const LATE: Scope = Scope {
    late: true,
    ..Scope::of(2, 1, 2)
};

/// An SQLite file, which one instance serves at a time.
const ON_A_FILE: Scope = Scope {
    on_a_file: true,
    ..Scope::of(2, 2, 2)
};

/// Two instances that watch each other.
const WATCHED: Scope = Scope {
    heartbeats: true,
    ..Scope::of(2, 0, 1)
};

/// Without any disturbance that would make a job free, an instance that serves never needs another.
fn happens_by_itself(before: &World, made: Move) -> bool {
    let served = || {
        let mut instances = before.instances.iter();
        instances.any(|instance| instance.up && !instance.stopping)
    };
    let spared = matches!(made, Move::Enter(index) if !before.instances[index].up && served());
    before.cost(made) == 0 && !spared
}

/// Whatever has happened: from then on every job comes to its end, whether its attempts succeed or fail,
/// without the return of anybody who is gone as long as somebody serves.
fn every_job_ends(explored: &Explored) -> Result<(), Broken> {
    for outcome in [End::Completed, End::Failed] {
        explored.ends(
            "every job ends",
            |before, made| {
                let ends_so = !matches!(made, Move::End(_, _, end) if end != outcome);
                ends_so && happens_by_itself(before, made)
            },
            |world| world.table.jobs.iter().all(|job| job.state.is_final()),
        )?;
    }
    Ok(())
}

/// Explores a scope to its end, in which every promise must hold.
fn holds(scope: Scope) -> Explored {
    let kept = explore(scope).and_then(|explored| every_job_ends(&explored).map(|()| explored));
    let explored = kept.unwrap_or_else(|broken| panic!("{broken:?}"));
    println!(
        "{:?}: {} worlds, {} steps",
        scope,
        explored.size().0,
        explored.size().1
    );
    explored
}

#[test]
fn what_two_instances_read_too_late_does_a_job_no_harm() {
    holds(LATE);
}

#[test]
fn a_job_among_three_instances_is_run_by_one_and_ends_whoever_dies() {
    holds(Scope::of(3, 1, 2));
}

#[test]
fn jobs_do_not_get_into_each_others_way() {
    holds(Scope::of(2, 2, 1));
    holds(Scope {
        max_attempts: 1,
        ..Scope::of(3, 3, 0)
    });
}

#[test]
fn the_jobs_on_a_file_are_taken_up_by_the_next_who_serves_it() {
    holds(ON_A_FILE);
}

#[test]
fn whoever_dies_is_found_by_its_silence() {
    let explored = holds(WATCHED);
    let found = explored.ends("the dead are struck out", happens_by_itself, |world| {
        let mut entered = world.table.entered.keys();
        entered.all(|name| world.living(*name).is_some())
    });
    found.unwrap_or_else(|broken| panic!("{broken:?}"));
    holds(Scope {
        jobs: 1,
        disturbances: 0,
        ..WATCHED
    });
}

#[test]
fn whoever_beats_once_in_three_looks_is_never_taken_for_dead() {
    holds(Scope {
        fair: true,
        ..WATCHED
    });
}
