//! What cadastro is made of, before it starts: the settings, and what a program that embeds it adds.

use std::net::Ipv4Addr;

use super::AppError;
use crate::{
    clock::Clock,
    config::{Config, DatabaseUrl, SecretKey},
    jobs::{self, Catalogue, CatalogueBuilder},
    metrics::Metrics,
    queue::Keys,
    store::{Migrations, PoolSize, Sole, Store, StoreError},
    text::{RustEmbed, Templates, Text},
};

/// cadastro, before it starts. A program that embeds it adds jobs, words and tables of its own.
pub struct Builder {
    pub(super) config: Config,
    pub(super) clock: Clock,
    catalogue: CatalogueBuilder,
    templates: Vec<Templates>,
    migrations: Vec<Migrations>,
    /// Nothing outlives the process, whatever the settings say of a database.
    in_memory: bool,
}

impl Builder {
    pub(super) fn new(config: Config) -> Self {
        Builder {
            config,
            clock: Clock::system(),
            catalogue: jobs::catalogue(),
            templates: Vec::new(),
            migrations: Vec::new(),
            in_memory: false,
        }
    }

    /// Lives by this clock.
    pub fn clock(self, clock: Clock) -> Self {
        Builder { clock, ..self }
    }

    /// Knows these kinds of job as well.
    pub fn jobs(self, add: impl FnOnce(CatalogueBuilder) -> CatalogueBuilder) -> Self {
        Builder {
            catalogue: add(self.catalogue),
            ..self
        }
    }

    /// Has these templates and sentences as well: a folder like `templates/`, with a `text/en.toml` and a
    /// `text/pt-BR.toml` that say the same. Nothing in it may have the name of something of ours.
    pub fn templates<E: RustEmbed>(mut self) -> Self {
        self.templates.push(Templates::of::<E>());
        self
    }

    /// Keeps these tables beside ours, brought to the database by `serve` and `migrate` after ours.
    pub fn migrations(mut self, more: Migrations) -> Self {
        self.migrations.push(more);
        self
    }

    /// Keeps everything in memory, whatever the settings say of a database: for tests.
    pub fn in_memory(self) -> Self {
        Builder {
            in_memory: true,
            ..self
        }
    }

    /// Serves on any port, for this machine alone, and hands letters to no mail server: for a program that nobody
    /// visits, and that writes to nobody.
    pub(crate) fn unvisited(mut self) -> Self {
        self.config.listen = (Ipv4Addr::LOCALHOST, 0).into();
        self.config.smtp_url = None;
        self
    }

    /// Takes the sole right to serve the configured file, if it is one.
    pub(super) fn claim(&self) -> Result<Option<Sole>, StoreError> {
        match &self.config.database_url {
            DatabaseUrl::Sqlite(path) if !self.in_memory => Sole::claim(path).map(Some),
            _ => Ok(None),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Every kind of job.
    ///
    /// # Errors
    ///
    /// When two of them contradict each other, or there is no key to seal the secrets of one.
    pub fn catalogue(&self) -> Result<Catalogue, AppError> {
        let catalogue = self.catalogue.clone().build()?;
        let secret = catalogue.kinds().find(|kind| !kind.secrets.is_empty());
        match secret {
            Some(kind) if self.config.secret_keys.is_empty() => Err(AppError::NoKey(kind.name)),
            _ => Ok(catalogue),
        }
    }

    /// Every template and sentence.
    pub fn text(&self) -> Result<Text, AppError> {
        Ok(Text::with(&self.templates)?)
    }

    /// Opens the configured database, as `serve` and all commands know it.
    pub fn store(&self) -> Result<Store, AppError> {
        Ok(self.open()?.0)
    }

    pub(super) fn open(&self) -> Result<(Store, Metrics), AppError> {
        let (mut store, metrics) = match &self.config.database_url {
            _ if self.in_memory => {
                let metrics = metrics("sqlite");
                (Store::sqlite_in_memory(metrics.clone())?, metrics)
            }
            DatabaseUrl::Sqlite(path) => {
                let metrics = metrics("sqlite");
                (Store::sqlite(path, metrics.clone())?, metrics)
            }
            DatabaseUrl::Postgres(url) => {
                let metrics = metrics("postgres");
                let size = PoolSize::default();
                (Store::postgres(url, size, metrics.clone())?, metrics)
            }
        };
        let keys = self.config.secret_keys.iter().map(SecretKey::expose);
        store = store.with_keys(Keys::new(keys));
        for more in &self.migrations {
            store = store.with_migrations(more.clone())?;
        }
        Ok((store, metrics))
    }
}

fn metrics(database: &str) -> Metrics {
    let metrics = Metrics::new(database);
    metrics.know_db_errors(&StoreError::CLASSES);
    metrics
}
