//! An entry of the crontab: what is to be done, and when.

use super::{BadSchedule, Fold, Gap, Missed, Schedule};

/// The entry that a kind of job declares, which bears the kind's name.
///
/// ```
/// # use cadastro::queue::Cron;
/// const CRON: Option<Cron> = Some(Cron {
///     zone: "Europe/Lisbon",
///     ..Cron::at("30 3 * * MON")
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cron {
    /// Five fields, or a word for them such as `@daily`.
    pub schedule: &'static str,
    /// The IANA name of the zone whose clock is meant.
    pub zone: &'static str,
    /// The arguments of each job, as JSON.
    pub args: &'static str,
    pub missed: Missed,
    pub gap: Gap,
    pub fold: Fold,
}

impl Cron {
    /// By the clock of UTC, without arguments; what was missed runs once, and so does what a clock in
    /// another zone leaves out or shows twice.
    pub const fn at(schedule: &'static str) -> Self {
        Cron {
            schedule,
            zone: "UTC",
            args: "{}",
            missed: Missed::Once,
            gap: Gap::After,
            fold: Fold::Once,
        }
    }

    /// The entry, by the name of its kind.
    pub fn entry(&self, kind: &str) -> NewEntry {
        NewEntry {
            name: kind.to_owned(),
            kind: kind.to_owned(),
            args: self.args.to_owned(),
            schedule: self.schedule.to_owned(),
            zone: self.zone.to_owned(),
            missed: self.missed,
            gap: self.gap,
            fold: self.fold,
        }
    }
}

/// An entry of the crontab before it is a row.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// The arguments of each job, as JSON.
    pub args: String,
    /// Five fields, or a word for them such as `@daily`.
    pub schedule: String,
    /// The IANA name of the zone whose clock is meant.
    pub zone: String,
    pub missed: Missed,
    pub gap: Gap,
    pub fold: Fold,
}

/// The longest name.
const LONGEST: usize = 64;

impl NewEntry {
    /// Whether an entry may be called so: up to 64 of `a-z`, `0-9`, `-` and `_`.
    pub fn is_name(name: &str) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        (1..=LONGEST).contains(&name.len()) && name.chars().all(plain)
    }

    /// When it is due, if that can be read.
    pub fn when(&self) -> Result<Schedule, BadSchedule> {
        Schedule::parse(&self.schedule, &self.zone, self.gap, self.fold)
    }
}
