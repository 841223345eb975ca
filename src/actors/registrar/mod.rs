//! The Registrar: persists users and their sessions, each with the jobs that they start.
//!
//! Sign-ups that arrive while a transaction runs wait for it and then form the next one together:
//! a lone one does not wait, and many share one commit.

mod handle;
mod limits;
mod messages;
mod refusals;

use std::sync::Arc;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Supervised, WrapFuture};
use jiff::Timestamp;

use super::{
    Scheduler,
    probe::{Mailbox, Vitals},
    supervision::{Intensity, supervise},
};
use crate::{
    clock::Clock,
    config::Config,
    jobs,
    store::{FirstJobs, NewSignup, SignedUp, SignupRefusal, Store, StoreError},
};
pub use handle::{Given, Held, LogInError, LoggedIn, Registrar, SignUpError};
pub use limits::Door;
use messages::{Answer, SignUp};

/// The most sign-ups that share a transaction: enough to make the commit's cost vanish, few enough
/// to stay far below the time limit of a transaction.
const BATCH: usize = 64;

/// Sign-ups that may wait in the mailbox; more are told to come back later.
const CAPACITY: usize = 1024;

/// How often a sign-up is tried that another instance gets in the way of.
const TRIES: usize = 3;

pub(super) struct RegistrarActor {
    store: Store,
    clock: Clock,
    config: Arc<Config>,
    scheduler: Scheduler,
    waiting: Vec<SignUp>,
    /// A transaction is under way.
    writing: bool,
}

/// Starts the actor; `exceeded` is called should it fall too often.
pub(super) fn start(
    store: Store,
    clock: Clock,
    config: Arc<Config>,
    scheduler: Scheduler,
    vitals: Arc<Vitals>,
    exceeded: impl Fn() + 'static,
) -> Mailbox<RegistrarActor> {
    let address: Addr<RegistrarActor> = supervise(
        vitals.clone(),
        Intensity::USUAL,
        clock.clone(),
        exceeded,
        |ctx, _| {
            ctx.set_mailbox_capacity(CAPACITY);
            RegistrarActor {
                store,
                clock,
                config,
                scheduler,
                waiting: Vec::new(),
                writing: false,
            }
        },
    );
    Mailbox::new(address, vitals)
}

impl Actor for RegistrarActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.write(ctx);
    }
}

impl Supervised for RegistrarActor {
    /// The transaction that was under way is gone, and with it those who waited for its answer.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.writing = false;
    }
}

impl RegistrarActor {
    /// Whoever has waited too long was told to come back, and nothing has begun for them.
    fn forget_the_gone(&mut self) {
        self.waiting.retain(|sign_up| !sign_up.reply.is_closed());
    }

    /// Writes all sign-ups that wait, unless a transaction is under way: its end calls again.
    fn write(&mut self, ctx: &mut Context<Self>) {
        self.forget_the_gone();
        if self.writing || self.waiting.is_empty() {
            return;
        }
        self.writing = true;
        let rest = self.waiting.split_off(self.waiting.len().min(BATCH));
        let batch = std::mem::replace(&mut self.waiting, rest);
        let (new, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|sign_up| (sign_up.new, sign_up.reply))
            .unzip();
        let (store, config, now) = (self.store.clone(), self.config.clone(), self.clock.now());
        let first_jobs: FirstJobs = Arc::new(move |signup| jobs::at_sign_up(&config, signup));
        let answers = async move { sign_up(&store, &first_jobs, &new, now).await };
        ctx.spawn(answers.into_actor(self).map(move |answers, actor, ctx| {
            let accepted = answers.iter().flatten().flatten();
            actor
                .scheduler
                .arrived(accepted.flat_map(|signed_up| &signed_up.jobs));
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Whoever does not listen any more has gone away; the sign-up stands.
                let _ = reply.send(answer);
            }
            actor.writing = false;
            actor.write(ctx);
        }));
    }
}

/// One transaction for all; should one of them break it, one for each.
async fn sign_up(
    store: &Store,
    first_jobs: &FirstJobs,
    batch: &[NewSignup],
    now: Timestamp,
) -> Vec<Answer> {
    let together = store.sign_up(batch, first_jobs, now).await;
    let mut away = match together {
        Ok(answers) => return answers.into_iter().map(Ok).collect(),
        Err(StoreError::Away(why)) => Some(why),
        Err(_) => None,
    };
    let mut answers = Vec::with_capacity(batch.len());
    for new in batch {
        let alone = match &away {
            // Nobody else need wait to find that out.
            Some(why) => Err(StoreError::Away(why.clone())),
            None => sign_up_alone(store, first_jobs, new, now).await,
        };
        match alone {
            Ok(alone) => answers.extend(alone.into_iter().map(Ok)),
            Err(error) => {
                if let StoreError::Away(why) = &error {
                    away = Some(why.clone());
                }
                answers.push(Err(error.into()));
            }
        }
    }
    answers
}

/// A transaction for one, tried again where another instance is in its way.
async fn sign_up_alone(
    store: &Store,
    first_jobs: &FirstJobs,
    new: &NewSignup,
    now: Timestamp,
) -> Result<Vec<Result<SignedUp, SignupRefusal>>, StoreError> {
    let new = std::slice::from_ref(new);
    for _ in 1..TRIES {
        match store.sign_up(new, first_jobs, now).await {
            Err(StoreError::Conflict(_) | StoreError::Crossed(_)) => {}
            answer => return answer,
        }
    }
    store.sign_up(new, first_jobs, now).await
}
