//! People who sign up, and try again until they are answered.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::interval};

use crate::fleet::Fleet;

/// Sign-ups a second.
const RATE: u32 = 50;

/// How long somebody waits for an answer before they try elsewhere.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whoever has no answer, or a 503, tries again after so long.
const AGAIN: Duration = Duration::from_millis(200);

/// Signs people up, and gives what each was answered: the username and the receipt.
pub async fn sign_up_until(until: Instant, fleet: Fleet) -> Vec<(String, String)> {
    let client = Client::builder()
        .timeout(PATIENCE)
        .build()
        .expect("a client");
    let mut people = JoinSet::new();
    let mut clock = interval(Duration::from_secs(1) / RATE);
    for number in 0.. {
        clock.tick().await;
        if Instant::now() > until {
            break;
        }
        people.spawn(sign_up(client.clone(), fleet.clone(), number));
    }
    people.join_all().await
}

async fn sign_up(client: Client, fleet: Fleet, number: usize) -> (String, String) {
    let username = format!("person{number}");
    let body = json!({
        "username": username,
        "email": format!("{username}@example.com"),
        "password": "correct horse battery",
    });
    for turn in number.. {
        if let Some(url) = fleet.url(turn) {
            let request = client
                .post(format!("{url}/api/v1/signups"))
                .header("Idempotency-Key", &username)
                .json(&body);
            // No answer at all says nothing of what was saved: that is what the key is for.
            if let Ok(answer) = request.send().await {
                match answer.status().as_u16() {
                    202 => {
                        if let Ok(answer) = answer.json::<Value>().await {
                            let receipt = answer["receipt"].as_str().expect("a receipt");
                            return (username, receipt.to_owned());
                        }
                    }
                    // Not now; or the instance was held while it was being asked.
                    503 | 408 => {}
                    other => panic!("{username} was answered {other}: {:?}", answer.text().await),
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
    unreachable!("there is no last turn")
}
