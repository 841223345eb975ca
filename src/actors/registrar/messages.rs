//! What the Registrar is asked.

use std::time::Duration;

use actix::{Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use super::{CAPACITY, RegistrarActor};
use crate::{
    account::UserId,
    actors::{
        AskError,
        probe::{Named, Post},
    },
    fail_points, jobs,
    queue::{NewJob, Rate},
    store::{NewSession, NewSignup, SignedUp, SignupRefusal, StoreError},
};

pub(super) type Answer = Result<Result<SignedUp, SignupRefusal>, AskError>;

pub(super) struct SignUp {
    pub new: NewSignup,
    pub reply: oneshot::Sender<Answer>,
}

pub(super) struct LogIn {
    pub new: NewSession,
    pub trace: Option<String>,
}

pub(super) struct LogOut {
    pub user: UserId,
    pub token_hash: String,
    pub trace: Option<String>,
}

pub(super) struct Charge {
    pub subject: String,
    pub rate: Rate,
}

impl Message for SignUp {
    type Result = ();
}
impl Message for LogIn {
    type Result = Result<(), StoreError>;
}
impl Message for LogOut {
    type Result = Result<bool, StoreError>;
}
impl Message for Charge {
    type Result = Result<Result<(), Duration>, StoreError>;
}
impl Named for SignUp {
    const NAME: &'static str = "sign_up";
}
impl Named for LogIn {
    const NAME: &'static str = "log_in";
}
impl Named for LogOut {
    const NAME: &'static str = "log_out";
}
impl Named for Charge {
    const NAME: &'static str = "charge";
}

impl Handler<Post<SignUp>> for RegistrarActor {
    type Result = ();

    fn handle(&mut self, post: Post<SignUp>, ctx: &mut Context<Self>) {
        let (sign_up, _handling) = post.open();
        fail_points::pass!("registrar.sign_up");
        if self.waiting.len() >= CAPACITY {
            self.forget_the_gone();
        }
        if self.waiting.len() >= CAPACITY {
            // Whoever does not listen any more has gone away.
            let _ = sign_up.reply.send(Err(AskError::Busy));
            return;
        }
        self.waiting.push(sign_up);
        self.write(ctx);
    }
}

impl Handler<Post<LogIn>> for RegistrarActor {
    type Result = ResponseFuture<Result<(), StoreError>>;

    fn handle(&mut self, post: Post<LogIn>, _: &mut Context<Self>) -> Self::Result {
        let (LogIn { new, trace }, handling) = post.open();
        let (store, scheduler, now) =
            (self.store.clone(), self.scheduler.clone(), self.clock.now());
        Box::pin(async move {
            let _handling = handling;
            let jobs = traced(jobs::at_log_in(new.user), trace);
            store.log_in(&new, &jobs, now).await?;
            scheduler.wake();
            Ok(())
        })
    }
}

impl Handler<Post<LogOut>> for RegistrarActor {
    type Result = ResponseFuture<Result<bool, StoreError>>;

    fn handle(&mut self, post: Post<LogOut>, _: &mut Context<Self>) -> Self::Result {
        let (log_out, handling) = post.open();
        let (store, scheduler, now) =
            (self.store.clone(), self.scheduler.clone(), self.clock.now());
        Box::pin(async move {
            let _handling = handling;
            let jobs = traced(jobs::at_log_out(log_out.user), log_out.trace);
            let ended = store.log_out(&log_out.token_hash, &jobs, now).await?;
            if ended {
                scheduler.wake();
            }
            Ok(ended)
        })
    }
}

fn traced(jobs: Vec<NewJob>, trace: Option<String>) -> Vec<NewJob> {
    let traced = |job: NewJob| job.traced(trace.as_deref());
    jobs.into_iter().map(traced).collect()
}

impl Handler<Post<Charge>> for RegistrarActor {
    type Result = ResponseFuture<Result<Result<(), Duration>, StoreError>>;

    fn handle(&mut self, post: Post<Charge>, _: &mut Context<Self>) -> Self::Result {
        let (charge, handling) = post.open();
        let (store, now) = (self.store.clone(), self.clock.now());
        Box::pin(async move {
            let _handling = handling;
            store.charge(&charge.subject, charge.rate, now).await
        })
    }
}
