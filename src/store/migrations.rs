//! The migrations: ours, and after them those of a program that embeds cadastro.

use std::{collections::BTreeSet, sync::Arc};

use diesel::{
    backend::Backend,
    migration::{Migration, MigrationSource, Result},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The tables of another program, beside ours in the same database. Clones are cheap.
#[derive(Clone)]
pub struct Migrations {
    sqlite: Tree,
    postgres: Tree,
}

impl Migrations {
    /// Those of each database: two constants, made by diesel's `embed_migrations!`.
    pub fn new(sqlite: EmbeddedMigrations, postgres: EmbeddedMigrations) -> Self {
        Migrations {
            sqlite: Tree(Arc::new(sqlite)),
            postgres: Tree(Arc::new(postgres)),
        }
    }
}

/// Two migrations would pass for one.
#[derive(Debug, thiserror::Error)]
#[error("the migration {0} has a version that is taken: rename it to a later date")]
pub struct MigrationClash(String);

/// What is applied to a database, in this order.
#[derive(Clone)]
pub(super) struct Trees {
    pub(super) sqlite: Vec<Tree>,
    pub(super) postgres: Vec<Tree>,
}

/// The migrations of one program. Clones are cheap.
#[derive(Clone)]
pub(super) struct Tree(Arc<EmbeddedMigrations>);

impl<DB: Backend> MigrationSource<DB> for Tree {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<DB>>>> {
        self.0.migrations()
    }
}

impl Trees {
    pub(super) fn ours() -> Self {
        let ours = Migrations::new(SQLITE, POSTGRES);
        Trees {
            sqlite: vec![ours.sqlite],
            postgres: vec![ours.postgres],
        }
    }

    /// The same, and these last.
    pub(super) fn and(mut self, more: Migrations) -> std::result::Result<Self, MigrationClash> {
        self.sqlite.push(more.sqlite);
        self.postgres.push(more.postgres);
        for trees in [&self.sqlite, &self.postgres] {
            let mut versions = BTreeSet::new();
            for tree in trees {
                // A name tells the version whichever the database.
                let migrations: Vec<Box<dyn Migration<Sqlite>>> =
                    tree.migrations().unwrap_or_default();
                for migration in migrations {
                    let name = migration.name();
                    if !versions.insert(name.version().to_string()) {
                        return Err(MigrationClash(name.to_string()));
                    }
                }
            }
        }
        Ok(self)
    }
}
