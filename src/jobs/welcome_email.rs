//! A letter: welcomes the new user, some seconds after the sign-up.
//!
//! Where the address belongs to somebody else already, its owner is told instead, once a day however often
//! somebody tries. It is one kind, so that nobody who watches the receipt learns which letter left, or none.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Context, JobError, Letter};
use crate::{
    mail::Draft,
    queue::{EMAIL, Job, SignupId, State},
    store::StoreError,
};

/// The letter that answers a sign-up.
#[derive(Deserialize, Serialize)]
pub struct WelcomeEmail {
    /// Which sign-up it answers.
    pub signup: SignupId,
}

impl Job for WelcomeEmail {
    const KIND: &'static str = "welcome_email";
    const QUEUE: &'static str = EMAIL;
}

impl Letter for WelcomeEmail {
    async fn compose(self, cx: Context) -> Result<Draft, JobError> {
        let receipt = cx.store().signup(self.signup).await?;
        let receipt = receipt.ok_or_else(|| JobError::cancel("the sign-up is gone"))?;
        let user = cx.store().user(receipt.user).await?;
        let user = user.ok_or_else(|| JobError::cancel("the user is gone"))?;
        if let Some(teller) = receipt.told_by {
            return Err(fate(&cx, teller).await);
        }
        let (template, locale) = match receipt.address_taken {
            false => ("email/welcome_email", receipt.locale),
            true => ("email/address_taken", user.locale),
        };
        let data = json!({ "username": user.username });
        cx.letter(template, &user.email, locale, data)
    }
}

/// How often, and how many times, a letter looks whether the one that stands for it has left. One that takes
/// longer may have lost its process, and is not waited for.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS: usize = 25;

/// How a letter ends for which another one stands: as that one does.
async fn fate(cx: &Context, teller: SignupId) -> JobError {
    for _ in 0..LOOKS {
        match letter_of(cx, teller).await {
            // By the machine's own time: this waits for somebody, and not for an instant.
            Ok(Some(State::Executing)) => tokio::time::sleep(LOOK).await,
            Ok(Some(State::Retryable)) => {
                return JobError::Failed("the owner could not be told yet".into());
            }
            Ok(Some(State::Discarded)) => return JobError::hopeless("the owner cannot be told"),
            Ok(Some(State::Cancelled)) => return JobError::cancel("the owner is not to be told"),
            Ok(_) => break,
            Err(error) => return error.into(),
        }
    }
    JobError::DoneAlready
}

/// What has become of the letter of a sign-up.
async fn letter_of(cx: &Context, signup: SignupId) -> Result<Option<State>, StoreError> {
    let receipt = cx.store().signup(signup).await?;
    let mut jobs = receipt.into_iter().flat_map(|receipt| receipt.jobs);
    let letter = jobs.find(|job| job.kind == WelcomeEmail::KIND);
    Ok(letter.map(|letter| letter.state))
}
