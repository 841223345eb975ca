//! When letters may leave, and when they may not.

use std::{
    io,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a small number")
}

fn accepted() -> Result<Accepted, MailError> {
    Ok(Accepted {
        reply: "250 ok".to_owned(),
    })
}

fn refused() -> Result<Accepted, MailError> {
    Err(MailError::replied(550, "no such user"))
}

fn away() -> Result<Accepted, MailError> {
    Err(MailError::unreachable("gone"))
}

/// Sends a letter of which this becomes.
fn send(breaker: &Breaker, second: i64, sent: &Result<Accepted, MailError>) {
    let pass = breaker.ask(at(second)).expect("leave to send");
    pass.tell(sent, at(second));
}

/// One that opened at second 0.
fn open() -> Breaker {
    let breaker = Breaker::default();
    for _ in 0..FAILURES {
        send(&breaker, 0, &away());
    }
    breaker
}

fn delay(breaker: &Breaker, second: i64) -> u64 {
    let PutOff(delay) = breaker.ask(at(second)).expect_err("no leave");
    delay.as_secs()
}

#[test]
fn letters_to_a_healthy_server_are_never_put_off() {
    let breaker = Breaker::default();
    for _ in 0..10 {
        for sent in [accepted(), refused(), away(), away(), refused()] {
            send(&breaker, 0, &sent);
        }
    }
}

#[test]
fn it_opens_after_some_failures_in_a_row_and_lets_one_letter_at_a_time_probe() {
    let breaker = open();
    assert!((5..=7).contains(&delay(&breaker, 0)));
    breaker.ask(at(4)).expect_err("no leave");
    let trouble = breaker.trouble().expect("trouble");
    assert_eq!(trouble, "the mail server was not reached: gone");

    let probe = breaker.ask(at(5)).expect("a probe");
    assert!((15..=17).contains(&delay(&breaker, 5)));
    probe.tell(&away(), at(5));
    assert!((10..=15).contains(&delay(&breaker, 5)));
    assert!((1..=6).contains(&delay(&breaker, 14)));
    send(&breaker, 15, &away());
    assert!((20..=30).contains(&delay(&breaker, 15)));
}

#[test]
fn it_closes_at_the_first_letter_that_the_server_deals_with_for_good_or_ill() {
    for sent in [accepted(), refused(), Err(MailError::replied(450, "later"))] {
        let breaker = open();
        send(&breaker, 5, &sent);
        assert_eq!(breaker.trouble(), None);
        for _ in 1..FAILURES {
            send(&breaker, 5, &away());
        }
        send(&breaker, 5, &accepted());
    }
}

#[test]
fn the_wait_between_probes_grows_and_stays_bounded() {
    let breaker = open();
    let (mut second, mut waits) = (0, Vec::new());
    for wait in [5, 10, 20, 40, 80, 160, 320, 640, 900, 900] {
        breaker.ask(at(second + wait - 1)).expect_err("no leave");
        second += wait;
        send(&breaker, second, &away());
        waits.push(wait);
    }
    assert_eq!(waits.last(), Some(&(LONGEST_WAIT.as_secs() as i64)));
}

#[test]
fn a_probe_that_says_nothing_makes_room_for_another() {
    let breaker = open();
    for _ in 0..3 {
        drop(breaker.ask(at(5)).expect("a probe"));
    }
    let impossible = Err(MailError::Invalid("no address".to_owned()));
    send(&breaker, 5, &impossible);
    send(&breaker, 5, &accepted());
}

#[test]
fn letters_that_left_before_it_opened_neither_prolong_the_wait_nor_take_the_probes_place() {
    let breaker = Breaker::default();
    let mut early: Vec<_> = (0..6).map(|_| breaker.ask(at(0)).expect("leave")).collect();
    let late = early.pop().expect("one of them");
    for pass in early {
        pass.tell(&away(), at(3));
    }
    let probe = breaker.ask(at(8)).expect("a probe, 5 s after it opened");
    late.tell(&away(), at(8));
    assert!((15..=17).contains(&delay(&breaker, 8)));
    probe.tell(&accepted(), at(8));
    send(&breaker, 8, &accepted());
}

#[test]
fn good_news_from_a_letter_that_left_before_it_opened_closes_it_too() {
    let breaker = Breaker::default();
    let early = breaker.ask(at(0)).expect("leave");
    for _ in 0..FAILURES {
        send(&breaker, 0, &away());
    }
    let probe = breaker.ask(at(5)).expect("a probe");
    early.tell(&accepted(), at(5));
    // The probe is a letter like any other now.
    probe.tell(&away(), at(5));
    send(&breaker, 5, &accepted());
}

#[test]
fn the_log_says_once_when_it_opens_and_once_when_it_closes() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let breaker = open();
        send(&breaker, 5, &away());
        send(&breaker, 15, &away());
        breaker.ask(at(16)).expect_err("no leave");
        send(&breaker, 35, &accepted());
        send(&breaker, 36, &accepted());
    });
    let said = log.0.lock().expect("nobody panics here").clone();
    let said = String::from_utf8(said).expect("text");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("is in trouble"), "{said}");
    assert!(lines[1].contains("takes letters again"), "{said}");
    assert!(lines[1].contains("duration_ms=35000"), "{said}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, said: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics here").extend(said);
        Ok(said.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What may happen to a breaker.
#[derive(Clone, Debug)]
enum Event {
    Later(u32),
    Ask,
    /// One of those who have leave says what came of it: a failure, good news or nothing.
    Tell(usize, u8),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..2000u32).prop_map(Event::Later),
        Just(Event::Ask),
        (any::<usize>(), 0..4u8).prop_map(|(who, what)| Event::Tell(who, what)),
    ]
}

proptest! {
    #[test]
    fn at_most_one_letter_probes_and_nobody_is_put_off_for_ever(
        events in prop::collection::vec(any_event(), 0..200), chance in 0.0..=1.0f64
    ) {
        let (mut rule, mut now) = (Rule::default(), at(0));
        let mut under_way: Vec<Option<u64>> = Vec::new();
        for event in events {
            match event {
                Event::Later(seconds) => now += Duration::from_secs(seconds.into()),
                Event::Ask => match rule.ask(now, chance) {
                    Ok(probe) => under_way.push(probe),
                    Err(PutOff(delay)) => {
                        let longest = LONGEST_WAIT + LONGEST_WAIT / 2;
                        prop_assert!(delay > Duration::ZERO && delay <= longest);
                    }
                },
                Event::Tell(who, what) if !under_way.is_empty() => {
                    let probe = under_way.swap_remove(who % under_way.len());
                    match what {
                        0 | 1 => drop(rule.failed(probe, "gone", now)),
                        2 => drop(rule.dealt()),
                        _ => {}
                    }
                    rule.returned(probe);
                }
                Event::Tell(..) => {}
            }
            let current = rule.open.as_ref().and_then(|open| open.probe);
            prop_assert!(current.is_none() || under_way.contains(&current));
        }
        // Once nobody is under way, the next letter after the wait has leave.
        for probe in under_way {
            rule.returned(probe);
        }
        prop_assert!(rule.ask(now + LONGEST_WAIT, chance).is_ok());
    }
}
