//! A letter: welcomes the new user, some seconds after the sign-up.
//!
//! Where the address belongs to somebody else already, its owner is told instead. It is one kind,
//! so that nobody who watches the receipt learns which of the two letters left.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Context, JobError, Letter};
use crate::{
    mail::Draft,
    queue::{EMAIL, Job, SignupId},
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
        let (template, locale) = match receipt.address_taken {
            false => ("email/welcome_email", receipt.locale),
            true => ("email/address_taken", user.locale),
        };
        let data = json!({ "username": user.username });
        cx.letter(template, &user.email, locale, data)
    }
}
