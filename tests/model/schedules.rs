//! Which moves are made on the real databases: one of each kind that the explorer knows, and many by chance.

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Runtime;

use super::{
    explore::explore,
    instance::End,
    moves::Move,
    replay::Stage,
    scope::Scope,
    table::{Answer, Question},
    world::World,
};
use crate::support::database::TestDatabase;

const INSTANCES: usize = 3;
const JOBS: u8 = 3;

/// So many schedules are made on each database; the variable `PROPTEST_CASES` asks for more.
const CASES: u32 = 12;

/// What is asked, of a job in which state, and what is answered.
fn kind(world: &World, made: Move, scope: &Scope) -> Option<String> {
    let exchange = world.clone().make(made, scope)?;
    let question = format!("{:?}", exchange.question);
    let question = question.split([' ', '(']).next().unwrap_or_default();
    let endings: Vec<_> = match &exchange.question {
        Question::Settle(ends) => ends.iter().map(|(_, verdict)| verdict.ending).collect(),
        _ => Vec::new(),
    };
    let jobs = world.table.jobs.iter();
    let states: Vec<_> = jobs.map(|job| (job.state, job.asked)).collect();
    let answer = match exchange.answer {
        Answer::Done => Vec::new(),
        Answer::Said(said) => said,
        Answer::Instances(rows) => vec![!rows.is_empty()],
        Answer::Jobs(jobs) => vec![!jobs.is_empty()],
        Answer::Asked(asked) => vec![!asked.is_empty()],
    };
    Some(format!("{question} {states:?} {endings:?} {answer:?}"))
}

#[test]
fn every_kind_of_answer_is_that_of_the_databases() {
    for database in TestDatabase::both() {
        println!("on {database}");
        let runtime = Runtime::new().expect("a runtime");
        let stage = runtime.block_on(Stage::on(&database, 2));
        let on_a_file = stage.on_a_file();
        let lively = Scope {
            on_a_file,
            late: true,
            ..Scope::of(2, 1, 1)
        };
        let watched = Scope {
            on_a_file,
            heartbeats: true,
            ..Scope::of(2, 1, 0)
        };
        for scope in [lively, watched] {
            let explored = explore(scope).unwrap_or_else(|broken| panic!("{broken:?}"));
            let ways = explored.ways(|world, made| kind(world, made, &scope));
            println!("{} ways", ways.len());
            for way in ways {
                let replayed = runtime.block_on(stage.replay(&way, &scope));
                assert_eq!(replayed.as_ref(), Ok(&way.len()), "by {way:?}");
            }
        }
    }
}

fn any_move() -> impl Strategy<Value = Move> {
    let instance = || 0..INSTANCES;
    let both = || (0..INSTANCES, 0..JOBS);
    let end = proptest::sample::select(&End::OF_ATTEMPTS);
    // Those that no work is done without are frequent, disturbances are rare.
    prop_oneof![
        4 => Just(Move::Pass),
        6 => instance().prop_map(Move::Enter),
        4 => instance().prop_map(Move::Beat),
        6 => instance().prop_map(Move::Look),
        4 => (instance(), 0..9u8).prop_map(|(index, name)| Move::StrikeOut(index, name)),
        4 => instance().prop_map(Move::Find),
        4 => instance().prop_map(Move::Rescue),
        2 => instance().prop_map(Move::Recall),
        2 => instance().prop_map(Move::Heed),
        8 => instance().prop_map(Move::Stage),
        16 => both().prop_map(|(index, job)| Move::Claim(index, job)),
        12 => (both(), end).prop_map(|((index, job), end)| Move::End(index, job, end)),
        8 => instance().prop_map(Move::Settle),
        4 => instance().prop_map(Move::Leave),
        2 => Just(Move::Resume),
        2 => instance().prop_map(Move::Crash),
        1 => instance().prop_map(Move::Fall),
        1 => instance().prop_map(Move::Stop),
        1 => instance().prop_map(Move::Miss),
        2 => both().prop_map(|(index, job)| Move::ClaimUnheard(index, job)),
        2 => instance().prop_map(Move::SettleUnheard),
        2 => (0..JOBS).prop_map(Move::Cancel),
        3 => (0..JOBS).prop_map(Move::Retry),
        1 => Just(Move::Pause),
    ]
}

fn any_schedule_goes_alike_on(database: TestDatabase) {
    let runtime = Runtime::new().expect("a runtime");
    let stage = runtime.block_on(Stage::on(&database, INSTANCES));
    let config = Config {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => Config::default().cases,
            None => CASES,
        },
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    let scope = Scope {
        max_attempts: 3,
        on_a_file: stage.on_a_file(),
        late: true,
        ..Scope::of(INSTANCES, JOBS, u8::MAX)
    };
    let schedules = (any::<bool>(), vec(any_move(), 200));
    let made = std::cell::Cell::new(0);
    let replayed = TestRunner::new(config).run(&schedules, |(heartbeats, moves)| {
        let scope = Scope {
            heartbeats,
            ..scope
        };
        let replayed = runtime.block_on(stage.replay(&moves, &scope));
        made.set(made.get() + replayed.map_err(TestCaseError::fail)?);
        Ok(())
    });
    replayed.unwrap_or_else(|error| panic!("on {database}: {error}"));
    println!("{} moves", made.get());
}

#[test]
fn any_schedule_goes_alike_on_sqlite() {
    any_schedule_goes_alike_on(TestDatabase::sqlite());
}

#[test]
fn any_schedule_goes_alike_on_postgresql() {
    any_schedule_goes_alike_on(TestDatabase::postgres());
}
