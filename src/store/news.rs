//! News between the instances on one PostgreSQL server: that the table has changed.
//!
//! It is a hint and no more: a lost one costs a poll. Where a pooler stands in between that lends a
//! connection for one transaction only, nobody hears any, and the poll does it all.

use std::{convert::Infallible, pin::pin, time::Duration};

use diesel::{
    define_sql_function, select,
    sql_types::{SqlType, Text},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};

use super::{
    Store, StoreError,
    connection::{Db, Pg, limited},
    patience::in_time,
    postgres,
    tls::Route,
};

const CHANNEL: &str = "cadastro";

/// A connection that dies without a word goes unnoticed for so long: the stream of news never ends.
const SILENCE: Duration = Duration::from_secs(5);

/// How soon a lost connection is replaced.
const AGAIN: Duration = Duration::from_secs(1);

define_sql_function! {
    fn pg_notify(channel: Text, payload: Text) -> Nothing;
}

/// What a function answers that is called for what it does.
#[derive(SqlType)]
#[diesel(postgres_type(name = "void", schema = "pg_catalog"))]
pub struct Nothing;

impl Store {
    /// Tells everybody who listens that the table has changed; `by` is who tells it.
    ///
    /// On SQLite there is nobody to tell.
    pub async fn announce(&self, by: &str) -> Result<(), StoreError> {
        let Db::Postgres(pool) = &self.db else {
            return Ok(());
        };
        let told = limited!(self, pool, Pg, |c| {
            select(pg_notify(CHANNEL, by)).execute(c).await
        });
        told.map(drop)
    }

    /// Calls `heard` with whoever told that the table has changed, and with nobody's name whenever news
    /// may have been missed. Never returns.
    pub async fn listen(&self, heard: impl Fn(&str)) -> Infallible {
        let Some(route) = &self.route else {
            return std::future::pending().await;
        };
        loop {
            let Err(error) = hear(route, &heard).await;
            tracing::debug!(%error, "no news from other instances; the connection is made anew");
            sleep(AGAIN).await;
        }
    }
}

async fn hear(route: &Route, heard: &impl Fn(&str)) -> Result<Infallible, StoreError> {
    let opened = in_time(postgres::open(route)).await?;
    let mut connection = opened.map_err(|error| StoreError::Away(error.to_string()))?;
    ask(&mut connection, &format!("LISTEN {CHANNEL}")).await?;
    heard("");
    loop {
        let next = timeout(SILENCE, pin!(connection.notifications_stream()).next()).await;
        match next {
            Ok(Some(news)) => heard(&news?.payload),
            Ok(None) => return Err(StoreError::Away("the news have ended".to_owned())),
            Err(_) => ask(&mut connection, "SELECT 1").await?,
        }
    }
}

async fn ask(connection: &mut Pg, question: &str) -> Result<(), StoreError> {
    Ok(in_time(connection.batch_execute(question)).await??)
}
