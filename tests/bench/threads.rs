//! On how many threads something is measured.

use tokio::runtime::Builder;

/// On one alone: visitors, who should take little from what they measure.
pub fn on_one<T>(work: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

/// On one for each core, as the program itself runs.
pub fn on_all<T>(work: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}
