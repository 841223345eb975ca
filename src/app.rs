//! Builds the rooms, and closes them in reverse order.

mod builder;
mod run;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, watch};
use url::Url;

use crate::{
    account::Hasher,
    actors::{self, Actors, Foundations, Registrar, Scheduler, Tree, Workshops},
    clock::Clock,
    config::Config,
    jobs::CatalogueError,
    mail::{BadSetting, Mailer, SmtpSettings},
    metrics::Metrics,
    store::{MigrationClash, Sole, Store, StoreError},
    text::TextError,
    web,
};

pub use builder::Builder;
pub use run::run;

/// Why the program could not start, or could not go on. One line, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("cannot listen on {address}: {source}; choose another with --listen")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("{0}; check --database-url")]
    Database(#[from] StoreError),
    #[error("{0}")]
    Mail(#[from] BadSetting),
    #[error("the templates are broken: {0}")]
    Text(#[from] TextError),
    #[error("{0}")]
    Migrations(#[from] MigrationClash),
    #[error("the catalogue of jobs contradicts itself: {0}")]
    Catalogue(#[from] CatalogueError),
    #[error(
        "the job `{0}` has secret arguments: give --secret-key, such as `openssl rand -base64 32` prints"
    )]
    NoKey(&'static str),
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
    /// Without the Registrar or the Scheduler nothing works; a fresh process may.
    #[error("the {0} fell too often; see the log, and start the program again")]
    Lost(&'static str),
}

/// cadastro, serving.
pub struct App {
    pub address: SocketAddr,
    pub base_url: Url,
    pub store: Store,
    pub clock: Clock,
    pub metrics: Metrics,
    pub registrar: Registrar,
    pub scheduler: Scheduler,
    pub tree: Tree,
    grace: Duration,
    web: web::ServerHandle,
    stopping: watch::Sender<bool>,
    lost: mpsc::UnboundedReceiver<&'static str>,
    /// The Scheduler fell too often: it does not listen for a while.
    scheduler_lost: bool,
    _workshops: Workshops,
    _sole: Option<Sole>,
}

impl App {
    /// Begins with cadastro's own jobs and the machine's clock.
    pub fn builder(config: Config) -> Builder {
        Builder::new(config)
    }
}

impl Builder {
    /// Starts everything on the actix system on which this is called.
    pub async fn start(self) -> Result<App, AppError> {
        let catalogue = self.catalogue()?;
        let text = self.text()?;
        let sole = self.claim()?;
        let (store, metrics) = self.open()?;
        let Builder { config, clock, .. } = self;
        let mailer = mailer(&config)?;
        for migration in store.migrate_once_there().await? {
            tracing::info!(migration, "the database was migrated");
        }
        if let Some(theirs) = store.time().await? {
            clock.set(theirs);
        }

        let (entries, kinds) = (catalogue.entries(), catalogue.kinds().map(|kind| kind.name));
        let kinds: Vec<&str> = kinds.collect();
        store.declare(&entries, &kinds, clock.now()).await?;

        let listener = TcpListener::bind(config.listen).map_err(|source| AppError::Listen {
            address: config.listen,
            source,
        })?;
        let address = listener.local_addr()?;
        let base_url = config.base_url(address);
        if config.mistakes_proxy_for_visitors() {
            tracing::warn!(
                "the base URL is https and no proxy is trusted: all visitors share one limit; name the proxy with \
                 --trusted-proxies"
            );
        }
        let config = Arc::new(config);
        let (tell_lost, lost) = mpsc::unbounded_channel();
        let Actors {
            registrar,
            scheduler,
            tree,
            workshops,
        } = actors::start(
            Foundations {
                store: store.clone(),
                clock: clock.clone(),
                config: config.clone(),
                metrics: metrics.clone(),
                text: text.clone(),
                mailer,
                hasher: Hasher::start(config.password_hash, cores()),
                catalogue: catalogue.clone(),
                base_url: base_url.as_str().trim_end_matches('/').into(),
            },
            move |actor| {
                // Whoever would hear it has gone: then the program stops already.
                let _ = tell_lost.send(actor);
            },
        )?;

        let (stopping, stops) = watch::channel(false);
        let state = web::State {
            store: store.clone(),
            text,
            config: config.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            registrar: registrar.clone(),
            scheduler: scheduler.clone(),
            tree: tree.clone(),
            catalogue,
            base_url: base_url.clone(),
            stopping: stops,
        };
        let server = web::serve(state, listener)?;
        let web = server.handle();
        actors::spawn(server);
        tracing::info!(%address, database = store.database(), "cadastro serves");
        Ok(App {
            address,
            base_url,
            store,
            clock,
            metrics,
            registrar,
            scheduler,
            tree,
            grace: config.shutdown_grace,
            web,
            stopping,
            lost,
            scheduler_lost: false,
            _workshops: workshops,
            _sole: sole,
        })
    }
}

impl App {
    /// Accepts no more, answers what is under way, lets running attempts end within the grace period,
    /// and hands the rest back uncharged.
    pub async fn stop(self) {
        // Pages that watch jobs would stay open for ever: they are told first.
        self.stopping.send_replace(true);
        if self.scheduler_lost {
            // Whoever waited for it to drain would wait in vain.
            self.web.stop(true).await;
            tracing::warn!("running jobs are due again at the next start");
            return;
        }
        let drained = self.scheduler.drain(self.grace);
        let (drained, ()) = tokio::join!(drained, self.web.stop(true));
        if !drained {
            tracing::warn!(
                "the database had no answer at the stop; running jobs are due again at the next start"
            );
        } else if let Err(error) = self.scheduler.leave().await {
            tracing::warn!(%error, "this instance could not be struck out; its lease runs out by itself");
        }
    }

    /// Returns once nothing works any more without a fresh process.
    pub async fn lost(&mut self) -> AppError {
        match self.lost.recv().await {
            Some(actor) => {
                self.scheduler_lost = actor == "scheduler";
                AppError::Lost(actor)
            }
            // The actors' own ends are gone: nobody is left to fall.
            None => std::future::pending().await,
        }
    }
}

/// The configured way out for letters.
pub fn mailer(config: &Config) -> Result<Mailer, BadSetting> {
    let server = config.smtp_url.as_ref();
    let server = server
        .map(|url| SmtpSettings::parse(url.as_str()))
        .transpose()?;
    Ok(Mailer::new(server, config.mail_from.parse()?))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}
