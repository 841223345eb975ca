//! Both trees of migrations make the same tables, the ones that the program knows, and take them back.

use std::{collections::BTreeMap, fs, path::Path};

use cadastro::store::{PoolSize, Store};

use super::{Raw, TestDatabase, on_both};

/// The migrations of one tree: what each does and what takes it back, by name.
fn tree(name: &str) -> BTreeMap<String, (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(name);
    let migrations = fs::read_dir(folder).expect("a folder of migrations");
    let migrations = migrations.map(|entry| entry.expect("a readable folder").path());
    let read = |file: &Path| fs::read_to_string(file).expect("an up.sql and a down.sql");
    migrations
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (
                name,
                (read(&path.join("up.sql")), read(&path.join("down.sql"))),
            )
        })
        .collect()
}

#[tokio::test]
async fn each_migration_is_applied_once() {
    for database in TestDatabase::both_bare() {
        println!("on {database}");
        let store = database.store();
        let all: Vec<_> = tree("sqlite").into_keys().collect();
        let pending = store.pending_migrations().await;
        assert_eq!(pending.expect("an answer"), all);
        assert_eq!(store.migrate().await.expect("applied"), all);
        let pending = store.pending_migrations().await;
        assert_eq!(pending.expect("an answer"), [""; 0]);
        assert_eq!(store.migrate().await.expect("nothing to do"), [""; 0]);
    }
}

#[tokio::test]
async fn processes_that_migrate_at_once_wait_for_each_other() {
    let database = TestDatabase::postgres_bare();
    let stores: [Store; 4] = std::array::from_fn(|_| database.store());
    let migrations = stores.iter().map(Store::migrate);
    let mut applied = Vec::new();
    for answer in futures_util::future::join_all(migrations).await {
        applied.extend(answer.expect("applied, by this one or by another"));
    }
    assert_eq!(applied, tree("postgres").into_keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn every_migration_can_be_taken_back() {
    for database in TestDatabase::both_bare() {
        println!("on {database}");
        let mut raw = Raw::open(database.url()).await;
        let name = match raw {
            Raw::Sqlite(_) => "sqlite",
            Raw::Postgres(_) => "postgres",
        };
        let migrations: Vec<_> = tree(name).into_values().collect();
        let mut before = Vec::new();
        for (up, _) in &migrations {
            before.push(everything(&mut raw).await);
            raw.run(up).await;
        }
        for (_, down) in migrations.iter().rev() {
            raw.run(down).await;
            assert_eq!(Some(everything(&mut raw).await), before.pop());
        }
    }
}

#[tokio::test]
async fn the_names_of_earlier_sign_ups_are_still_taken_afterwards() {
    for database in TestDatabase::both_bare() {
        println!("on {database}");
        let mut raw = Raw::open(database.url()).await;
        let name = match raw {
            Raw::Sqlite(_) => "sqlite",
            Raw::Postgres(_) => "postgres",
        };
        for (name, (up, _)) in tree(name) {
            if name.ends_with("_reserve_usernames") {
                raw.run(EARLIER).await;
            }
            raw.run(&up).await;
        }
        let sql = "SELECT username || ' ' || coalesce(username_key, '-') AS line
                   FROM signups ORDER BY id";
        assert_eq!(raw.lines(sql).await, ["Maria maria", "Rival -"]);
    }
}

/// A sign-up that made an account, and one with the same address.
const EARLIER: &str = "
    INSERT INTO users (username, username_key, email, email_key, password_hash, locale, operator, created_at)
    VALUES ('Maria', 'maria', 'm@example.com', 'm@example.com', '', 'en', FALSE, 0);
    INSERT INTO signups (receipt, fingerprint, user_id, address_taken, username, locale, created_at)
    VALUES ('a', '', 1, FALSE, 'Maria', 'en', 0), ('b', '', 1, TRUE, 'Rival', 'en', 0);";

/// Every table, column and index.
async fn everything(raw: &mut Raw) -> Vec<String> {
    let sql = match raw {
        Raw::Sqlite(_) => {
            "SELECT name || ': ' || sql AS line FROM sqlite_schema
             WHERE name NOT LIKE 'sqlite_%' ORDER BY 1"
        }
        Raw::Postgres(_) => {
            "SELECT table_name || '.' || column_name || ': ' || data_type AS line
             FROM information_schema.columns WHERE table_schema = 'public'
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        }
    };
    raw.lines(sql).await
}

#[tokio::test]
async fn the_tables_are_those_that_the_program_knows() {
    on_both(async |subject| {
        let mut raw = subject.raw().await;
        let sql = match raw {
            Raw::Sqlite(_) => {
                "SELECT tables.name || '.' || columns.name || ' '
                    || CASE WHEN columns.type = 'INTEGER' AND columns.pk = 1 THEN 'bigint'
                            ELSE replace(lower(columns.type), 'blob', 'bytea') END
                    || CASE WHEN columns.\"notnull\" = 0 AND columns.pk = 0 THEN ' null' ELSE '' END
                    AS line
                 FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'
                    AND tables.name NOT LIKE '__diesel%'
                 ORDER BY tables.name, columns.cid"
            }
            Raw::Postgres(_) => {
                "SELECT table_name || '.' || column_name || ' ' || data_type
                    || CASE WHEN is_nullable = 'YES' THEN ' null' ELSE '' END AS line
                 FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'
                 ORDER BY table_name COLLATE \"C\", ordinal_position"
            }
        };
        assert_eq!(raw.lines(sql).await, known());
    })
    .await;
}

/// The columns that the program's source names, in the same words.
fn known() -> Vec<String> {
    let source = include_str!("../../src/store/schema.rs");
    let mut tables = BTreeMap::new();
    for table in source.split("diesel::table!").skip(1) {
        let lines: Vec<_> = table.lines().map(str::trim).collect();
        let name = lines
            .iter()
            .find_map(|line| line.split_once(" ("))
            .expect("a name")
            .0;
        let columns = lines
            .iter()
            .filter_map(|line| line.strip_suffix(',')?.split_once(" -> "));
        let columns = columns.map(|(column, kind)| {
            let (kind, null) = match kind.strip_prefix("Nullable<") {
                Some(kind) => (kind.trim_end_matches('>'), " null"),
                None => (kind, ""),
            };
            let kind = match kind {
                "BigInt" => "bigint",
                "Integer" => "integer",
                "Text" => "text",
                "Bool" => "boolean",
                "Binary" => "bytea",
                other => panic!("a type that this test does not know: {other}"),
            };
            format!("{name}.{column} {kind}{null}")
        });
        tables.insert(name, columns.collect::<Vec<_>>());
    }
    tables.into_values().flatten().collect()
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_said_to_be_unusable() {
    let metrics = cadastro::metrics::Metrics::new("postgres");
    let opened = Store::postgres("postgres://[", PoolSize::default(), metrics);
    let error = opened.err().expect("it cannot be read");
    assert_eq!(error.class(), "unusable");
}
