//! The database, opened for a command that relies on what `serve` or `migrate` has made.

use crate::{
    app::Builder,
    config::{Config, DatabaseUrl},
    store::Store,
};

use super::Failure;

/// Opens a database that is there and up to date.
pub(super) async fn store(app: &Builder) -> Result<Store, Failure> {
    if let Some(missing) = missing(app.config()) {
        return Err(Failure::Refused(missing));
    }
    let store = app.store()?;
    match store.pending_migrations().await?.len() {
        0 => Ok(store),
        _ => Err(Failure::Refused(
            "the database is not up to date: run `cadastro migrate`".to_owned(),
        )),
    }
}

/// What to say of a SQLite file that does not exist: to open it would make it, and hide a slip of
/// the pen in its name.
pub(super) fn missing(config: &Config) -> Option<String> {
    let DatabaseUrl::Sqlite(path) = &config.database_url else {
        return None;
    };
    // Of a file that cannot even be looked for SQLite has more to say.
    let missing = matches!(path.try_exists(), Ok(false));
    missing.then(|| {
        format!(
            "there is no {}: `cadastro migrate` makes it, --database-url names another",
            path.display()
        )
    })
}
