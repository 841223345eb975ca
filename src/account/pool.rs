//! A few threads of our own that work through a bounded queue, the urgent work first.
//!
//! tokio's blocking threads are many and change with every call; here each thread keeps something
//! between one piece of work and the next.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

/// Threads that each keep an `S`. They end when the last clone of this handle is dropped.
pub(super) struct Pool<S: 'static>(Arc<Handle<S>>);

/// When a piece of work has its turn.
#[derive(Clone, Copy)]
pub(super) enum Urgency {
    /// Before all that is ordinary.
    Urgent,
    Ordinary,
}

/// Why a piece of work has no result.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum PoolError {
    /// As much waits already as may; it was not begun.
    Full,
    /// It panicked. The thread lives on, with a fresh `S`.
    Panicked,
}

type Work<S> = Box<dyn FnOnce(&mut S) + Send>;

impl<S> Pool<S> {
    /// Starts the threads, one at least. Of each urgency, `capacity` pieces of work may wait.
    ///
    /// # Panics
    /// When the system refuses another thread; at start-up, where nothing could run without it.
    pub fn start(name: &str, threads: usize, capacity: usize, fresh: fn() -> S) -> Self {
        Self::start_watched(name, threads, capacity, fresh).0
    }

    fn start_watched(
        name: &str,
        threads: usize,
        capacity: usize,
        fresh: fn() -> S,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            capacity,
        });
        let threads = (0..threads.max(1))
            .map(|number| {
                let queue = Arc::clone(&queue);
                thread::Builder::new()
                    .name(format!("{name}-{number}"))
                    .spawn(move || queue.serve(fresh))
                    .expect("a thread can be started at start-up")
            })
            .collect();
        (Self(Arc::new(Handle(queue))), threads)
    }

    /// Has a thread do the work and waits for its result. Dropping the future before its turn has
    /// come withdraws the work.
    pub async fn run<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (reply, result) = oneshot::channel();
        let work = move |kept: &mut S| {
            if !reply.is_closed() {
                // Nobody to reply to is no error: the asker left while we worked.
                let _ = reply.send(work(kept));
            }
        };
        self.0.0.push(urgency, Box::new(work))?;
        result.await.map_err(|_| PoolError::Panicked)
    }
}

impl<S> Clone for Pool<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What the clones of a pool share; the threads share only the queue, so that this one's end is
/// theirs.
struct Handle<S: 'static>(Arc<Queue<S>>);

impl<S> Drop for Handle<S> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

struct Queue<S> {
    waiting: Mutex<Waiting<S>>,
    changed: Condvar,
    capacity: usize,
}

struct Waiting<S> {
    urgent: VecDeque<Work<S>>,
    ordinary: VecDeque<Work<S>>,
    closed: bool,
}

impl<S> Default for Waiting<S> {
    fn default() -> Self {
        Self {
            urgent: VecDeque::new(),
            ordinary: VecDeque::new(),
            closed: false,
        }
    }
}

impl<S> Queue<S> {
    fn push(&self, urgency: Urgency, work: Work<S>) -> Result<(), PoolError> {
        let mut waiting = self.lock();
        let line = match urgency {
            Urgency::Urgent => &mut waiting.urgent,
            Urgency::Ordinary => &mut waiting.ordinary,
        };
        if line.len() >= self.capacity {
            return Err(PoolError::Full);
        }
        line.push_back(work);
        self.changed.notify_one();
        Ok(())
    }

    fn serve(&self, fresh: fn() -> S) {
        let mut kept = fresh();
        while let Some(work) = self.next() {
            // The panic hook has logged it; the asker learns it from the reply that never comes.
            if catch_unwind(AssertUnwindSafe(|| work(&mut kept))).is_err() {
                kept = fresh();
            }
        }
    }

    /// Waits for work; `None` once nobody is left to ask for any.
    fn next(&self) -> Option<Work<S>> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            let work = waiting.urgent.pop_front();
            if let Some(work) = work.or_else(|| waiting.ordinary.pop_front()) {
                return Some(work);
            }
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<S>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::Pin, sync::mpsc};

    use futures_util::FutureExt;

    use super::*;

    type Count = u32;

    fn pool(capacity: usize) -> Pool<Count> {
        Pool::start("test", 1, capacity, || 0)
    }

    /// Puts the work into the queue at once, where awaiting would do so later.
    fn begin<'a, T: Send + 'static>(
        pool: &'a Pool<Count>,
        urgency: Urgency,
        work: impl FnOnce(&mut Count) -> T + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = Result<T, PoolError>> + 'a>> {
        let mut future = Box::pin(pool.run(urgency, work));
        assert!(future.as_mut().now_or_never().is_none());
        future
    }

    /// Keeps the only thread busy until the sender that it returns is used or dropped.
    fn occupy(pool: &Pool<Count>) -> mpsc::Sender<()> {
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        // Not withdrawn although its future is dropped: its turn has come by then.
        let busy = begin(pool, Urgency::Urgent, move |_| {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        has_started.recv().unwrap();
        drop(busy);
        release
    }

    #[tokio::test]
    async fn a_thread_keeps_its_own_from_one_work_to_the_next() {
        let pool = pool(4);
        for expected in 1..=3 {
            let count = pool.run(Urgency::Ordinary, |kept| {
                *kept += 1;
                *kept
            });
            assert_eq!(count.await, Ok(expected));
        }
    }

    #[tokio::test]
    async fn urgent_work_goes_first() {
        let pool = pool(4);
        let release = occupy(&pool);
        let count = |kept: &mut Count| {
            *kept += 1;
            *kept
        };
        let ordinary = begin(&pool, Urgency::Ordinary, count);
        let urgent = begin(&pool, Urgency::Urgent, count);
        release.send(()).unwrap();
        assert_eq!((urgent.await, ordinary.await), (Ok(1), Ok(2)));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_more_of_its_kind_only() {
        let pool = pool(1);
        let release = occupy(&pool);
        let first = begin(&pool, Urgency::Ordinary, |_| "first");
        assert_eq!(
            pool.run(Urgency::Ordinary, |_| "second").await,
            Err(PoolError::Full)
        );
        let urgent = begin(&pool, Urgency::Urgent, |_| "urgent");
        release.send(()).unwrap();
        assert_eq!(urgent.await, Ok("urgent"));
        assert_eq!(first.await, Ok("first"));
    }

    #[tokio::test]
    async fn work_that_nobody_awaits_any_more_is_skipped() {
        let pool = pool(4);
        let release = occupy(&pool);
        drop(begin(&pool, Urgency::Ordinary, |kept| *kept = 100));
        let after = begin(&pool, Urgency::Ordinary, |kept| *kept);
        release.send(()).unwrap();
        assert_eq!(after.await, Ok(0));
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_what_the_thread_kept() {
        let pool = pool(4);
        let fall = pool.run(Urgency::Ordinary, |kept| {
            *kept = 7;
            panic!("a bug (this panic belongs to the test)");
        });
        assert_eq!(fall.await, Err::<(), _>(PoolError::Panicked));
        assert_eq!(pool.run(Urgency::Ordinary, |kept| *kept).await, Ok(0));
    }

    #[test]
    fn the_threads_end_with_the_last_handle() {
        let (pool, threads) = Pool::start_watched("test", 3, 1, || 0);
        let clone: Pool<Count> = pool.clone();
        drop(pool);
        assert!(!threads.iter().any(JoinHandle::is_finished));
        drop(clone);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
