//! The explorer has teeth: without one of its rules the program would break a promise, and it is seen how.

use super::{
    LATE, WATCHED, every_job_ends,
    explore::{Broken, explore},
    moves::Move,
    scope::{Rule, Scope},
};

/// One instance and one job, with a single disturbance.
const SMALL: Scope = Scope::of(1, 1, 1);

/// What is broken without a rule.
fn without(rule: Rule, scope: Scope) -> Broken {
    let scope = Scope {
        left_out: Some(rule),
        ..scope
    };
    let broken = explore(scope).and_then(|explored| every_job_ends(&explored));
    broken.expect_err("a rule is left out")
}

#[test]
fn without_a_look_at_the_attempt_a_late_end_ends_another() {
    let broken = without(Rule::AttemptsOfTheSettled, SMALL);
    assert_eq!(
        broken.promise,
        "a late end is refused, so that exactly one attempt ends a job"
    );
    let begun = broken
        .moves
        .iter()
        .filter(|made| matches!(made, Move::Claim(..)));
    assert_eq!(begun.count(), 2);
    // What was written down already is written again, as nobody said that it was.
    assert!(broken.moves.contains(&Move::SettleUnheard(0)));
    assert_eq!(broken.moves.last(), Some(&Move::Settle(0)));
}

#[test]
fn without_a_count_of_attempts_one_starts_twice() {
    let broken = without(Rule::NumbersOfAttempts, SMALL);
    assert_eq!(broken.promise, "each attempt number starts at most once");
    assert_eq!(broken.moves.last(), Some(&Move::Claim(0, 0)));
}

#[test]
fn without_a_look_at_the_pauses_a_paused_queue_starts_a_job() {
    let broken = without(Rule::Pauses, SMALL);
    assert_eq!(broken.promise, "a paused queue starts nothing");
    assert!(broken.moves.contains(&Move::Pause));
}

#[test]
fn without_a_look_at_the_beats_one_who_lives_is_struck_out() {
    let broken = without(Rule::BeatsOfTheStruckOut, WATCHED);
    assert_eq!(broken.promise, "whoever beats is not struck out");
    // It was silent, and gave a sign of life at the last moment.
    let [.., Move::Beat(silent), Move::StrikeOut(_, _)] = broken.moves[..] else {
        panic!("{broken:?}");
    };
    let looks = broken
        .moves
        .iter()
        .filter(|made| matches!(made, Move::Look(other) if *other != silent));
    assert_eq!(looks.count(), 4);
}

#[test]
fn without_a_look_at_the_cancels_a_job_that_was_to_stop_is_tried_again() {
    let broken = without(Rule::Cancels, SMALL);
    assert_eq!(
        broken.promise,
        "what was asked to stop ends as completed or cancelled"
    );
    // The attempt had failed by then, but that was not written down.
    let [.., Move::End(0, 0, _), Move::Cancel(0), Move::Settle(0)] = broken.moves[..] else {
        panic!("{broken:?}");
    };
}

#[test]
fn without_a_look_at_the_owner_a_job_is_taken_from_one_who_lives() {
    let broken = without(Rule::OwnersOfTheRescued, Scope::of(2, 1, 0));
    assert_eq!(
        broken.promise,
        "whoever is at an attempt and alive keeps it"
    );
}

#[test]
fn without_a_look_at_what_is_under_way_an_instance_takes_its_own_jobs_from_itself() {
    let broken = without(Rule::AttemptsUnderWay, SMALL);
    assert_eq!(
        broken.promise,
        "whoever is at an attempt and alive keeps it"
    );
    assert!(broken.moves.contains(&Move::Recall(0)));
}

#[test]
fn without_a_look_for_lost_claims_a_job_executes_for_ever() {
    let broken = without(Rule::LostClaims, SMALL);
    assert_eq!(broken.promise, "every job ends");
    assert_eq!(broken.moves.last(), Some(&Move::ClaimUnheard(0, 0)));
}

#[test]
fn without_a_look_for_orphans_the_jobs_of_the_dead_stay_with_them() {
    let broken = without(Rule::Orphans, LATE);
    assert_eq!(broken.promise, "every job ends");
    assert_eq!(broken.moves.last(), Some(&Move::Crash(0)));
}

#[test]
fn a_rule_that_is_kept_is_not_missed() {
    let nothing_wrong = explore(SMALL).and_then(|explored| every_job_ends(&explored));
    nothing_wrong.expect("no rule is left out");
}
