//! One of two instances is cut off from the database for longer than its lease.

use cadastro::queue::State;

use super::{Busy, LEASE};
use crate::support::{
    app::TestApp,
    database::PostgresServer,
    visitor::Visitor,
    wire::{Mode, Wire},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_cut_off_loses_its_jobs_and_has_no_say_in_them_afterwards() {
    let server = PostgresServer::new();
    let wire = Wire::to(&server).await;
    let cut_off = Busy::with(TestApp::builder(&wire.database()).real_clock()).await;
    let other = TestApp::builder(&wire.database_behind()).real_clock();
    let other = other.set("CADASTRO_LEASE", LEASE);
    let other = other
        .jobs(|jobs| jobs.task::<super::Errand>())
        .start()
        .await;
    wire.set(Mode::Hold).await;
    let errand = cut_off.errand;
    let done = other.until(
        |store| async move {
            let found = store.job(errand).await.expect("the database answers");
            found.into_iter().collect()
        },
        |jobs| jobs.iter().any(|job| job.state == State::Completed),
    );
    let done = done.await.remove(0);
    assert_eq!(done.attempt, 2);

    wire.set(Mode::Pass).await;
    let visitor = Visitor::new(&cut_off.app);
    let refused = "\ncadastro_stale_finishes_total 1\n";
    let counted = tokio::time::timeout(super::PATIENCE, async {
        while !visitor.get("/metrics").await.body.contains(refused) {}
    });
    counted.await.expect("its own end is refused and counted");
    let found = other.store.job(errand).await.expect("an answer");
    let found = found.expect("a job never vanishes");
    assert_eq!((found.state, found.attempt), (State::Completed, 2));
    let attempts = other.store.attempts(errand).await.expect("an answer");
    let outcomes = attempts.iter().map(|attempt| attempt.outcome.as_str());
    assert_eq!(outcomes.collect::<Vec<_>>(), ["rescued"]);
}
