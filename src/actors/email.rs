//! The EmailActor: owns a connection to the mail server and sends one letter at a time.
//!
//! Where no mail server is set, letters go into the built-in mailbox. Where the server is in trouble,
//! the breaker that all EmailActors share has most of them put their letters off.

mod waits;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Supervised, WrapFuture};

use super::{
    attempt::{Bounds, failed, traced},
    probe::Post,
    scheduler::{Report, Run},
    station::{Bench, Station},
};
use crate::{
    clock::Clock,
    fail_points,
    jobs::{JobError, Work},
    mail::{Connection, MailError, Mailer, Message, Pass},
    metrics::Metrics,
    queue::{Fault, Outcome},
    store::{IN_DOUBT, JobRow, NewLetter},
};

pub(super) struct EmailActor {
    pub station: Station,
    pub mailer: Mailer,
    pub metrics: Metrics,
    /// Lent to the letter that is being sent; what a fall takes with it is opened anew.
    pub connection: Option<Connection>,
}

impl Actor for EmailActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.station.started(ctx);
    }
}

impl Supervised for EmailActor {
    /// A conversation that broke off in the middle must not be carried on by the next letter.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.connection = None;
    }
}

impl Handler<Post<Report>> for EmailActor {
    type Result = ();

    fn handle(&mut self, post: Post<Report>, ctx: &mut Self::Context) {
        let (report, _handling) = post.open();
        self.station.report(report, ctx);
    }
}

impl Handler<Post<Run>> for EmailActor {
    type Result = ();

    fn handle(&mut self, post: Post<Run>, ctx: &mut Self::Context) {
        let (run, handling) = post.open();
        self.station.begin();
        let connection = self.connection.take();
        let mut delivery = Delivery {
            bench: self.station.bench.clone(),
            mailer: self.mailer.clone(),
            metrics: self.metrics.clone(),
            connection: connection.or_else(|| self.mailer.connection()),
        };
        let work = async move {
            let made = async {
                let outcome = match delivery.attempt(&run).await {
                    Ok(()) => Outcome::Completed { result: None },
                    Err(outcome) => delivery.timed(&run.job, outcome).await,
                };
                (outcome, delivery.connection)
            };
            let (outcome, connection) = traced(&run.job, made).await;
            drop(handling);
            (run.ticket, outcome, connection)
        };
        ctx.spawn(
            work.into_actor(self)
                .map(|(ticket, outcome, connection), actor, ctx| {
                    actor.connection = connection;
                    actor.station.end(ticket, outcome, ctx);
                }),
        );
    }
}

/// What one letter needs on its way.
struct Delivery {
    bench: Bench,
    mailer: Mailer,
    metrics: Metrics,
    /// None where no mail server is set.
    connection: Option<Connection>,
}

impl Delivery {
    /// Lets the job compose its letter, and sends it, both within one time limit.
    async fn attempt(&mut self, run: &Run) -> Result<(), Outcome> {
        let (kind, cx, bounds) = self.bench.prepare(run)?;
        let work = match kind.work {
            Work::Letter(compose) => compose(run.job.clone(), cx),
            // The catalogue lets no task into this queue; an operator's hand in the table might.
            Work::Task(_) => Box::pin(async { Err(JobError::hopeless("a task is no letter")) }),
        };
        let pass = self.leave(&run.job, &kind.policy).await?;
        let draft = match bounds.run(work).await {
            Err(Outcome::Completed { .. }) => return bounds.hold(self.knock()).await,
            draft => draft?,
        };
        fail_points::pass!("handler.middle");
        bounds.still_wanted()?;
        let letter = self.mailer.write(draft).map_err(of_mail)?;
        let sent = match &mut self.connection {
            Some(connection) => {
                send(connection, &letter, pass, &bounds, &self.bench.tools.clock).await
            }
            // Nothing is waited for but our own database, whose writes are not cut short.
            None => self.keep(&letter, &run.job).await,
        };
        if let Some(result) = result(&sent) {
            self.metrics.email(&run.job.kind, result);
        }
        sent
    }

    /// Whether the mail server can be reached. A letter that another has spared the way fails where it would
    /// have failed: whoever watches it must not learn that it did not leave.
    async fn knock(&self) -> Result<(), Outcome> {
        if self.connection.is_some() {
            let mut connection = self.mailer.connect().await.map_err(of_mail)?;
            connection.close().await;
        }
        Ok(())
    }

    /// Puts a letter into the built-in mailbox.
    async fn keep(&self, letter: &Message, job: &JobRow) -> Result<(), Outcome> {
        let letter = NewLetter {
            message_id: letter.message_id().to_owned(),
            sender: self.mailer.sender().to_string(),
            recipient: letter.to().to_owned(),
            subject: letter.subject().to_owned(),
            text: letter.text().to_owned(),
            html: letter.html().to_owned(),
            source: letter.formatted(),
            sent_at: self.bench.tools.clock.now(),
        };
        match self.bench.tools.store.keep_letter(&letter, job).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Outcome::Cancelled {
                reason: "another has ended this attempt".to_owned(),
            }),
            Err(error) => Err(failed(Fault::Error, error.to_string())),
        }
    }
}

/// Sends a letter within the attempt's bounds, and tells the breaker what came of it.
async fn send(
    connection: &mut Connection,
    letter: &Message,
    pass: Pass,
    bounds: &Bounds,
    clock: &Clock,
) -> Result<(), Outcome> {
    let sending = async { Ok(connection.send(letter).await) };
    let sent = match bounds.hold(sending).await {
        Ok(sent) => {
            pass.tell(&sent, clock.now());
            sent.map(drop).map_err(of_mail)
        }
        Err(outcome) => {
            if let Outcome::Failed { error, .. } = &outcome {
                pass.failed(error, clock.now());
            }
            Err(outcome)
        }
    };
    match connection.in_doubt() {
        true => sent.map_err(in_doubt),
        false => sent,
    }
}

/// The same, with a word for operators that the letter may have been delivered.
fn in_doubt(outcome: Outcome) -> Outcome {
    let word = |said| format!("{IN_DOUBT}; {said}");
    match outcome {
        Outcome::Failed {
            fault,
            error,
            retry_after,
        } => Outcome::Failed {
            fault,
            error: word(error),
            retry_after,
        },
        Outcome::Cancelled { reason } => Outcome::Cancelled {
            reason: word(reason),
        },
        other => other,
    }
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

/// All that the label `result` of `cadastro_emails_total` may be.
pub(super) const RESULTS: [&str; 3] = ["accepted", "temporary", "permanent"];

/// The label of a letter that was answered so; one that was called back has none.
fn result(sent: &Result<(), Outcome>) -> Option<&'static str> {
    match sent {
        Ok(()) => Some("accepted"),
        Err(Outcome::Hopeless { .. }) => Some("permanent"),
        Err(Outcome::Failed { .. }) => Some("temporary"),
        Err(_) => None,
    }
}
