//! One statement for many rows: written once for both databases.
//!
//! diesel's own batches do not exist for an asynchronous SQLite, and neither an UPDATE that takes its
//! values row by row. A statement for each row would cost a round trip each: with a server ten
//! milliseconds away, 256 of them are longer than anybody waits for the database.

use std::{borrow::Cow, marker::PhantomData};

use diesel::{
    backend::Backend,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, Bool, HasSqlType, Integer, Nullable, Text},
};

/// How many rows one statement takes: more make none of them cheaper, and SQLite has a bound.
pub(super) const ROWS: usize = 256;

/// How many rows the statements have that the connections keep. Every number of rows is a text of its own.
const SIZES: [usize; 5] = [1, 4, 16, 64, ROWS];

/// A value of one of the types that both databases share.
pub(super) enum Value<'a> {
    BigInt(Option<i64>),
    Integer(Option<i32>),
    Text(Option<Cow<'a, str>>),
    Bool(Option<bool>),
}

/// A statement with a list of rows, `(..), (..)`, between `before` and `after`; it answers with rows of `T`.
pub(super) struct Many<'a, T = ()> {
    before: &'static str,
    rows: Vec<Vec<Value<'a>>>,
    after: &'static str,
    answer: PhantomData<T>,
}

impl<'a, T> Many<'a, T> {
    /// All rows are of one length. There has to be one at least.
    pub(super) fn new(
        before: &'static str,
        rows: impl IntoIterator<Item = Vec<Value<'a>>>,
        after: &'static str,
    ) -> Self {
        Many {
            before,
            rows: rows.into_iter().collect(),
            after,
            answer: PhantomData,
        }
    }

    /// The same for a statement that looks for the rows of a table that these name, never for one that inserts:
    /// rows of nothing are added, which name nothing, up to one of few sizes. So the connections can keep it.
    pub(super) fn padded(
        before: &'static str,
        rows: impl IntoIterator<Item = Vec<Value<'a>>>,
        after: &'static str,
    ) -> Self {
        let mut many = Many::new(before, rows, after);
        let size = SIZES.into_iter().find(|size| *size >= many.rows.len());
        while let Some(row) = many.rows.first()
            && size.is_some_and(|size| many.rows.len() < size)
        {
            let nothing = row.iter().map(Value::absent).collect();
            many.rows.push(nothing);
        }
        many
    }
}

impl Value<'_> {
    /// Nothing, of the same type.
    fn absent(&self) -> Value<'static> {
        match self {
            Value::BigInt(_) => Value::BigInt(None),
            Value::Integer(_) => Value::Integer(None),
            Value::Text(_) => Value::Text(None),
            Value::Bool(_) => Value::Bool(None),
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

impl<DB, T> QueryFragment<DB> for Many<'_, T>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<Integer> + HasSqlType<BigInt> + HasSqlType<Bool>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
    Option<i32>: ToSql<Nullable<Integer>, DB>,
    for<'a> Option<Cow<'a, str>>: ToSql<Nullable<Text>, DB>,
    Option<bool>: ToSql<Nullable<Bool>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !SIZES.contains(&self.rows.len()) {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(self.before);
        for (number, row) in self.rows.iter().enumerate() {
            out.push_sql(if number == 0 { "(" } else { ", (" });
            for (column, value) in row.iter().enumerate() {
                if column > 0 {
                    out.push_sql(", ");
                }
                match value {
                    Value::BigInt(value) => out.push_bind_param::<Nullable<BigInt>, _>(value),
                    Value::Integer(value) => out.push_bind_param::<Nullable<Integer>, _>(value),
                    Value::Text(value) => out.push_bind_param::<Nullable<Text>, _>(value),
                    Value::Bool(value) => out.push_bind_param::<Nullable<Bool>, _>(value),
                }?;
            }
            out.push_sql(")");
        }
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
