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
//!  cancelled: reached from every state that is not final.
//!  An operator's retry: from retryable, discarded or cancelled to available.
//!  A dead owner's job is handed back at once the first time, and after a growing wait from then on.
//! ```
//!
//! A job is *waiting* while it is scheduled, available or retryable; completed, discarded
//! and cancelled are *final*.

mod job;
mod outcome;
mod policy;
mod secrets;
mod state;
mod watch;

pub use job::{Due, EMAIL, Job, JobId, NewJob, SignupId, TASK};
pub use outcome::{Ending, Fault, Outcome};
pub use policy::{MOST_ATTEMPTS, Policy};
pub use secrets::{Keys, Secrets, Unopened, redacted};
pub use state::{NOT_BEGUN, State, Tally, UnknownState, Verdict, settle};
pub use watch::{PARTS, SILENT, Watch};
