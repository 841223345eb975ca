//! A way round the store, to see what it wrote and to put rows where no question puts them.

use std::time::Duration;

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection,
    sql_query, sql_types::Text,
};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// How long a test waits for what only asking can show.
const PATIENCE: Duration = Duration::from_secs(60);

pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(Client),
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

impl Raw {
    pub async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut connection = SqliteConnection::establish(path).expect("it opens");
                // A connection of the store's that is being closed locks the file for a moment.
                let patience = connection.batch_execute("PRAGMA busy_timeout = 5000");
                patience.expect("it takes settings");
                Raw::Sqlite(connection)
            }
            None => {
                let (client, connection) = tokio_postgres::connect(url, NoTls)
                    .await
                    .expect("it answers");
                tokio::spawn(connection);
                Raw::Postgres(client)
            }
        }
    }

    /// Runs statements that have no answer.
    pub async fn run(&mut self, sql: &str) {
        match self {
            Raw::Sqlite(connection) => connection.batch_execute(sql).expect(sql),
            Raw::Postgres(client) => client.batch_execute(sql).await.expect(sql),
        }
    }

    /// The answers to a question for one text column, called `line`.
    pub async fn lines(&mut self, sql: &str) -> Vec<String> {
        match self {
            Raw::Sqlite(connection) => {
                let lines: Vec<Line> = sql_query(sql).load(connection).expect(sql);
                lines.into_iter().map(|line| line.line).collect()
            }
            Raw::Postgres(client) => first_column(client, sql).await,
        }
    }

    /// Asks until the answers are as the test wants them.
    pub async fn until(&mut self, sql: &str, mut enough: impl FnMut(Vec<String>) -> bool) {
        let asked = timeout(PATIENCE, async { while !enough(self.lines(sql).await) {} });
        asked.await.expect(sql);
    }

    /// How the database would go about a statement with parameters, of which it knows nothing but
    /// their `types`, `(bigint, text)`, where it cannot find them out by itself.
    ///
    /// PostgreSQL may read tables from end to end here, as on no connection of the store's: an index that it prefers to
    /// that, it prefers there too.
    pub async fn plan(&mut self, sql: &str, types: &str) -> String {
        match self {
            Raw::Sqlite(connection) => {
                let steps: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {sql}"))
                    .load(connection)
                    .expect(sql);
                let steps: Vec<_> = steps.into_iter().map(|step| step.detail).collect();
                steps.join("\n")
            }
            Raw::Postgres(client) => {
                client
                    .batch_execute(&format!(
                        "SET plan_cache_mode = force_generic_plan; PREPARE question {types} AS {sql}"
                    ))
                    .await
                    .expect(sql);
                let parameters = (1..).take_while(|n| sql.contains(&format!("${n}")));
                let nulls = vec!["NULL"; parameters.count()];
                let explain = match nulls.as_slice() {
                    [] => "EXPLAIN EXECUTE question".to_owned(),
                    nulls => format!("EXPLAIN EXECUTE question({})", nulls.join(", ")),
                };
                let plan = first_column(client, &explain).await.join("\n");
                let forget = client.batch_execute("DEALLOCATE question").await;
                forget.expect("it was prepared");
                plan
            }
        }
    }
}

async fn first_column(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.expect(sql);
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    rows.collect()
}
