//! The EmailActor: owns a connection to the mail server and sends one letter at a time.
//!
//! Where no mail server is set, letters go into the built-in mailbox.

use std::sync::Arc;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Supervised, WrapFuture};

use super::{
    Scheduler,
    attempt::{attempt, failed, restart_after},
    probe::{Post, Vitals},
    scheduler::{Run, Worker},
    supervision::Life,
};
use crate::{
    jobs::{Catalogue, Context as JobContext, JobError, Tools, Work},
    mail::{Connection, MailError, Mailer, Message},
    metrics::Metrics,
    queue::{EMAIL, Fault, Outcome},
    store::{NewLetter, Store},
};

pub(super) struct EmailActor {
    pub index: usize,
    pub life: Life,
    pub vitals: Arc<Vitals>,
    pub catalogue: Catalogue,
    pub tools: Tools,
    pub scheduler: Scheduler,
    pub mailer: Mailer,
    pub metrics: Metrics,
    /// Lent to the letter that is being sent; what a fall takes with it is opened anew.
    pub connection: Option<Connection>,
}

impl Actor for EmailActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.scheduler.ready(Worker {
            queue: EMAIL,
            index: self.index,
            inbox: ctx.address().recipient(),
            vitals: self.vitals.clone(),
        });
    }
}

impl Supervised for EmailActor {
    /// A conversation that broke off in the middle must not be carried on by the next letter.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.connection = None;
    }
}

impl Handler<Post<Run>> for EmailActor {
    type Result = ();

    fn handle(&mut self, post: Post<Run>, ctx: &mut Self::Context) {
        let (run, handling) = post.open();
        let (catalogue, tools) = (self.catalogue.clone(), self.tools.clone());
        let (mailer, metrics) = (self.mailer.clone(), self.metrics.clone());
        let mut connection = self.connection.take().or_else(|| mailer.connection());
        let work = async move {
            let outcome = match write(&run, &catalogue, &mailer, tools.clone()).await {
                Ok(letter) => {
                    let sent = match &mut connection {
                        Some(connection) => {
                            connection.send(&letter).await.map(|_| ()).map_err(of_mail)
                        }
                        None => keep(&tools.store, &mailer, &letter, &tools).await,
                    };
                    metrics.email(&run.job.kind, result(&sent));
                    sent.map_or_else(|outcome| outcome, |()| Outcome::Completed { result: None })
                }
                Err(outcome) => outcome,
            };
            drop(handling);
            (run.ticket, outcome, connection)
        };
        ctx.spawn(
            work.into_actor(self)
                .map(|(ticket, outcome, connection), actor, ctx| {
                    actor.connection = connection;
                    let fall = restart_after(&outcome);
                    ticket.answer(outcome, fall.is_none());
                    if let Some(fall) = fall {
                        actor.life.fall(ctx, fall);
                    }
                }),
        );
    }
}

/// Lets the job compose its letter.
async fn write(
    run: &Run,
    catalogue: &Catalogue,
    mailer: &Mailer,
    tools: Tools,
) -> Result<Message, Outcome> {
    let Some(kind) = catalogue.kind(&run.job.kind) else {
        return Err(Outcome::HandedBack);
    };
    let clock = tools.clock.clone();
    let cx = JobContext::new(tools, run.job.clone());
    let (begun, limit) = (cx.begun(), kind.policy.time_limit);
    let work = match kind.work {
        Work::Letter(compose) => compose(run.job.clone(), cx),
        // The catalogue lets no task into this queue; an operator's hand in the table might.
        Work::Task(_) => Box::pin(async { Err(JobError::hopeless("a task is no letter")) }),
    };
    let draft = attempt(work, begun, limit, &clock, &run.cancel).await?;
    mailer.write(draft).map_err(of_mail)
}

/// Puts a letter into the built-in mailbox.
async fn keep(
    store: &Store,
    mailer: &Mailer,
    letter: &Message,
    tools: &Tools,
) -> Result<(), Outcome> {
    let letter = NewLetter {
        message_id: letter.message_id().to_owned(),
        sender: mailer.sender().to_string(),
        recipient: letter.to().to_owned(),
        subject: letter.subject().to_owned(),
        text: letter.text().to_owned(),
        html: letter.html().to_owned(),
        source: letter.formatted(),
        sent_at: tools.clock.now(),
    };
    let kept = store.keep_letter(&letter).await;
    kept.map_err(|error| failed(Fault::Error, error.to_string()))
}

/// A letter that was refused for good is discarded, with the server's reply as the reason.
fn of_mail(error: MailError) -> Outcome {
    match error.is_permanent() {
        true => Outcome::Hopeless {
            error: error.to_string(),
        },
        false => failed(Fault::Error, error.to_string()),
    }
}

/// The label `result` of `cadastro_emails_total`.
fn result(sent: &Result<(), Outcome>) -> &'static str {
    match sent {
        Ok(()) => "accepted",
        Err(Outcome::Hopeless { .. }) => "permanent",
        Err(_) => "temporary",
    }
}
