use futures_util::FutureExt;

use super::*;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// What a clock shows that started at 0 when the machine's clock has leapt by `leap` since, after
/// `passed` seconds, read once a second.
fn shown_after(leap: SignedDuration, passed: i64) -> f64 {
    let mut steady = Steady::at(Timestamp::UNIX_EPOCH, seconds(100));
    for second in 1..=passed {
        steady.read(
            Timestamp::UNIX_EPOCH + leap + seconds(second),
            seconds(100 + second),
        );
    }
    steady
        .shown
        .duration_since(Timestamp::UNIX_EPOCH)
        .as_secs_f64()
}

#[test]
fn a_leap_of_the_time_of_day_is_followed_by_a_hundredth_of_what_passes() {
    for leap in [seconds(3600), seconds(86_400)] {
        assert!((shown_after(leap, 10) - 10.1).abs() < 1e-6);
        assert!((shown_after(-leap, 10) - 9.9).abs() < 1e-6);
    }
    assert!((shown_after(seconds(3600), 400_000) - 403_600.0).abs() < 0.1);
}

#[test]
fn a_difference_as_small_as_the_noise_of_asking_is_left_alone() {
    assert_eq!(shown_after(SignedDuration::from_millis(40), 1000), 1000.0);
}

#[test]
fn a_clock_that_was_set_shows_the_other_ones_time_and_stays_with_it() {
    let clock = Clock::system();
    let theirs = Timestamp::now() + seconds(86_400);
    clock.set(theirs);
    let ahead = clock.now().duration_since(theirs);
    assert!(ahead >= seconds(0) && ahead < seconds(3600), "{ahead:?}");
    let Hand::System(steady) = &clock.hand else {
        unreachable!("it is the system's");
    };
    assert!(!lock(steady).told_of_leap);
}

#[test]
fn a_leap_is_told_of_though_another_clock_is_followed_before_the_next_look() {
    let mut steady = Steady::at(Timestamp::UNIX_EPOCH, seconds(100));
    let theirs = Timestamp::UNIX_EPOCH + seconds(1);
    steady.follow(theirs, theirs + seconds(3600), seconds(101));
    assert!(steady.told_of_leap);
    let shown = steady.read(theirs + seconds(3601), seconds(102));
    let late = shown.duration_since(theirs + seconds(1));
    assert!(late.abs() <= seconds(1) / 50, "{late:?}");
    assert!(!steady.told_of_leap);
}

#[tokio::test]
async fn a_sleeper_wakes_when_the_hand_has_moved_far_enough() {
    let clock = Clock::standing_at(Timestamp::UNIX_EPOCH);
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move { clock.sleep(Duration::from_secs(10)).await }
    });
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(9));
    tokio::task::yield_now().await;
    assert!(!sleeper.is_finished());
    clock.advance(Duration::from_secs(1));
    sleeper.await.expect("the sleeper ends");
}

#[test]
fn whoever_sleeps_by_a_standing_clock_is_listed_until_the_sleep_ends() {
    let clock = Clock::standing_at(Timestamp::UNIX_EPOCH);
    let sleepers = clock.sleepers().expect("it stands");
    let of_job = clock.of_job(7);
    {
        let sleep = of_job.sleep(Duration::from_secs(10));
        tokio::pin!(sleep);
        assert_eq!(sleep.as_mut().now_or_never(), None);
        let until = Timestamp::UNIX_EPOCH + seconds(10);
        let asleep = Sleeper {
            job: Some(7),
            until,
        };
        assert_eq!(*sleepers.borrow(), [asleep]);
    }
    assert!(sleepers.borrow().is_empty(), "nobody waits for it any more");
}
