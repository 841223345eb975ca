//! Cron: five fields and a time zone to instants, and which of those that were missed are made up for.
//!
//! `cronexpr` matches what the clock on the wall shows, as if that clock hung in UTC. What becomes of a
//! match where the clock is moved is decided here, stretch by stretch: from one move to the next the clock
//! is off by a constant, so that every match is an instant. The rule is that of Vixie's cron. An entry
//! whose minute or hour field begins with `*` follows real time: it finds nothing in an hour that is left
//! out, and everything in both of an hour that comes twice. Any other is held to a time of day, and
//! [`Gap`] and [`Fold`] say what becomes of one that is not there, or there twice.

mod entry;
mod words;

use jiff::{
    SignedDuration, Timestamp, Zoned,
    tz::{Offset, TimeZone},
};

pub use entry::{Cron, NewEntry};
pub use words::{Fold, Gap, Missed, UnknownWord};

/// `cronexpr` looks no further ahead than this: four years without a 29 February.
const REACH: SignedDuration = SignedDuration::from_hours(4 * 365 * 24);

/// How often it is asked to go on from there: 29 February on a given weekday may take forty years.
const REACHES: i32 = 11;

/// What is late by less was not missed: not even the busiest entry has come again by then.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// When an entry of the crontab is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// In UTC.
    fields: cronexpr::Crontab,
    zone: TimeZone,
    /// It has no time of day to be held to.
    follows_real_time: bool,
    gap: Gap,
    fold: Fold,
}

/// Why something is no schedule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadSchedule {
    #[error(
        "`{0}` is no schedule: give minute, hour, day of month, month and day of week, such as `30 3 * * MON`, \
         or @hourly, @daily, @weekly, @monthly or @yearly"
    )]
    Shape(String),
    #[error("`{schedule}` is no schedule: {why}")]
    Field { schedule: String, why: String },
    #[error("`{0}` never comes")]
    Never(String),
    #[error("there is no time zone called `{0}`; give one such as America/Sao_Paulo, or UTC")]
    Zone(String),
}

/// The time between two moves of the clock; the instant of a move begins one.
struct Stretch {
    begin: Option<Timestamp>,
    end: Option<Timestamp>,
    offset: Offset,
    /// That of the stretch before.
    before: Offset,
}

impl Schedule {
    /// Reads the five fields, or a word for them such as `@daily`, and the IANA name of a zone.
    ///
    /// The fields hold what crontab(5) knows: numbers, names, `*`, lists, ranges and steps.
    pub fn parse(schedule: &str, zone: &str, gap: Gap, fold: Fold) -> Result<Self, BadSchedule> {
        let line = spelt_out(schedule.trim());
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [minute, hour, _, _, _] = words[..] else {
            return Err(BadSchedule::Shape(schedule.to_owned()));
        };
        let refuse = |why: String| BadSchedule::Field {
            schedule: schedule.to_owned(),
            why,
        };
        if let Some(word) = words.iter().find(|word| !is_plain(word)) {
            let known = "takes numbers, names of three letters, `*`, lists, ranges and steps";
            return Err(refuse(format!("`{word}`: a field {known}")));
        }
        let fields = cronexpr::parse_crontab(&format!("{} UTC", words.join(" ")));
        let fields = fields.map_err(|error| refuse(last_words(&error.to_string())))?;
        let zone = TimeZone::get(zone).map_err(|_| BadSchedule::Zone(zone.to_owned()))?;
        let parsed = Schedule {
            fields,
            zone,
            follows_real_time: minute.starts_with('*') || hour.starts_with('*'),
            gap,
            fold,
        };
        match parsed.match_after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(parsed),
            None => Err(BadSchedule::Never(schedule.to_owned())),
        }
    }

    /// The instant as the clock on the wall shows it.
    pub fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// The instants after `from`, in order and without an end.
    pub fn after(&self, from: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next(from), |last| self.next(*last))
    }

    /// The first instant after `from`.
    pub fn next(&self, from: Timestamp) -> Option<Timestamp> {
        let (mut from, mut stretch) = (from, self.stretch(from));
        loop {
            if let Some(found) = self.next_in(&stretch, from)? {
                return Some(found);
            }
            let end = stretch.end?;
            stretch = self.stretch(end);
            from = moved(end, -1);
        }
    }

    /// Which instants fire at `now`, when all up to `passed` were seen to: the newest ones, in order.
    pub fn due(&self, passed: Timestamp, now: Timestamp, missed: Missed) -> Vec<Timestamp> {
        match missed {
            Missed::Skip => self.newest(passed.max(now - LATE), now, 1),
            Missed::Once => self.newest(passed, now, 1),
            Missed::All(most) => self.newest(passed, now, most.into()),
        }
    }

    /// The newest instants after `from` and up to `now`, `most` at the most.
    ///
    /// Looks back for as long as it takes to find so many: a long stop may have missed a million.
    fn newest(&self, from: Timestamp, now: Timestamp, most: usize) -> Vec<Timestamp> {
        let mut back = LATE;
        loop {
            let begin = now
                .saturating_sub(back)
                .map_or(from, |begin| begin.max(from));
            let mut found: Vec<_> = self.after(begin).take_while(|at| *at <= now).collect();
            if found.len() >= most || begin == from {
                return found.split_off(found.len().saturating_sub(most));
            }
            back = back.saturating_mul(4);
        }
    }

    fn stretch(&self, at: Timestamp) -> Stretch {
        let offset = self.zone.to_offset(at);
        let begin = self.zone.preceding(moved(at, 1)).map(|it| it.timestamp());
        // The first of these may lie within the second after `at`.
        let begin = begin.into_iter().find(|begin| *begin <= at);
        let end = self.zone.following(at).next().map(|it| it.timestamp());
        let before = begin.map_or(offset, |begin| self.zone.to_offset(moved(begin, -1)));
        Stretch {
            begin,
            end,
            offset,
            before,
        }
    }

    /// The first instant of a stretch after `from`. The outer `None` says that no stretch has any.
    fn next_in(&self, stretch: &Stretch, from: Timestamp) -> Option<Option<Timestamp>> {
        let offset = stretch.offset;
        let mut shown = shown(from, offset);
        if let Some(begin) = stretch.begin.filter(|_| !self.follows_real_time) {
            let resumes = self::shown(begin, stretch.before);
            if resumes < self::shown(begin, offset) {
                // The clock was put forward over what lies between.
                let left_out = self.match_after(moved(resumes, -1))?;
                if self.gap == Gap::After && begin > from && left_out < self::shown(begin, offset) {
                    return Some(Some(begin));
                }
            } else if self.fold == Fold::Once {
                // It was put back, and has shown all up to there already.
                shown = shown.max(moved(resumes, -1));
            }
        }
        let found = moved(self.match_after(shown)?, -i64::from(offset.seconds()));
        Some(Some(found).filter(|found| stretch.end.is_none_or(|end| *found < end)))
    }

    /// What the clock shows next that fits the fields, after it has shown this.
    fn match_after(&self, shown: Timestamp) -> Option<Timestamp> {
        (0..REACHES).find_map(|reach| {
            let from = shown.checked_add(REACH * reach).ok()?;
            Some(self.fields.find_next(from).ok()?.timestamp())
        })
    }
}

/// What a clock shows that is off by this, as if it hung in UTC.
fn shown(at: Timestamp, offset: Offset) -> Timestamp {
    moved(at, offset.seconds().into())
}

fn moved(at: Timestamp, seconds: i64) -> Timestamp {
    let seconds = SignedDuration::from_secs(seconds);
    at.saturating_add(seconds).unwrap_or(at)
}

fn spelt_out(schedule: &str) -> &str {
    match schedule {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        fields => fields,
    }
}

/// `cronexpr` knows extensions of one letter, of which it never finds the last day of a December.
fn is_plain(word: &str) -> bool {
    let names = word.split(|c: char| !c.is_ascii_alphabetic());
    names.map(str::len).all(|length| length == 0 || length == 3) && !word.contains('#')
}

/// `cronexpr` draws the fields and points at the wrong one; what it says of it comes last.
fn last_words(error: &str) -> String {
    error.rsplit("^ ").next().unwrap_or(error).to_owned()
}

#[cfg(test)]
mod tests;
