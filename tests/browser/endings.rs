//! The last word of a receipt, which comes alive or is loaded again.

use cadastro::text::{Locale, Text};

use super::{receipt, sign_up};
use crate::{
    signup::endings::{ENDINGS, Ending},
    support::browser::{Browser, DESKTOP, PHONE},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_ends_in_place_as_it_does_without_javascript() {
    let text = Text::new().expect("the templates agree");
    for (letter, key) in ENDINGS {
        let ending = Ending::of(letter).await;
        for (locale, size) in [(Locale::PtBr, PHONE), (Locale::En, DESKTOP)] {
            let expected = text.sentence(locale, key, &[]);
            let live = Browser::open(size, false, true, locale.tag()).await;
            let username = format!("maria-{locale}");
            let path = sign_up(&live, &ending.app, &username).await;
            live.wait_for("[data-live]:not([hidden])").await;
            let plain = Browser::open(size, false, false, locale.tag()).await;
            let page = format!("{}/signup/{path}", ending.app.url);
            plain.goto(&page).await;
            assert_eq!(receipt(&plain, &ending.app).await, path);

            ending.reach(&path).await;
            for browser in [&live, &plain] {
                assert_eq!(browser.text_of(".finale h2").await, expected);
            }
            let ends = [
                live.text_of(".finale").await,
                plain.text_of(".finale").await,
            ];
            assert_eq!(ends[0], ends[1]);
            live.goto(&page).await;
            assert_eq!(live.text_of(".finale").await, ends[0]);
            assert_eq!(live.complaints().await, [] as [&str; 0]);
        }
    }
}
