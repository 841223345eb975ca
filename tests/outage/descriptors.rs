//! No more files and connections may be opened.

use std::{fs, process::Command, time::Duration};

use super::{PATIENCE, form};
use crate::{
    recovery::all,
    support::{
        database::TestDatabase,
        program::{Program, sign_up, watch},
        visitor::Visitor,
    },
};

/// Lets the program open files and connections whose number is lower. What is open stays so.
fn allow(program: &Program, below: &str) {
    let pid = program.pid().to_string();
    let limit = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--nofile={below}:")])
        .status();
    assert!(limit.expect("prlimit runs").success());
}

/// What we may have is what the programs that we start may have.
fn hard_limit() -> String {
    let limits = fs::read_to_string("/proc/self/limits").expect("our limits");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let hard = files.and_then(|line| line.split_whitespace().nth(4));
    hard.expect("soft and hard").to_owned()
}

/// How long it has kept a processor busy, in the kernel's ticks of 10 ms.
fn ticks(program: &Program) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.pid())).expect("its times");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let times = fields.split_whitespace().skip(11).take(2);
    times.map(|time| time.parse::<u64>().expect("ticks")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_free_descriptors_whoever_is_connected_is_served_and_nothing_spins() {
    for database in TestDatabase::both() {
        let settings = [
            ("CADASTRO_SIMPLE_TASK", "1s"),
            ("CADASTRO_PARAMETER_TASK", "1s"),
            ("CADASTRO_WELCOME_DELAY", "1s"),
        ];
        let program = Program::start(&database, &settings);
        let connected = Visitor::at(&program.url, PATIENCE);
        // The database's connections are open, and this visitor's.
        sign_up(&program, "before").await;
        let form = form(&connected, "maria").await;
        allow(&program, "0");

        let before = ticks(&program);
        let patience = Duration::from_secs(3);
        let late = Visitor::at(&program.url, patience);
        let turned_away = late.request(reqwest::Method::GET, "/signup").send().await;
        assert!(turned_away.expect_err("nobody takes the call").is_timeout());
        let busy = Duration::from_millis(10 * (ticks(&program) - before));
        assert!(busy < patience / 4, "{database} was busy for {busy:?}");
        let receipt = form.is_taken(&connected).await;

        allow(&program, &hard_limit());
        let late = Visitor::at(&program.url, PATIENCE);
        late.get("/signup").await.with_status(200);
        watch(&program, &receipt, all("completed")).await;
    }
}
