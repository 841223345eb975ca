//! The rule, case by case. `oracle` compares it with a slow walk along the clock.

mod oracle;

use super::*;

fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

fn schedule(fields: &str, zone: &str) -> Schedule {
    Schedule::parse(fields, zone, Gap::After, Fold::Once).expect("a schedule")
}

/// The next three instants, as the clock on the wall shows them.
fn next_three(schedule: &Schedule, from: &str) -> Vec<String> {
    let instants = schedule.after(at(from)).take(3);
    let shown = |at| schedule.local(at).strftime("%m-%d %H:%M %:z").to_string();
    instants.map(shown).collect()
}

fn due(fields: &str, passed: &str, now: &str, missed: Missed) -> Vec<String> {
    let due = schedule(fields, "UTC").due(at(passed), at(now), missed);
    due.iter().map(Timestamp::to_string).collect()
}

#[test]
fn words_stand_for_fields() {
    let words = [
        ("@hourly", "12-31 23:00"),
        ("@daily", "01-01 00:00"),
        ("@midnight", "01-01 00:00"),
        ("@weekly", "01-04 00:00"),
        ("@monthly", "01-01 00:00"),
        ("@yearly", "01-01 00:00"),
        ("@annually", "01-01 00:00"),
        (" 30  4 * JAN  mon-FRI ", "01-01 04:30"),
    ];
    for (word, first) in words {
        let three = next_three(&schedule(word, "UTC"), "2025-12-31T22:59:59.5Z");
        assert_eq!(three[0], format!("{first} +00:00"), "{word}");
    }
}

#[test]
fn what_is_no_schedule_is_refused_in_one_line_that_says_why() {
    let refused = |fields: &str, zone: &str| {
        let parsed = Schedule::parse(fields, zone, Gap::After, Fold::Once);
        parsed.expect_err(fields).to_string()
    };
    for (fields, why) in [
        ("", "give minute, hour, day of month"),
        ("* * * *", "give minute, hour, day of month"),
        ("* * * * * UTC", "give minute, hour, day of month"),
        ("@reboot", "give minute, hour, day of month"),
        ("60 * * * *", "must be in range 0..=59; found 60"),
        ("* 9-5 * * *", "ascending order; found 9-5"),
        ("* * L * *", "`L`: a field takes numbers"),
        ("* * 15W * *", "`15W`: a field takes numbers"),
        ("* * * * 5#3", "`5#3`: a field takes numbers"),
        ("* * * * TOM", "is no schedule"),
        ("0 0 30 2 *", "`0 0 30 2 *` never comes"),
    ] {
        let said = refused(fields, "UTC");
        assert!(said.contains(why) && !said.contains('\n'), "{said}");
    }
    let said = refused("* * * * *", "Europe/Lisboa");
    assert!(said.contains("`Europe/Lisboa`"), "{said}");
}

#[test]
fn a_rare_day_comes_however_far_off() {
    let leap = schedule("0 0 29 2 *", "UTC");
    let year = |from| leap.next(at(from)).expect("it comes").to_string();
    assert_eq!(year("2096-03-01T00:00:00Z"), "2104-02-29T00:00:00Z");
    // Both fields, for one of them begins with a star: a 29 February that is a Sunday.
    let sunday = schedule("0 0 29 2 */7", "UTC");
    let next = sunday.next(at("2088-03-01T00:00:00Z")).expect("it comes");
    assert_eq!(next.to_string(), "2128-02-29T00:00:00Z");
}

#[test]
fn a_time_of_day_that_is_left_out_comes_right_after_or_not_at_all() {
    // On 29 March 2026 the clocks of Lisbon go from 01:00 to 02:00.
    let twice = schedule("15,30 1 * * *", "Europe/Lisbon");
    assert_eq!(
        next_three(&twice, "2026-03-28T12:00:00Z"),
        [
            "03-29 02:00 +01:00",
            "03-30 01:15 +01:00",
            "03-30 01:30 +01:00"
        ]
    );
    let skip = Schedule::parse("30 1 * * *", "Europe/Lisbon", Gap::Skip, Fold::Once);
    assert_eq!(
        next_three(&skip.expect("a schedule"), "2026-03-28T00:00:00Z"),
        [
            "03-28 01:30 +00:00",
            "03-30 01:30 +01:00",
            "03-31 01:30 +01:00"
        ]
    );
    // What falls on the very move comes once.
    let both = schedule("0,30 1,2 29 3 *", "Europe/Lisbon");
    assert_eq!(
        next_three(&both, "2026-03-29T00:30:00Z")[..2],
        ["03-29 02:00 +01:00", "03-29 02:30 +01:00"]
    );
}

#[test]
fn a_time_of_day_that_comes_twice_counts_once_or_twice() {
    // On 25 October 2026 the clocks of Lisbon go from 02:00 to 01:00.
    let once = schedule("30 1 * * *", "Europe/Lisbon");
    assert_eq!(
        next_three(&once, "2026-10-24T12:00:00Z"),
        [
            "10-25 01:30 +01:00",
            "10-26 01:30 +00:00",
            "10-27 01:30 +00:00"
        ]
    );
    let twice = Schedule::parse("30 1 * * *", "Europe/Lisbon", Gap::After, Fold::Twice);
    assert_eq!(
        next_three(&twice.expect("a schedule"), "2026-10-24T12:00:00Z"),
        [
            "10-25 01:30 +01:00",
            "10-25 01:30 +00:00",
            "10-26 01:30 +00:00"
        ]
    );
}

#[test]
fn an_hour_or_minute_that_begins_with_a_star_follows_real_time() {
    let hourly = schedule("@hourly", "Europe/Lisbon");
    assert_eq!(
        next_three(&hourly, "2026-10-24T23:59:00Z"),
        [
            "10-25 01:00 +01:00",
            "10-25 01:00 +00:00",
            "10-25 02:00 +00:00"
        ]
    );
    assert_eq!(
        next_three(&hourly, "2026-03-28T23:59:00Z"),
        [
            "03-29 00:00 +00:00",
            "03-29 02:00 +01:00",
            "03-29 03:00 +01:00"
        ]
    );
    let in_the_gap = schedule("*/20 1 * * *", "Europe/Lisbon");
    assert_eq!(
        next_three(&in_the_gap, "2026-03-28T12:00:00Z")[0],
        "03-30 01:00 +01:00"
    );
}

#[test]
fn a_day_that_is_left_out_comes_as_the_next_one_begins() {
    // Samoa had no 30 December 2011.
    let daily = schedule("0 9 * * *", "Pacific/Apia");
    assert_eq!(
        next_three(&daily, "2011-12-29T12:00:00Z"),
        [
            "12-29 09:00 -10:00",
            "12-31 00:00 +14:00",
            "12-31 09:00 +14:00"
        ]
    );
}

#[test]
fn of_what_was_missed_nothing_one_or_the_newest_few_are_made_up_for() {
    let (passed, now) = ("2026-11-25T00:30:00Z", "2026-11-25T04:10:00Z");
    let hours = |missed| due("@hourly", passed, now, missed);
    assert_eq!(hours(Missed::Skip), [""; 0]);
    assert_eq!(hours(Missed::Once), ["2026-11-25T04:00:00Z"]);
    assert_eq!(
        hours(Missed::All(3)),
        [
            "2026-11-25T02:00:00Z",
            "2026-11-25T03:00:00Z",
            "2026-11-25T04:00:00Z"
        ]
    );
    assert_eq!(hours(Missed::All(9)).len(), 4);
}

#[test]
fn what_fires_within_its_minute_was_not_missed() {
    let late = |now| due("@hourly", "2026-11-25T00:30:00Z", now, Missed::Skip);
    assert_eq!(late("2026-11-25T01:00:00Z"), ["2026-11-25T01:00:00Z"]);
    assert_eq!(late("2026-11-25T01:00:59.9Z"), ["2026-11-25T01:00:00Z"]);
    assert_eq!(late("2026-11-25T01:01:00Z"), [""; 0]);
}

#[test]
fn what_has_been_seen_to_does_not_come_again() {
    let (passed, now) = ("2026-11-25T04:00:00Z", "2026-11-25T04:00:30Z");
    for missed in [Missed::Skip, Missed::Once, Missed::All(9)] {
        assert_eq!(due("@hourly", passed, now, missed), [""; 0]);
    }
}

#[test]
fn the_newest_of_a_stop_of_years_are_found() {
    let newest = due(
        "* * * * *",
        "2000-01-01T00:00:00Z",
        "2026-11-25T00:00:30Z",
        Missed::All(2),
    );
    assert_eq!(newest, ["2026-11-24T23:59:00Z", "2026-11-25T00:00:00Z"]);
    let rare = due(
        "@yearly",
        "2000-01-01T00:00:00Z",
        "2026-11-25T00:00:30Z",
        Missed::Once,
    );
    assert_eq!(rare, ["2026-01-01T00:00:00Z"]);
}

#[test]
fn words_are_read_as_they_are_written() {
    for missed in [
        Missed::Skip,
        Missed::Once,
        Missed::All(1),
        Missed::All(1000),
    ] {
        assert_eq!(missed.to_string().parse(), Ok(missed));
    }
    for wrong in ["", "all", "all:", "all:0", "all:1001", "all:-1", "never"] {
        let said = wrong.parse::<Missed>().expect_err(wrong).to_string();
        assert!(said.contains("skip, once, or all:N"), "{said}");
    }
    for gap in [Gap::After, Gap::Skip] {
        assert_eq!(gap.to_string().parse(), Ok(gap));
    }
    for fold in [Fold::Once, Fold::Twice] {
        assert_eq!(fold.to_string().parse(), Ok(fold));
    }
    assert!("before".parse::<Gap>().is_err() && "thrice".parse::<Fold>().is_err());
}
