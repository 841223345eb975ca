//! What operators are told of an actor.

use jiff::Timestamp;

/// One kind of actor, all its instances together.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorReport {
    pub name: String,
    /// The type in the source.
    pub kind: &'static str,
    /// Who hands work to it and is told when it falls.
    pub parent: Option<&'static str>,
    /// `running`, `restarting` while an instance waits for its restart, `stopped`.
    pub state: &'static str,
    pub instances: i64,
    /// Messages that wait.
    pub mailbox: i64,
    /// Messages handled since the start.
    pub handled: u64,
    pub restarts: u64,
    pub last_restart: Option<LastRestart>,
}

/// When and why a supervisor last had to act.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRestart {
    pub at: Timestamp,
    /// `panic`, `error` or `timeout`.
    pub reason: &'static str,
}
