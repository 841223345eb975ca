//! The life of a job, as rules that need no database, timer or socket.
//!
//! ```text
//!               its time comes              claim
//!  scheduled ------------------> available --------> executing --+--> completed
//!      ^                             ^                           |
//!      | snoozed                     | its time comes            +--> discarded   attempts spent, or hopeless
//!      |                             |                           |
//!      +-----------------------------|-------- retryable <-------+    failed, tried again later
//!                                    |                           |
//!                                    +---------------------------+    handed back: a stop, or a dead owner
//!
//!  cancelled: reached from every state that is not final. One that executes is asked to stop, and ends as
//!  completed or cancelled however it ends.
//!  An operator's retry: from retryable, discarded or cancelled to available.
//!  A job that waits for others is scheduled, and comes due only once none of them blocks it any more.
//!  A dead owner's job is handed back at once the first time, and after a growing wait from then on.
//! ```
//!
//! A job is *waiting* while it is scheduled, available or retryable; completed, discarded
//! and cancelled are *final*.

mod cron;
mod edit;
mod flow;
mod job;
mod limits;
mod look;
mod name;
mod outcome;
mod policy;
mod rate;
mod secrets;
mod state;
mod unique;
mod watch;

pub use cron::{BadSchedule, Cron, Fold, Gap, Missed, NewEntry, Schedule, UnknownWord};
pub use edit::{Edit, Place};
pub use flow::{After, Flow, Member, Standing, UnknownUpon, Upon, Wait, standing};
pub use job::{ARGS_BYTES, Due, EMAIL, Job, JobId, NewJob, SignupId, TASK, WORKERS};
pub use limits::{
    AT_ONCE, Grant, Held, LONGEST_KEY, Limits, RATE_JOBS, RATE_PERIOD, SIZES, is_limit_key,
};
pub use look::{Left, Look};
pub use name::{BadName, Takes, queue_name};
pub use outcome::{Ending, Fault, Outcome};
pub use policy::{MOST_ATTEMPTS, Policy};
pub use rate::Rate;
pub use secrets::{Keys, Secrets, Unopened, redacted};
pub use state::{NOT_BEGUN, State, Tally, UnknownState, Verdict, settle};
pub use unique::{States, Unique, Wins};
pub use watch::{PARTS, SILENT, Watch};
