//! One statement for many rows: written once for both databases.
//!
//! diesel's own batches do not exist for an asynchronous SQLite, and neither an UPDATE that takes its
//! values row by row. A statement for each row would cost a round trip each: with a server ten
//! milliseconds away, 256 of them are longer than anybody waits for the database.

use std::{borrow::Cow, marker::PhantomData};

use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{
        Array, BigInt, Bool, HasSqlType, Integer, Nullable, SqlType, Text, is_nullable::NotNull,
    },
    sqlite::Sqlite,
};

/// How many rows one statement takes: more make none of them cheaper, and SQLite has a bound.
pub(super) const ROWS: usize = 256;

/// Up to how many rows a statement is kept by SQLite's connections whatever their number, though each number is a text
/// of its own: what one visitor does is so small, and to read the text anew would be a good part of its cost.
const FEW: usize = 16;

/// How many rows the larger ones have that are kept. Half of the most is what ends in a turn while the usual number of
/// actors is at work on the other half.
const SIZES: [usize; 3] = [64, 128, ROWS];

/// A value of one of the types that both databases share.
pub(super) enum Value<'a> {
    BigInt(Option<i64>),
    Integer(Option<i32>),
    Text(Option<Cow<'a, str>>),
    Bool(Option<bool>),
}

/// The values of one column.
enum Column<'a> {
    BigInt(Vec<Option<i64>>),
    Integer(Vec<Option<i32>>),
    Text(Vec<Option<Cow<'a, str>>>),
    Bool(Vec<Option<bool>>),
}

/// A statement with a list of rows, which may stand wherever a query may, between `before` and `after`; it answers
/// with rows of `T`.
///
/// SQLite gets the rows as `VALUES`. PostgreSQL gets an array for each column: a statement with thousands of
/// parameters takes it twice the time, and this one has the same text for any number of rows. Each array comes out of a
/// question of its own: a planner that sees how long it is plans the statement anew each time, for longer than it takes.
/// So does a limit that is none, of which it takes one row in ten to be left: one of the ten that it expects of any array.
/// A single row is looked up by a key, where for ten it would read an index from end to end as long as that is short, and
/// keep to that plan when it is long.
pub(super) struct Many<'a, T = ()> {
    before: &'static str,
    columns: Vec<Column<'a>>,
    rows: usize,
    /// How many rows of nothing follow in SQLite.
    padding: usize,
    after: &'static str,
    answer: PhantomData<T>,
}

impl<'a, T> Many<'a, T> {
    /// All rows are of one length, and of the same types. There has to be one at least.
    pub(super) fn new(
        before: &'static str,
        rows: impl IntoIterator<Item = Vec<Value<'a>>>,
        after: &'static str,
    ) -> Self {
        let mut columns: Vec<Column<'a>> = Vec::new();
        let mut count = 0;
        for row in rows {
            if columns.is_empty() {
                columns = row.iter().map(Value::column).collect();
            }
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
            count += 1;
        }
        Many {
            before,
            columns,
            rows: count,
            padding: 0,
            after,
            answer: PhantomData,
        }
    }

    /// The same for a statement that looks for the rows of a table that these name, never for one that inserts: to more
    /// than [`FEW`], rows of nothing are added, which name nothing, up to one of few sizes. So SQLite's connections can
    /// keep it.
    pub(super) fn padded(
        before: &'static str,
        rows: impl IntoIterator<Item = Vec<Value<'a>>>,
        after: &'static str,
    ) -> Self {
        let many = Many::new(before, rows, after);
        let size = match many.rows {
            ..=FEW => None,
            rows => SIZES.into_iter().find(|size| *size >= rows),
        };
        Many {
            padding: size.map_or(0, |size| size - many.rows),
            ..many
        }
    }
}

impl<'a> Column<'a> {
    fn push(&mut self, value: Value<'a>) {
        match (self, value) {
            (Column::BigInt(column), Value::BigInt(value)) => column.push(value),
            (Column::Integer(column), Value::Integer(value)) => column.push(value),
            (Column::Text(column), Value::Text(value)) => column.push(value),
            (Column::Bool(column), Value::Bool(value)) => column.push(value),
            _ => unreachable!("the rows of a statement are of the same types"),
        }
    }
}

impl Value<'_> {
    /// An empty column of the same type.
    fn column<'a>(&self) -> Column<'a> {
        match self {
            Value::BigInt(_) => Column::BigInt(Vec::new()),
            Value::Integer(_) => Column::Integer(Vec::new()),
            Value::Text(_) => Column::Text(Vec::new()),
            Value::Bool(_) => Column::Bool(Vec::new()),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::BigInt(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Value::BigInt(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Value::Integer(Some(value))
    }
}

impl From<Option<i32>> for Value<'_> {
    fn from(value: Option<i32>) -> Self {
        Value::Integer(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(Some(value))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Some(value.into()))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Some(value.into()))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Value::Text(value.map(Into::into))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(value: Option<String>) -> Self {
        Value::Text(value.map(Into::into))
    }
}

impl<T> QueryFragment<Sqlite> for Many<'_, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let rows = self.rows + self.padding;
        if rows > FEW && !SIZES.contains(&rows) {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(self.before);
        for row in 0..rows {
            out.push_sql(if row == 0 { "VALUES (" } else { ", (" });
            for (number, column) in self.columns.iter().enumerate() {
                if number > 0 {
                    out.push_sql(", ");
                }
                match column {
                    Column::BigInt(column) => bind::<BigInt, _>(&mut out, column.get(row)),
                    Column::Integer(column) => bind::<Integer, _>(&mut out, column.get(row)),
                    Column::Text(column) => bind::<Text, _>(&mut out, column.get(row)),
                    Column::Bool(column) => bind::<Bool, _>(&mut out, column.get(row)),
                }?;
            }
            out.push_sql(")");
        }
        out.push_sql(self.after);
        Ok(())
    }
}

/// Binds a value, or nothing where there is no such row.
fn bind<'b, S, V>(
    out: &mut AstPass<'_, 'b, Sqlite>,
    value: Option<&'b Option<V>>,
) -> QueryResult<()>
where
    S: SqlType<IsNull = NotNull>,
    Sqlite: HasSqlType<S>,
    Option<V>: ToSql<Nullable<S>, Sqlite>,
{
    out.push_bind_param::<Nullable<S>, _>(value.unwrap_or(&None))
}

impl<T> QueryFragment<Pg> for Many<'_, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.before);
        for (number, column) in self.columns.iter().enumerate() {
            out.push_sql(if number == 0 {
                "SELECT * FROM unnest((SELECT "
            } else {
                "), (SELECT "
            });
            match column {
                Column::BigInt(column) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(column),
                Column::Integer(column) => {
                    out.push_bind_param::<Array<Nullable<Integer>>, _>(column)
                }
                Column::Text(column) => out.push_bind_param::<Array<Nullable<Text>>, _>(column),
                Column::Bool(column) => out.push_bind_param::<Array<Nullable<Bool>>, _>(column),
            }?;
        }
        out.push_sql(")) LIMIT (SELECT 1000000)");
        out.push_sql(self.after);
        Ok(())
    }
}

impl<T> QueryId for Many<'_, T> {
    type QueryId = ();
    // The text depends on the number of rows.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T> Query for Many<'_, T> {
    type SqlType = T;
}

impl<C, T> diesel::RunQueryDsl<C> for Many<'_, T> {}
