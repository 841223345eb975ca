//! The browsers in which users have logged in, each under a hash of the token that it holds.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::read,
    schema::{browsers, users},
};
use crate::account::Login;

impl Store {
    /// Whether whoever logs in so has done so in the browser that holds this token, and not too long ago.
    pub async fn knows_browser(
        &self,
        hash: &str,
        login: &Login,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let known: i64 = read!(self, |c| {
            let query = browsers::table
                .inner_join(users::table)
                .filter(browsers::token_hash.eq(hash))
                .filter(browsers::expires_at.gt(now.as_microsecond()))
                .count()
                .into_boxed();
            let query = match login {
                Login::Username(key) => query.filter(users::username_key.eq(key)),
                Login::Email(key) => query.filter(users::email_key.eq(key)),
            };
            query.get_result(c).await
        })?;
        Ok(known > 0)
    }
}
