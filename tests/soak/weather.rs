//! What goes wrong, and when.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{task::block_in_place, time::sleep};

use crate::{
    fleet::Fleet,
    support::{
        database::PostgresServer,
        smtp::{Do, SmtpServer, Step},
    },
};

/// Where it blows.
pub struct Weather {
    pub fleet: Fleet,
    /// To be restarted; an SQLite file has none.
    pub server: Option<Arc<PostgresServer>>,
    pub smtp: SmtpServer,
}

/// How often something went wrong.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "they are printed")]
pub struct Storms {
    killed: usize,
    held: usize,
    replaced: usize,
    database_restarts: usize,
    mail_server_stops: usize,
}

fn seconds(from: f64, to: f64) -> Duration {
    Duration::from_secs_f64(rand::random_range(from..to))
}

impl Weather {
    /// Blows, and leaves everything as it should be.
    pub async fn blow_until(self, until: Instant) -> (SmtpServer, Storms) {
        let Weather {
            fleet,
            server,
            smtp,
        } = self;
        // Each on its own: to start an instance takes a database, which another of them starts.
        let instances = tokio::spawn(instances(fleet, until));
        let database = tokio::spawn(database(server, until));
        let (smtp, mail_server_stops) = mail(smtp, until).await;
        let mut storms = instances.await.expect("it does not panic");
        let database_restarts = database.await.expect("it does not panic");
        storms.database_restarts = database_restarts;
        storms.mail_server_stops = mail_server_stops;
        (smtp, storms)
    }
}

async fn instances(fleet: Fleet, until: Instant) -> Storms {
    let mut storms = Storms::default();
    // One process alone needs some time of its own in between.
    let calm = if fleet.len() == 1 { 3.0 } else { 0.7 };
    while Instant::now() < until {
        sleep(seconds(calm, calm + 0.6)).await;
        let instance = rand::random_range(0..fleet.len());
        match rand::random_range(0..10) {
            0 => {
                storms.held += 1;
                fleet.signal(instance, "STOP").await;
                // Longer than the lease.
                sleep(seconds(3.5, 4.5)).await;
                fleet.signal(instance, "CONT").await;
            }
            1 => {
                storms.replaced += 1;
                fleet.replace(instance).await;
                fleet.launch(instance).await;
            }
            _ => {
                storms.killed += 1;
                fleet.kill(instance).await;
                fleet.launch(instance).await;
            }
        }
    }
    storms
}

async fn database(server: Option<Arc<PostgresServer>>, until: Instant) -> usize {
    let mut restarts = 0;
    let Some(server) = server else {
        return restarts;
    };
    loop {
        sleep(seconds(10.0, 20.0)).await;
        if Instant::now() > until {
            return restarts;
        }
        restarts += 1;
        block_in_place(|| server.stop());
        sleep(seconds(0.2, 2.0)).await;
        block_in_place(|| server.start());
    }
}

async fn mail(mut smtp: SmtpServer, until: Instant) -> (SmtpServer, usize) {
    let mut stops = 0;
    while Instant::now() < until {
        for (step, todo) in [
            (Step::Greeting, Do::ReplyAndClose("421 4.3.2 Not now")),
            (Step::Rcpt, Do::Reply("451 4.7.1 Come back later")),
            (Step::Data, Do::Close),
            // Taken over, and nobody was told: this one goes twice.
            (Step::Letter, Do::Close),
        ] {
            sleep(seconds(0.5, 1.5)).await;
            smtp.once(step, todo);
        }
        stops += 1;
        smtp.stop().await;
        sleep(seconds(0.5, 2.0)).await;
        smtp.start_again().await;
    }
    smtp.accept_everything();
    (smtp, stops)
}
