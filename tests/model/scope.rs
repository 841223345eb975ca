//! How much is explored, and which rule is left out.

/// The size of a world, and what may happen in it.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    pub instances: usize,
    pub jobs: u8,
    pub max_attempts: i32,
    /// How many disturbances may happen: crashes, lost answers, operators. What happens without any
    /// is bounded by itself.
    pub disturbances: u8,
    /// One instance at a time on an SQLite file; otherwise several on PostgreSQL.
    pub on_a_file: bool,
    /// Everybody counts the beats of the others. Without, anybody may be taken for dead at any time,
    /// which makes for fewer worlds and covers whatever might be counted.
    pub heartbeats: bool,
    /// What a look has found may be taken in late.
    pub late: bool,
    /// Nobody looks at the others so often that one who beats must seem silent.
    pub fair: bool,
    /// See what happens without it.
    pub left_out: Option<Rule>,
}

impl Scope {
    /// Several instances on PostgreSQL, each as slow as it pleases.
    pub const fn of(instances: usize, jobs: u8, disturbances: u8) -> Self {
        Scope {
            instances,
            jobs,
            max_attempts: 2,
            disturbances,
            on_a_file: false,
            heartbeats: false,
            late: false,
            fair: false,
            left_out: None,
        }
    }

    pub fn heeds(&self, rule: Rule) -> bool {
        self.left_out != Some(rule)
    }
}

/// A rule of the store or of the Scheduler that can be left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// A settle is refused when the job has been claimed again since.
    AttemptsOfTheSettled,
    /// Whoever has beaten since it was looked at is not struck out.
    BeatsOfTheStruckOut,
    /// A settle is refused that knows nothing of a cancel.
    Cancels,
    /// Only the jobs of those who are not entered are orphans.
    OwnersOfTheRescued,
    /// A claim counts its attempt.
    NumbersOfAttempts,
    /// A claim asks whether the queue is paused.
    Pauses,
    /// Whoever finds a job that executes in its name does not hand it back while it is at it.
    AttemptsUnderWay,
    /// Everybody looks for jobs that were claimed in its name, and the answer lost.
    LostClaims,
    /// Everybody looks for orphans.
    Orphans,
}
