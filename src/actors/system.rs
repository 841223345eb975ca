//! The threads on which the program runs.

use actix::System;
use tokio::runtime::{Builder, Runtime};

/// Runs `main`, and with it all actors, on this thread until it ends.
///
/// The jobs' own code, and the connections' drivers, run on further threads: as many as there are
/// cores.
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
    Builder::new_multi_thread()
        .enable_all()
        .worker_threads(std::thread::available_parallelism().map_or(1, |cores| cores.get()))
        .build()
        .expect("the system grants threads")
}
