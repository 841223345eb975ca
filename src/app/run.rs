//! The program's life: it starts, serves, and hears the signals that end it.

use std::net::SocketAddr;

use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::{AppError, Builder};
use crate::actors;

/// Serves until SIGTERM or SIGINT; a second signal exits at once.
///
/// `announce` is called with the base URL and the address once requests are answered.
pub fn run(
    app: Builder,
    announce: impl FnOnce(&Url, SocketAddr) + 'static,
) -> Result<(), AppError> {
    actors::block_on(async move {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut app = tokio::select! {
            started = app.start() => started?,
            // It may still wait for its database. A migration is one transaction: none is left half done.
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        announce(&app.base_url, app.address);
        let lost = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            lost = app.lost() => Some(lost),
        };
        tracing::info!("stopping; a second signal exits at once");
        let impatient = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        tokio::select! {
            () = app.stop() => {}
            () = impatient => tracing::warn!("stopped at once; running jobs are due again at the next start"),
        }
        lost.map_or(Ok(()), Err)
    })
}
