//! Begins jobs' own code on the threads of their queue, many at once.

use std::{
    mem::take,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{runtime::Handle, sync::oneshot, task::JoinError};
use tokio_util::task::AbortOnDropHandle;

use crate::telemetry::panic_message;

/// The way to the threads of a queue; clones share it.
///
/// Whatever is spawned from elsewhere wakes a thread, which takes longer than many a job. So what actors begin in one go,
/// as they do when the Scheduler hands out what it claimed, goes over together once all of them have had their turns.
#[derive(Clone)]
pub(super) struct Spawner {
    threads: Handle,
    /// What is to be begun there.
    waiting: Arc<Mutex<Vec<Begin>>>,
}

type Begin = Box<dyn FnOnce() + Send>;

impl Spawner {
    pub(super) fn new(threads: Handle) -> Self {
        Spawner {
            threads,
            waiting: Arc::default(),
        }
    }

    /// Does `work` on the threads. Dropping this future ends it at its next `.await`.
    ///
    /// # Errors
    ///
    /// What the work said when it panicked, or that its threads have ended.
    ///
    /// # Panics
    ///
    /// Where it is polled anywhere but on the actors' thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, String> {
        let (tell, begun) = oneshot::channel::<AbortOnDropHandle<T>>();
        self.begin_soon(Box::new(move || {
            if !tell.is_closed() {
                // Where nobody waits any more, it is ended.
                drop(tell.send(AbortOnDropHandle::new(tokio::spawn(work))));
            }
        }));
        match begun.await {
            Ok(work) => work.await.map_err(last_words),
            Err(_) => Err("its threads have ended".to_owned()),
        }
    }

    fn begin_soon(&self, begin: Begin) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            let spawner = self.clone();
            // Behind all that have been given their work already.
            actix::spawn(async move { spawner.send_over() });
        }
        waiting.push(begin);
    }

    fn send_over(&self) {
        let mut waiting = take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        // What a thread spawns last it does first, and the others in their order.
        let first = waiting.len().min(1);
        waiting.rotate_left(first);
        self.threads.spawn(async {
            for begin in waiting {
                // What nobody waits for any more may panic when it is dropped: that is no business of the others.
                drop(catch_unwind(AssertUnwindSafe(begin)));
            }
        });
    }
}

fn last_words(broken: JoinError) -> String {
    match broken.try_into_panic() {
        Ok(payload) => panic_message(payload.as_ref()).to_owned(),
        Err(broken) => broken.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::{FutureExt, future::join_all};
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn threads() -> Runtime {
        let threads = Builder::new_multi_thread().worker_threads(1).build();
        threads.expect("the system grants a thread")
    }

    #[actix::test]
    async fn what_is_begun_in_one_go_goes_over_together_and_each_gets_its_own_answer() {
        let runtime = threads();
        let spawner = Spawner::new(runtime.handle().clone());
        let works = (0..100).map(|number| spawner.run(async move { number }));
        let mut works = join_all(works).boxed_local();
        assert!(works.as_mut().now_or_never().is_none());
        assert_eq!(spawner.waiting.lock().expect("nobody panics").len(), 100);
        let answers: Vec<_> = works.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, (0..100).collect::<Vec<_>>());
        runtime.shutdown_background();
    }

    #[actix::test]
    async fn where_there_is_but_one_thread_the_first_goes_first_and_the_last_goes_last() {
        let runtime = threads();
        let spawner = Spawner::new(runtime.handle().clone());
        let order = Arc::new(Mutex::new(Vec::new()));
        let works = (0..10).map(|number| {
            let order = order.clone();
            spawner.run(async move { order.lock().expect("nobody panics").push(number) })
        });
        join_all(works).await;
        let order = order.lock().expect("nobody panics");
        assert_eq!(*order, (0..10).collect::<Vec<_>>());
        runtime.shutdown_background();
    }

    #[actix::test]
    async fn what_panics_before_it_begins_takes_nobody_along() {
        /// Must not be dropped.
        struct Fragile;
        impl Drop for Fragile {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let runtime = threads();
        let spawner = Spawner::new(runtime.handle().clone());
        let fragile = Fragile;
        let forgotten = spawner.run(async move { std::mem::forget(fragile) });
        assert!(forgotten.now_or_never().is_none());
        assert_eq!(spawner.run(async { 7 }).await, Ok(7));
        runtime.shutdown_background();
    }

    #[actix::test]
    async fn what_nobody_waits_for_any_more_is_not_begun_or_ended() {
        let runtime = threads();
        let spawner = Spawner::new(runtime.handle().clone());
        let begun = Arc::new(AtomicUsize::new(0));
        let count = begun.clone();
        let forgotten = spawner.run(async move { count.fetch_add(1, Ordering::Relaxed) });
        assert!(forgotten.now_or_never().is_none());
        let (begins, has_begun) = oneshot::channel();
        let (job, ended) = oneshot::channel::<()>();
        let endless = spawner.run(async move {
            let _job = job;
            begins.send(()).expect("somebody listens");
            pending::<()>().await
        });
        let mut endless = endless.boxed_local();
        assert!(endless.as_mut().now_or_never().is_none());
        has_begun.await.expect("it began");
        assert!(endless.as_mut().now_or_never().is_none());
        drop(endless);
        ended.await.expect_err("its code is gone");
        assert_eq!(begun.load(Ordering::Relaxed), 0);
        runtime.shutdown_background();
    }

    #[actix::test]
    async fn what_panics_tells_its_last_words_and_so_does_what_has_no_threads() {
        let runtime = threads();
        let spawner = Spawner::new(runtime.handle().clone());
        let panicked = spawner.run(async { panic!("at the {}nd step", 2) });
        let panicked: Result<(), _> = panicked.await;
        assert_eq!(panicked, Err("at the 2nd step".to_owned()));
        runtime.shutdown_background();
        let late = spawner.run(async {}).await;
        assert_eq!(late, Err("its threads have ended".to_owned()));
    }
}
