//! The threads on which the program runs.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use actix::System;
use tokio::runtime::{Builder, Handle, Runtime};

/// Runs `main`, and with it all actors, on this thread until it ends.
///
/// The connections' drivers run on further threads, as many as there are cores; the jobs' own code on
/// `Threads` of its own.
pub fn block_on<F: Future>(main: F) -> F::Output {
    System::with_tokio_rt(runtime).block_on(main)
}

/// Runs `future` beside the actors; what becomes of it, nobody is told.
pub(crate) fn spawn<F: Future + 'static>(future: F) {
    actix::spawn(async {
        future.await;
    });
}

/// # Panics
///
/// When the system refuses threads, before anything has begun.
fn runtime() -> Runtime {
    as_many_as_cores("cadastro").expect("the system grants threads")
}

/// The threads of every queue. Whoever drops this ends what still runs on them.
#[derive(Default)]
pub struct Workshops(Rooms);

/// The threads of every queue, for whoever needs some.
#[derive(Clone, Default)]
pub(super) struct Rooms(Arc<Mutex<BTreeMap<Arc<str>, Threads>>>);

impl Workshops {
    pub(super) fn rooms(&self) -> Rooms {
        self.0.clone()
    }
}

impl Drop for Workshops {
    fn drop(&mut self) {
        self.0.lock().clear();
    }
}

impl Rooms {
    /// The threads of this queue, started where there are none yet.
    pub(super) fn of(&self, queue: &Arc<str>) -> io::Result<Handle> {
        let mut rooms = self.lock();
        if let Some(threads) = rooms.get(queue) {
            return Ok(threads.handle());
        }
        let threads = Threads::start(queue)?;
        let handle = threads.handle();
        rooms.insert(queue.clone(), threads);
        Ok(handle)
    }

    /// Ends those of a queue that is no more.
    pub(super) fn close(&self, queue: &str) {
        self.lock().remove(queue);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, Threads>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads for the code of one queue's jobs, as many as there are cores.
///
/// A job that blocks its thread instead of awaiting delays other jobs of its queue: never the pages, the
/// other queues, or the sign of life that keeps this instance's jobs its own.
struct Threads {
    handle: Handle,
    /// There until the end.
    runtime: Option<Runtime>,
}

impl Threads {
    fn start(queue: &str) -> io::Result<Self> {
        let runtime = as_many_as_cores(queue)?;
        Ok(Threads {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A job that blocks would block the stop as well.
            runtime.shutdown_background();
        }
    }
}

fn as_many_as_cores(name: &str) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_name(name)
        .worker_threads(std::thread::available_parallelism().map_or(1, |cores| cores.get()))
        .build()
}
