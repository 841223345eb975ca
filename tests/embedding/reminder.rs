//! Reminds a user who never came back.

use cadastro::{
    account::UserId,
    jobs::{Context, JobError, Letter},
    mail::Draft,
    queue::{EMAIL, Job},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The letter to a user.
#[derive(Deserialize, Serialize)]
pub struct Reminder {
    pub user: UserId,
}

impl Job for Reminder {
    const KIND: &'static str = "reminder";
    const QUEUE: &'static str = EMAIL;
}

impl Letter for Reminder {
    async fn compose(self, cx: Context) -> Result<Draft, JobError> {
        let user = cx.store().user(self.user).await?;
        let user = user.ok_or_else(|| JobError::cancel("the user is gone"))?;
        let data = json!({ "username": user.username });
        cx.letter("email/reminder", &user.email, user.locale, data)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cadastro::{queue::State, testing::TestApp};

    use super::{super::ours, *};

    const THREE_DAYS: Duration = Duration::from_secs(3 * 24 * 3600);

    #[tokio::test]
    async fn a_user_is_reminded_after_three_days_and_not_before() {
        let app = TestApp::start(ours).await;
        let user = app.user("maria").await;
        app.enqueue(Reminder { user }.after(THREE_DAYS)).await;

        app.advance(THREE_DAYS - Duration::from_secs(1)).await;
        let reminders = app.enqueued::<Reminder>().await;
        assert_eq!(reminders[0].args.user, user);
        assert_eq!(reminders[0].row.state, State::Scheduled);

        app.advance(Duration::from_secs(1)).await;
        let letters = app.letters().await;
        let last = letters.last().expect("a letter");
        assert_eq!(last.recipient, "maria@example.com");
        assert_eq!(last.subject, "We miss you");
        assert!(last.text.contains("Come back, maria"), "{}", last.text);
    }

    #[tokio::test]
    async fn nobody_is_reminded_who_is_gone() {
        let app = TestApp::start(ours).await;
        let ran = app.run(&Reminder { user: UserId(404) }).await;
        assert_eq!(ran.row.state, State::Cancelled);
        assert_eq!(ran.error.as_deref(), Some("the user is gone"));
    }
}
