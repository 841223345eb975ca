//! The same instants, found slowly and without the rule: by a walk along the clock of each zone.
//!
//! Where a clock is moved, minute by minute, for every move of thirty years; in between, day by day.

use std::collections::BTreeSet;

use jiff::{
    ToSpan,
    civil::{DateTime, date},
    tz::AmbiguousOffset,
};

use super::*;

/// Zones with odd rules: moves at midnight or a minute after, of half an hour, of a whole day, backwards in
/// summer or by the moon, or abolished in these years; and two that never move.
const ZONES: [&str; 10] = [
    "America/Sao_Paulo",
    "Europe/Lisbon",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/St_Johns",
    "Asia/Tehran",
    "UTC",
];

/// Where the clock is moved these find something before it, in it and after it.
const AROUND_MOVES: [&str; 6] = [
    "*/25 * * * *",
    "5 */2 * * *",
    "*/30 0-3 * * *",
    "30 1 * * *",
    "0,15,45 0-3 * * *",
    "1,59 0,1,2,23 * * 6,0",
];

/// Times of day, on few days: with a day of the month or of the week, with either, with both.
const THROUGH_YEARS: [&str; 6] = [
    "30 1 1,15 1-11/2 *",
    "0 12 13 1,4,12 5",
    "45 23 * 2-11/5 0",
    "15 0,2 */10 3,10 *",
    "0 0 29 2 *",
    "59 23 31 12 *",
];

/// Fields of numbers, each the set of what it admits.
struct Slow {
    sets: [BTreeSet<i8>; 5],
    /// Whether the day of the month, or of the week, begins with a star.
    any_day: bool,
}

impl Slow {
    fn read(fields: &str) -> Self {
        let words: Vec<&str> = fields.split(' ').collect();
        let ranges = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
        let sets = std::array::from_fn(|field| admitted(words[field], ranges[field]));
        let any_day = words[2].starts_with('*') || words[4].starts_with('*');
        Slow { sets, any_day }
    }

    fn admits_day(&self, shown: DateTime) -> bool {
        let month_day = self.sets[2].contains(&shown.day());
        let week_day = self.sets[4].contains(&shown.weekday().to_sunday_zero_offset());
        let day = match self.any_day {
            true => month_day && week_day,
            false => month_day || week_day,
        };
        day && self.sets[3].contains(&shown.month())
    }

    fn admits(&self, shown: DateTime) -> bool {
        self.sets[0].contains(&shown.minute())
            && self.sets[1].contains(&shown.hour())
            && self.admits_day(shown)
    }
}

fn admitted(word: &str, (least, most): (i8, i8)) -> BTreeSet<i8> {
    let number = |text: &str| text.parse::<i8>().expect("a number");
    let part = |part: &str| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first), number(last)),
            None if range == "*" => (least, most),
            None => (number(range), number(range)),
        };
        (first..=last)
            .step_by(number(step) as usize)
            .collect::<Vec<_>>()
    };
    word.split(',').flat_map(part).collect()
}

/// The moves of a zone's clock in thirty years.
fn moves(zone: &TimeZone) -> Vec<Timestamp> {
    let moves = zone.following(at("2006-01-01T00:00:00Z"));
    let moves = moves.map(|it| it.timestamp());
    moves
        .take_while(|it| *it < at("2036-01-01T00:00:00Z"))
        .collect()
}

/// What the clock shows in each minute between two instants.
fn walk(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, DateTime)> {
    let minutes = std::iter::successors(Some(from), |at| Some(*at + 1.minute()));
    let minutes = minutes.take_while(|at| *at < to);
    minutes.map(|at| (at, zone.to_datetime(at))).collect()
}

/// The instants of a walk, by the rule as a person would say it.
fn found(walk: &[(Timestamp, DateTime)], fields: &str, gap: Gap, fold: Fold) -> Vec<Timestamp> {
    let slow = Slow::read(fields);
    let follows = fields.split(' ').take(2).any(|word| word.starts_with('*'));
    let mut found = Vec::new();
    // The latest that was shown so far.
    let mut latest = walk[0].1 - 1.minute();
    for &(at, shown) in walk {
        let left_out =
            std::iter::successors(Some(latest + 1.minute()), |it| Some(*it + 1.minute()));
        let mut left_out = left_out.take_while(|it| *it < shown);
        let made_up = !follows && gap == Gap::After && left_out.any(|it| slow.admits(it));
        let again = shown <= latest && !follows && fold == Fold::Once;
        if made_up || slow.admits(shown) && !again {
            found.push(at);
        }
        latest = latest.max(shown);
    }
    found
}

#[test]
fn around_every_move_of_the_clock_the_rule_finds_what_a_walk_finds() {
    let mut moved = 0;
    for zone in ZONES {
        let clock = TimeZone::get(zone).expect("a zone");
        for at in moves(&clock) {
            moved += 1;
            let (from, to) = (at - 90.minutes(), at + 150.minutes());
            let walk = walk(&clock, from, to);
            for fields in AROUND_MOVES {
                for (gap, fold) in [(Gap::After, Fold::Once), (Gap::Skip, Fold::Twice)] {
                    let rule = Schedule::parse(fields, zone, gap, fold).expect("a schedule");
                    let rule = rule.after(from - 1.second()).take_while(|it| *it < to);
                    let rule: Vec<_> = rule.collect();
                    let slow = found(&walk, fields, gap, fold);
                    assert_eq!(rule, slow, "{fields} in {zone} around {at}");
                }
            }
        }
    }
    assert!(moved > 300, "{moved}");
}

#[test]
fn through_thirty_years_the_rule_finds_what_the_days_hold() {
    for zone in ZONES {
        let clock = TimeZone::get(zone).expect("a zone");
        let days = date(2006, 1, 1)
            .series(1.day())
            .take_while(|day| day.year() < 2036);
        let days: Vec<_> = days.map(|day| day.at(0, 0, 0, 0)).collect();
        for fields in THROUGH_YEARS {
            let slow = Slow::read(fields);
            let mut instants = BTreeSet::new();
            for day in days.iter().filter(|day| slow.admits_day(**day)) {
                for hour in &slow.sets[1] {
                    let hour = day.with().hour(*hour);
                    for minute in &slow.sets[0] {
                        let shown = hour.minute(*minute).build().expect("a time");
                        instants.insert(instant(&clock, shown));
                    }
                }
            }
            let first = clock.to_timestamp(days[0]).expect("an instant");
            let rule = schedule(fields, zone);
            let rule = rule.after(first - 1.second()).take(instants.len());
            assert!(rule.eq(instants), "{fields} in {zone}");
        }
    }
}

/// When the clock shows this first, or else the first instant after it.
fn instant(zone: &TimeZone, shown: DateTime) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(shown);
    let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let instant = ambiguous.compatible().expect("an instant");
    let mut moves = zone.preceding(instant);
    match gap {
        true => moves.next().expect("the move over it").timestamp(),
        false => instant,
    }
}
