//! Many visitors at once, on one thread: each waits for its answer before it asks again.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    client::{Connection, get, post},
    table::quantile,
};

/// How often somebody looks at another page meanwhile: seldom enough to take little from those who sign up.
const LOOK: Duration = Duration::from_millis(40);

/// How long people sign up at the most: whoever is slow need not be measured for minutes.
const LONGEST: Duration = Duration::from_secs(6);

/// How fast answers came, and how long each took.
pub struct Pace {
    pub per_second: f64,
    pub answers: usize,
    /// In milliseconds, sorted.
    waits: Vec<f64>,
}

impl Pace {
    fn of(begun: Instant, waits: impl IntoIterator<Item = Duration>) -> Self {
        let mut waits: Vec<f64> = waits.into_iter().map(milliseconds).collect();
        waits.sort_by(f64::total_cmp);
        Pace {
            per_second: waits.len() as f64 / begun.elapsed().as_secs_f64(),
            answers: waits.len(),
            waits,
        }
    }

    pub fn p50(&self) -> f64 {
        quantile(&self.waits, 0.5)
    }

    pub fn p99(&self) -> f64 {
        quantile(&self.waits, 0.99)
    }
}

/// Signs up `people`, `clients` at a time, or as many of them as there is time for, while somebody else looks at the
/// other pages. Answers how both went.
///
/// Each sends a form that was fetched, and filled in, before the clock starts.
pub async fn sign_up(address: &str, clients: usize, people: usize) -> (Pace, Pace) {
    let forms = forms(address, clients, people).await;
    let receipt = {
        let mut one = Connection::open(address).await;
        let form = form(&mut one, "the-first").await;
        signed_up(&mut one, &form).await
    };
    let forms = RefCell::new(forms);
    let connections = connections(address, clients).await;
    let done = Cell::new(false);
    let begun = Instant::now();
    let signing_up = connections.into_iter().map(async |mut connection| {
        let mut waits = Vec::new();
        while begun.elapsed() < LONGEST {
            let Some(form) = forms.borrow_mut().pop() else {
                break;
            };
            let sent = Instant::now();
            signed_up(&mut connection, &form).await;
            waits.push(sent.elapsed());
        }
        waits
    });
    let signing_up = async {
        let waits = join_all(signing_up).await;
        done.set(true);
        Pace::of(begun, waits.into_iter().flatten())
    };
    let looking = async {
        let waits = look_around(address, &receipt, &done).await;
        Pace::of(begun, waits)
    };
    tokio::join!(signing_up, looking)
}

/// Asks for one page again and again, `clients` at a time.
pub async fn read(address: &str, clients: usize, path: &str, lasts: Duration) -> Pace {
    let connections = connections(address, clients).await;
    let request = get(path);
    let begun = Instant::now();
    let reading = connections.into_iter().map(async |mut connection| {
        let mut waits = Vec::new();
        while begun.elapsed() < lasts {
            let sent = Instant::now();
            seen(&mut connection, &request).await;
            waits.push(sent.elapsed());
        }
        waits
    });
    let waits = join_all(reading).await;
    Pace::of(begun, waits.into_iter().flatten())
}

/// Looks at one page after the other until that is `done`. A look that was late because the one before it took
/// too long has waited since it was due.
async fn look_around(address: &str, receipt: &str, done: &Cell<bool>) -> Vec<Duration> {
    let mut connection = Connection::open(address).await;
    let pages = ["/", "/signup", "/login", receipt].map(get);
    let mut due = interval(LOOK);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut waits = Vec::new();
    for page in pages.iter().cycle() {
        let due = due.tick().await;
        if done.get() {
            break;
        }
        seen(&mut connection, page).await;
        waits.push(due.elapsed());
    }
    waits
}

async fn seen(connection: &mut Connection, page: &[u8]) {
    let answer = connection.ask(page).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.ends_with(b"</html>\n"), "a whole page");
}

/// Sends a form, and answers with the path of the receipt.
async fn signed_up(connection: &mut Connection, form: &[u8]) -> String {
    let answer = connection.ask(form).await;
    let location = answer.location().unwrap_or_default();
    assert_eq!(answer.status, 303, "everybody signs up");
    assert!(location.starts_with("/signup/"), "{location}");
    location.to_owned()
}

/// A form for each, with the key that the page gave it.
async fn forms(address: &str, clients: usize, people: usize) -> Vec<Vec<u8>> {
    let connections = connections(address, clients).await;
    let next = Cell::new(0);
    let fetching = connections.into_iter().map(async |mut connection| {
        let mut forms = Vec::new();
        while next.get() < people {
            let name = format!("person-{}", next.replace(next.get() + 1));
            forms.push(form(&mut connection, &name).await);
        }
        forms
    });
    let forms = join_all(fetching).await;
    forms.into_iter().flatten().collect()
}

async fn form(connection: &mut Connection, name: &str) -> Vec<u8> {
    let answer = connection.ask(&get("/signup")).await;
    assert_eq!(answer.status, 200);
    let page = std::str::from_utf8(answer.body).expect("text");
    let key = page.split_once("name=\"idempotency_key\" value=\"");
    let key = key.and_then(|(_, rest)| rest.split_once('"'));
    let (key, _) = key.expect("the form has a key");
    let password = "quatro+cavalos+azuis+7";
    post(
        "/signup",
        &format!(
            "username={name}&email={name}%40example.com&password={password}&password_confirmation={password}\
             &idempotency_key={key}"
        ),
    )
}

async fn connections(address: &str, clients: usize) -> Vec<Connection> {
    join_all((0..clients).map(|_| Connection::open(address))).await
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
