//! `cadastro serve`: what it prints, and how it ends.

use super::Terminal;
use crate::support::{database::TestDatabase, program::Program};

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_where_it_serves_migrates_by_itself_and_ends_well() {
    for database in TestDatabase::both() {
        let server = Program::start(&database, &[]);
        let page = reqwest::get(format!("{}/signup", server.url)).await;
        assert!(page.expect("the page").status().is_success());
        let terminal = Terminal::new().with("DATABASE_URL", database.url());
        assert_eq!(terminal.say("jobs list").done(), "no jobs\n");
        assert_eq!(server.terminate().code(), Some(0), "{database}");
    }
}

#[test]
fn a_second_server_on_one_file_is_refused_while_the_command_line_is_not() {
    let database = TestDatabase::sqlite();
    let server = Program::start(&database, &[]);
    let terminal = Terminal::new().with("DATABASE_URL", database.url());
    let refused = terminal.say("serve --listen 127.0.0.1:0").refused(1);
    assert!(refused.contains("already serves"), "{refused}");
    terminal.say("jobs enqueue simple_task").done();
    terminal.say("check").done();
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line() {
    let database = TestDatabase::sqlite();
    let terminal = Terminal::at(&database).with("RUST_LOG", "warn");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its number").to_string();
    let refused = terminal
        .say(&format!("serve --listen {address}"))
        .refused(1);
    assert!(refused.contains(&address), "{refused}");
    assert!(refused.contains("--listen"), "{refused}");
}
