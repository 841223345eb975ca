//! Which jobs are one and the same: of them only one is there at a time.

use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Edit, NewJob, Place, State};

/// The longest key that is stored as it was given.
const LONGEST_KEY: usize = 200;

/// A job that is not enqueued beside another of its kind and key.
///
/// It holds its key until it leaves the states that [`Unique::while_in`] names, and then for good: a retry
/// does not take it up again.
///
/// ```
/// # use std::time::Duration;
/// # use cadastro::queue::{States, Unique, Wins};
/// let hour = Duration::from_secs(3600);
/// Unique::by_args();                                    // one of the same arguments until it has ended
/// Unique::by_key("import").until_started();             // one that waits, beside the one that executes
/// Unique::by_key("report").per(hour).while_in(States::ALL); // one an hour, whatever becomes of it
/// Unique::by_key("index").wins(Wins::Reschedule);       // one, at the time of the newest wish for it
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Unique {
    by: By,
    states: States,
    period: Option<Duration>,
    wins: Wins,
}

#[derive(Clone, Debug, PartialEq)]
enum By {
    Args,
    Key(String),
}

/// What becomes of the job that is there already, as long as it waits. One that has begun, or has ended
/// and still holds its key, stays as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Wins {
    /// It stays as it is.
    #[default]
    Keep,
    /// It takes over the new one's arguments, time, priority, number of attempts, queue and limit key.
    Replace,
    /// It takes over the new one's time.
    Reschedule,
}

/// A set of states.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct States(i32);

impl Unique {
    /// One for each arguments; the order of their fields does not matter, and neither do their secrets: a kind
    /// whose jobs differ in those alone needs a key of its own.
    pub fn by_args() -> Self {
        Self::by(By::Args)
    }

    /// One for each key that the caller chooses.
    pub fn by_key(key: impl Into<String>) -> Self {
        Self::by(By::Key(key.into()))
    }

    fn by(by: By) -> Self {
        Unique {
            by,
            states: States::UNFINISHED,
            period: None,
            wins: Wins::Keep,
        }
    }

    /// One in each period: those of an hour begin with the hours of UTC, whenever the first job came.
    ///
    /// Unless its states say otherwise, the next one may come in the same period once the job has ended.
    pub fn per(self, period: Duration) -> Self {
        Unique {
            period: Some(period),
            ..self
        }
    }

    /// While the job is in these states it keeps others out. Those in which it waits are always among them.
    pub fn while_in(self, states: States) -> Self {
        Unique {
            states: states.and(States::WAITING),
            ..self
        }
    }

    /// Once the job has started, another may wait for its turn.
    pub fn until_started(self) -> Self {
        self.while_in(States::WAITING)
    }

    /// What becomes of the job that is there already.
    pub fn wins(self, wins: Wins) -> Self {
        Unique { wins, ..self }
    }

    /// The states in which a job holds its key.
    pub fn states(&self) -> States {
        self.states
    }

    /// What a job of this kind, enqueued at `now`, is known by: no other may have it.
    ///
    /// Kinds are snake_case, so the sign behind one tells which sort of key it is.
    pub fn key(&self, kind: &str, args: &Value, now: Timestamp) -> String {
        let period = self.period.map(|period| which(period, now));
        let period = period.unwrap_or_default();
        match &self.by {
            By::Args => format!("{kind}{period}#{}", digest(&canonical(args))),
            By::Key(key) if is_plain(key) => format!("{kind}{period}:{key}"),
            By::Key(key) => format!("{kind}{period}={}", digest(key)),
        }
    }

    /// What `new` makes of the job that it meets.
    pub fn edit(&self, new: &NewJob) -> Option<Edit> {
        match self.wins {
            Wins::Keep => None,
            Wins::Replace => Some(Edit {
                due: Some(new.due),
                priority: Some(new.priority),
                args: Some(new.args.clone()),
                max_attempts: Some(new.max_attempts),
                place: Some(Place {
                    queue: new.queue.clone(),
                    limit_key: new.limit_key.clone(),
                }),
            }),
            Wins::Reschedule => Some(Edit {
                due: Some(new.due),
                ..Edit::default()
            }),
        }
    }
}

impl States {
    /// Before an attempt.
    pub const WAITING: States = States::of(&State::WAITING);

    /// Until the job has ended.
    pub const UNFINISHED: States = States(States::WAITING.0 | State::Executing.bit());

    /// For as long as there is a row of the job.
    pub const ALL: States = States::of(&State::ALL);

    /// These states.
    pub const fn of(states: &[State]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < states.len() {
            bits |= states[at].bit();
            at += 1;
        }
        States(bits)
    }

    /// The states of both.
    pub fn and(self, others: States) -> Self {
        States(self.0 | others.0)
    }

    /// Whether the state is one of them.
    pub fn has(self, state: State) -> bool {
        self.0 & state.bit() != 0
    }

    /// As stored: a bit for each state, in the order of [`State::ALL`].
    pub fn bits(self) -> i32 {
        self.0
    }
}

/// When the period began, and its length: those of other lengths may begin with it.
fn which(period: Duration, now: Timestamp) -> String {
    let length = i64::try_from(period.as_micros()).unwrap_or(i64::MAX).max(1);
    let now = now.as_microsecond();
    let began = Timestamp::from_microsecond(now.saturating_sub(now.rem_euclid(length)));
    let began = began.unwrap_or(Timestamp::MIN);
    format!("@{began}+{}s", period.as_secs_f64())
}

/// Others are told by their digest: an index takes no long text, and PostgreSQL no zero character.
fn is_plain(key: &str) -> bool {
    key.len() <= LONGEST_KEY && !key.contains(char::is_control)
}

fn digest(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

/// The same text for the same JSON. serde_json keeps the order in which fields came, should any other
/// library of the program ask it to.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(canonical).collect();
            format!("[{}]", values.join(","))
        }
        Value::Object(fields) => {
            let mut fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests;
