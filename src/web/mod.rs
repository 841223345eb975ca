//! The door for browsers and programs.
//!
//! A handler gets a `visit::Visit`, asks the store or an actor, and answers with a page, with
//! JSON, or with a `WebError`, of which `failure` makes the page or JSON that fits.

pub(crate) mod api;
mod arrival;
mod assets;
mod census;
mod client;
mod cross_origin;
mod error;
mod failure;
mod finale;
mod headers;
mod intake;
mod jobs;
mod live;
mod measure;
mod metrics;
mod news;
mod next;
mod operator;
mod pages;
mod problem;
mod refresh;
mod route;
mod seats;
mod session;
mod sign_up;
mod span;
mod view;
mod visit;
mod wrong;

use std::{io, net::TcpListener, sync::Arc};

pub use actix_web::dev::ServerHandle;
use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Server,
    middleware::{Compress, from_fn},
    web::{self, ServiceConfig},
};
use tokio::sync::watch;
use tracing_actix_web::TracingLogger;
use url::Url;

use self::{error::WebError, route::at};
use crate::{
    actors::{Registrar, Scheduler, Tree},
    clock::Clock,
    config::Config,
    jobs::Catalogue,
    metrics::Metrics,
    store::Store,
    text::Text,
};

/// What a handler answers.
type Answer = Result<HttpResponse, WebError>;

/// The rooms below, as the handlers need them.
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
    /// What links begin with; an `https` one makes cookies `Secure` and turns HSTS on.
    pub base_url: Url,
    /// Turns true when the program begins to stop.
    pub stopping: watch::Receiver<bool>,
}

/// Serves on `listener` until the returned server's handle is told to stop.
///
/// A graceful stop waits up to `shutdown_grace` for requests that are under way.
pub fn serve(state: State, listener: TcpListener) -> io::Result<Server> {
    let grace = error::whole_seconds(state.config.shutdown_grace);
    let news = web::Data::new(news::News::start(state.scheduler.changes()));
    let seats = web::Data::new(seats::Seats::new(state.config.rate_limit));
    let state = web::Data::new(state);
    let migrated = web::Data::new(api::health::Migrated::default());
    let census = web::Data::new(census::Census::default());
    let blanks = web::Data::new(pages::blank::Blanks::default());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(news.clone())
            .app_data(seats.clone())
            .app_data(migrated.clone())
            .app_data(census.clone())
            .app_data(blanks.clone())
            .configure(routes)
            // The last one sees a request first.
            .wrap(from_fn(cross_origin::refuse))
            .wrap(from_fn(failure::answer))
            .wrap(from_fn(headers::add))
            .wrap(Compress::default())
            .wrap(from_fn(measure::count))
            .wrap(TracingLogger::<span::Request>::new())
            .wrap(from_fn(arrival::bound))
    });
    let server = server
        .on_connect(client::note_own_address)
        .disable_signals()
        .shutdown_timeout(grace)
        .listen(listener)?;
    Ok(server.run())
}

/// Every address there is; `at` answers other methods with 405.
fn routes(config: &mut ServiceConfig) {
    use api::{actors, cron, flows, health, jobs, many_jobs, openapi, queues, signups};
    use pages::{home, language, login, mailbox, receipt, signup};

    intake::configure(config);
    config
        .service(at("/").get(home::show))
        .service(at("/account/events").get(home::events))
        .service(at("/signup").get(signup::show).post(signup::submit))
        .service(at("/signup/{receipt}").get(receipt::show))
        .service(at("/signup/{receipt}/events").get(receipt::events))
        .service(at("/login").get(login::show).post(login::submit))
        .service(at("/logout").post(login::leave))
        .service(at("/language").post(language::choose))
        .service(at("/dev/mailbox").get(mailbox::list))
        .service(at("/dev/mailbox/{id}").get(mailbox::show))
        .service(at("/dev/mailbox/{id}/html").get(mailbox::html))
        .service(at("/dev/mailbox/{id}/raw").get(mailbox::raw))
        .service(at("/assets/{name}").get(assets::serve))
        .service(at("/api/v1/signups").post(signups::create))
        .service(at("/api/v1/signups/{receipt}").get(signups::show))
        .service(
            at("/api/v1/jobs")
                .accepting(jobs::JOB_BYTES)
                .get(jobs::list)
                .post(jobs::create),
        )
        .service(
            at("/api/v1/jobs/batch")
                .accepting(jobs::BATCH_BYTES)
                .post(jobs::create_many),
        )
        .service(
            at("/api/v1/jobs/retry")
                .accepting(many_jobs::BYTES)
                .post(many_jobs::retry),
        )
        .service(
            at("/api/v1/jobs/cancel")
                .accepting(many_jobs::BYTES)
                .post(many_jobs::cancel),
        )
        .service(
            at("/api/v1/jobs/{id}")
                .accepting(jobs::JOB_BYTES)
                .get(jobs::show)
                .patch(jobs::edit),
        )
        .service(at("/api/v1/jobs/{id}/flow").get(flows::show))
        .service(at("/api/v1/jobs/{id}/cancel").post(jobs::cancel))
        .service(at("/api/v1/jobs/{id}/retry").post(jobs::retry))
        .service(
            at("/api/v1/flows")
                .accepting(jobs::BATCH_BYTES)
                .post(flows::create),
        )
        .service(at("/api/v1/queues").get(queues::list))
        .service(
            at("/api/v1/queues/{queue}")
                .get(queues::show)
                .put(queues::set)
                .delete(queues::remove),
        )
        .service(at("/api/v1/queues/{queue}/pause").post(queues::pause))
        .service(at("/api/v1/queues/{queue}/resume").post(queues::resume))
        .service(at("/api/v1/cron").get(cron::list).post(cron::create))
        .service(
            at("/api/v1/cron/{name}")
                .get(cron::show)
                .delete(cron::remove),
        )
        .service(at("/api/v1/cron/{name}/enable").post(cron::enable))
        .service(at("/api/v1/cron/{name}/disable").post(cron::disable))
        .service(at("/api/v1/cron/{name}/run").post(cron::run))
        .service(at("/api/v1/actors").get(actors::list))
        .service(at("/api/openapi.json").get(openapi::show))
        .service(at("/healthz").get(health::alive))
        .service(at("/readyz").get(health::ready))
        .service(at("/metrics").get(metrics::scrape))
        .default_service(web::to(failure::no_such_page));
}
