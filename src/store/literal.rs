//! Conditions that are written word for word.

use diesel::{
    AppearsOnTable, Expression, QueryResult, SelectableExpression,
    backend::Backend,
    expression::ValidGrouping,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Bool,
};

/// A condition that stands in a statement word for word.
///
/// Not diesel's own literal: it has the statement prepared anew each time, as its text might be a stranger's.
#[derive(Clone, Copy, ValidGrouping)]
pub(super) struct Literal(pub &'static str);

impl Expression for Literal {
    type SqlType = Bool;
}

impl<T> AppearsOnTable<T> for Literal {}

impl<T> SelectableExpression<T> for Literal {}

impl<DB: Backend> QueryFragment<DB> for Literal {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // It may stand beside others, joined by AND or OR.
        out.push_sql("(");
        out.push_sql(self.0);
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for Literal {
    type QueryId = ();
    // The type does not tell the text.
    const HAS_STATIC_QUERY_ID: bool = false;
}
