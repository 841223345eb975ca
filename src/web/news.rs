//! Passes the Scheduler's news on to those who watch, and to nobody else: a crowd that watches is
//! not woken for every job of other people.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};

use crate::{
    account::UserId,
    actors::{Change, Changes},
    queue::SignupId,
};

/// Whose jobs somebody watches.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Topic {
    Signup(SignupId),
    User(UserId),
}

/// The watchers by topic; clones share them.
#[derive(Clone, Default)]
pub struct News(Arc<Mutex<HashMap<Topic, watch::Sender<()>>>>);

impl News {
    /// Starts to pass on what is told by `changes`, until nobody tells anything any more.
    pub fn start(mut changes: broadcast::Receiver<Changes>) -> Self {
        let news = News::default();
        let desk = news.clone();
        tokio::spawn(async move {
            loop {
                match changes.recv().await {
                    Ok(changes) => changes.iter().for_each(|change| desk.pass_on(change)),
                    // Nobody knows whom the missing ones concern.
                    Err(RecvError::Lagged(_)) => desk.wake_all(),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        news
    }

    /// What is new about this from now on.
    pub fn about(&self, topic: Topic) -> Subscription {
        let mut topics = self.lock();
        let sender = topics.entry(topic).or_insert_with(|| watch::channel(()).0);
        Subscription {
            heard: sender.subscribe(),
            topic,
            news: self.clone(),
        }
    }

    fn pass_on(&self, change: &Change) {
        let signup = change.signup.map(Topic::Signup);
        let user = change.user.map(|user| Topic::User(UserId(user)));
        signup
            .into_iter()
            .chain(user)
            .for_each(|topic| self.wake(topic));
    }

    /// Wakes those who watch this.
    pub fn wake(&self, topic: Topic) {
        if let Some(watchers) = self.lock().get(&topic) {
            watchers.send_replace(());
        }
    }

    fn wake_all(&self) {
        for watchers in self.lock().values() {
            watchers.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's interest in a topic; ends with this value.
pub struct Subscription {
    heard: watch::Receiver<()>,
    topic: Topic,
    news: News,
}

impl Subscription {
    /// Returns as soon as there is news that this has not returned for, or [`Subscription::catch_up`]
    /// passed over.
    pub async fn next(&mut self) {
        if self.heard.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Takes all news so far for known.
    pub fn catch_up(&mut self) {
        self.heard.mark_unchanged();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut topics = self.news.lock();
        // The last one, which is still counted.
        if topics
            .get(&self.topic)
            .is_some_and(|watchers| watchers.receiver_count() == 1)
        {
            topics.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::queue::JobId;

    fn change(user: Option<i64>, signup: Option<i64>) -> Change {
        Change {
            job: JobId(1),
            user,
            signup: signup.map(SignupId),
        }
    }

    fn has_news(subscription: &mut Subscription) -> bool {
        subscription.next().now_or_never().is_some()
    }

    #[test]
    fn news_reach_those_whom_they_concern_and_nobody_else() {
        let news = News::default();
        let mut signup = news.about(Topic::Signup(SignupId(1)));
        let mut user = news.about(Topic::User(UserId(1)));
        let mut other = news.about(Topic::Signup(SignupId(2)));
        assert!(!has_news(&mut signup), "there is nothing yet");

        news.pass_on(&change(None, Some(1)));
        assert!(has_news(&mut signup) && !has_news(&mut user) && !has_news(&mut other));
        assert!(!has_news(&mut signup), "it was told once");
        news.pass_on(&change(Some(1), Some(2)));
        assert!(!has_news(&mut signup) && has_news(&mut user) && has_news(&mut other));

        news.pass_on(&change(None, Some(1)));
        signup.catch_up();
        assert!(!has_news(&mut signup));
    }

    #[test]
    fn a_topic_that_nobody_watches_is_forgotten() {
        let news = News::default();
        let watchers: Vec<_> = (0..3)
            .map(|_| news.about(Topic::Signup(SignupId(1))))
            .collect();
        let last = news.about(Topic::Signup(SignupId(1)));
        drop(watchers);
        assert_eq!(news.lock().len(), 1);
        drop(last);
        assert!(news.lock().is_empty());
    }

    #[tokio::test]
    async fn of_what_is_told_at_one_time_all_is_passed_on() {
        let (tell, changes) = broadcast::channel(1);
        let news = News::start(changes);
        let mut watchers = [1, 2].map(|signup| news.about(Topic::Signup(SignupId(signup))));
        let both = [change(None, Some(1)), change(None, Some(2))];
        tell.send(both.into()).unwrap();
        for watcher in &mut watchers {
            watcher.next().await;
        }
    }

    #[tokio::test]
    async fn whoever_may_have_missed_something_is_woken() {
        let (tell, changes) = broadcast::channel(1);
        tell.send([change(None, Some(1))].into()).unwrap();
        tell.send([change(None, Some(2))].into()).unwrap();
        let news = News::start(changes);
        let mut first = news.about(Topic::Signup(SignupId(1)));
        first.next().await;
    }
}
