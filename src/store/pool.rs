//! Pools of connections, and what is on loan from them.

use deadpool::managed::{self, Manager};
use diesel::ConnectionResult;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError, PoolableConnection, RecyclingMethod,
    deadpool::Pool,
};
use futures_util::future::BoxFuture;

use super::StoreError;

/// A connection on loan from a pool.
///
/// One that is not given back, because nobody waits for its answer any more, is closed: whoever got it
/// next would wait behind the question, or find a transaction open. So is one that could not do what
/// it was asked: a file that was opened for reading alone stays so, whatever its permissions become.
pub struct Loan<M: Manager>(Option<managed::Object<M>>);

impl<M: Manager<Error = PoolError>> Loan<M> {
    pub async fn of(pool: &managed::Pool<M>) -> Result<Self, StoreError> {
        Ok(Loan(Some(pool.get().await?)))
    }

    pub fn connection(&mut self) -> &mut M::Type {
        match &mut self.0 {
            Some(connection) => connection,
            None => unreachable!("whoever gives it back no longer has it"),
        }
    }

    pub fn give_back<T>(mut self, answer: &Result<T, StoreError>) {
        if !matches!(answer, Err(StoreError::Away(_))) {
            self.0 = None;
        }
    }
}

impl<M: Manager> Drop for Loan<M> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(managed::Object::take(connection));
        }
    }
}

/// A pool of up to so many connections, each made when it is first needed.
pub(super) fn pool<C>(
    size: usize,
    connect: impl Fn() -> BoxFuture<'static, ConnectionResult<C>> + Send + Sync + 'static,
) -> Result<Pool<C>, StoreError>
where
    C: PoolableConnection + Send + 'static,
    AsyncDieselConnectionManager<C>: Manager<Type = C, Error = PoolError>,
{
    let mut config = ManagerConfig::default();
    // The default asks a question before each question. A connection that has died is noticed
    // without it, and one that dies under a question is thrown away after it.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| connect());
    Pool::builder(AsyncDieselConnectionManager::new_with_config("", config))
        .max_size(size)
        .build()
        .map_err(|error| StoreError::Unusable(error.to_string()))
}
