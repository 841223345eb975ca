//! Which process of which machine an instance is, so that its neighbours there need not wait until it
//! has been silent for long enough: they look whether the process still runs.

use std::fs;

use procfs::process::{ProcState, Process};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

/// This process: the machine's boot, its table of processes, the number there, and the tick of its start.
///
/// Empty where there is no `/proc` to tell.
pub(super) fn here() -> String {
    let process = table().and_then(|table| {
        let stat = Process::myself().ok()?.stat().ok()?;
        Some(format!("{table} {} {}", stat.pid, stat.starttime))
    });
    process.unwrap_or_default()
}

/// Whether the process is certain to have ended. One on another machine never is.
pub(super) fn is_gone(process: &str) -> bool {
    let Some(rest) = table().and_then(|table| process.strip_prefix(&table)) else {
        return false;
    };
    let mut numbers = rest.split_whitespace();
    let pid = numbers.next().and_then(|pid| pid.parse().ok());
    let started = numbers.next().and_then(|tick| tick.parse::<u64>().ok());
    match (pid, started) {
        (Some(pid), Some(started)) => has_ended(pid, started),
        _ => false,
    }
}

fn has_ended(pid: i32, started: u64) -> bool {
    // The kernel answers this even where `/proc` hides the processes of other users.
    if Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH)) {
        return true;
    }
    // The number may belong to a later process by now, or to one that nobody has buried yet.
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| {
        stat.starttime != started || matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead))
    })
}

/// Names the table in which process numbers mean something: a boot of a machine, and a namespace in it.
fn table() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A process that runs until its standard input ends.
    fn waiting() -> Child {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().expect("cat runs")
    }

    fn whereabouts(child: &Child) -> String {
        let stat = Process::new(child.id() as i32).and_then(|process| process.stat());
        let stat = stat.expect("it runs");
        let table = table().expect("there is a /proc");
        format!("{table} {} {}", stat.pid, stat.starttime)
    }

    #[test]
    fn a_process_is_gone_once_it_has_been_killed_buried_or_not() {
        let mut child = waiting();
        let process = whereabouts(&child);
        assert!(!is_gone(&process));
        child.kill().expect("it can be killed");
        // Not buried: we have not asked how it ended. That it is dead can only be awaited by looking.
        while !is_gone(&process) {
            std::thread::yield_now();
        }
        child.wait().expect("it ends");
        assert!(is_gone(&process));
    }

    #[test]
    fn a_later_process_of_the_same_number_is_another() {
        let here = here();
        assert!(!is_gone(&here));
        let (rest, started) = here.rsplit_once(' ').expect("a tick");
        let earlier = started.parse::<u64>().expect("a number") - 1;
        assert!(is_gone(&format!("{rest} {earlier}")));
    }

    #[test]
    fn nothing_is_certain_of_another_machine_or_of_what_cannot_be_read() {
        let elsewhere = "00000000-0000-0000-0000-000000000000 pid:[1] 999999999 1";
        for process in ["", "nonsense", elsewhere] {
            assert!(!is_gone(process), "{process}");
        }
    }
}
