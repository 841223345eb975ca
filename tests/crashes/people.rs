//! People who sign up and do not give up.

use cadastro::store::JobRow;
use serde_json::{Value, json};

use crate::{
    stage::{Stage, answered},
    support::program::Program,
};

/// Somebody who signs up, and whose browser sends the form again until it is answered.
pub struct Person {
    pub name: &'static str,
    /// What the answer said.
    pub receipt: Option<String>,
}

impl Person {
    pub fn called(name: &'static str) -> Self {
        Person {
            name,
            receipt: None,
        }
    }

    /// Those that their sign-up started, once it was answered.
    pub async fn jobs(&self, stage: &Stage) -> Vec<JobRow> {
        let receipt = self.receipt.as_deref().expect("everybody was answered");
        let found = answered(|| stage.store.receipt(receipt)).await;
        found.map_or(Vec::new(), |receipt| receipt.jobs)
    }

    /// Sends the form until it is answered; gives up when the program is gone.
    ///
    /// # Panics
    ///
    /// When an answer differs from an earlier one.
    pub async fn sign_up(&mut self, program: &Program) {
        let form = json!({
            "username": self.name,
            "email": format!("{}@example.com", self.name),
            "password": "correct horse battery",
        });
        loop {
            let request = reqwest::Client::new()
                .post(format!("{}/api/v1/signups", program.url))
                .header("Idempotency-Key", format!("the-form-of-{}", self.name))
                .json(&form);
            let Ok(answer) = request.send().await else {
                return;
            };
            // An actor that fell over the form is ready for it again in a moment.
            if answer.status().is_server_error() {
                continue;
            }
            assert_eq!(answer.status(), 202, "{answer:?}");
            let Ok(answer) = answer.json::<Value>().await else {
                return;
            };
            let receipt = answer["receipt"].as_str().map(str::to_owned);
            assert!(self.receipt.is_none() || self.receipt == receipt);
            self.receipt = receipt;
            return;
        }
    }
}

/// So many jobs of a receipt are in this state.
pub fn in_state(state: &'static str, jobs: usize) -> impl Fn(&str) -> bool {
    move |shown| shown.matches(&format!("data-state=\"{state}\"")).count() == jobs
}
