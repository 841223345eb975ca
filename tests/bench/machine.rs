//! On what it was measured.

use std::{env, fs, process::Command, thread};

/// A few words on each thing that a figure depends on.
pub fn described() -> String {
    let memory = field("/proc/meminfo", "MemTotal").map(|kib| {
        let kib: f64 = kib.trim_end_matches(" kB").parse().unwrap_or_default();
        format!("{:.0} GB of memory", kib * 1024.0 / 1e9)
    });
    let facts = [
        field("/proc/cpuinfo", "model name"),
        Some(format!("{} cores", cores())),
        memory,
        said("uname", &["-sr"]),
        autogroup(),
        filesystem().map(|name| format!("databases on {name}")),
        said("rustc", &["--version"]),
        server().and_then(|postgres| said(&postgres, &["--version"])),
    ];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    facts.join(", ")
}

/// How many threads run at once.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// How many processes wanted to run at once in the last minute, others' among them.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Whether Linux may share the cores out between sessions, in the place of processes. Each connection to PostgreSQL is a
/// session of its own: beside threads that always compute, one may wait a tenth of a second for a core.
fn autogroup() -> Option<String> {
    let setting = fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled").ok()?;
    let set = if setting.trim() == "1" { "on" } else { "off" };
    Some(format!("autogroup {set}"))
}

/// Of the folder in which the databases lie: one that is kept in memory has no disk to wait for.
fn filesystem() -> Option<String> {
    let folder = env::temp_dir().display().to_string();
    let named = said("df", &["--output=fstype", &folder])?;
    named.lines().last().map(str::to_owned)
}

/// The newest PostgreSQL server of Debian's package, which the tests start too.
fn server() -> Option<String> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let paths = versions
        .flatten()
        .map(|version| version.path().join("bin/postgres"));
    let newest = paths.filter(|path| path.exists()).max()?;
    Some(newest.display().to_string())
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}
