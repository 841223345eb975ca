//! stub
use crate::{
    actors::{Registrar, Scheduler, Tree},
    clock::Clock,
    config::Config,
    jobs::Catalogue,
    metrics::Metrics,
    store::Store,
    text::Text,
};
pub use actix_web::dev::ServerHandle;
use std::sync::Arc;
#[derive(Clone)]
pub struct State {
    pub store: Store,
    pub text: Text,
    pub config: Arc<Config>,
    pub clock: Clock,
    pub metrics: Metrics,
    pub registrar: Registrar,
    pub scheduler: Scheduler,
    pub tree: Tree,
    pub catalogue: Catalogue,
    pub base_url: url::Url,
    pub stopping: tokio::sync::watch::Receiver<bool>,
}
pub fn serve(
    _state: State,
    listener: std::net::TcpListener,
) -> std::io::Result<actix_web::dev::Server> {
    Ok(actix_web::HttpServer::new(actix_web::App::new)
        .disable_signals()
        .listen(listener)?
        .run())
}
