//! Chromium, as a visitor has it: a window, a language, light or dark, with or without JavaScript.

mod driver;
mod hands;
mod look;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator, elements::Element, error::CmdError, wd::TimeoutConfiguration,
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::timeout;

use self::driver::{ConsoleLog, DevTools};
use super::axe::{self, Violation};

/// Of phones of today, a narrow one.
pub const PHONE: (u32, u32) = (360, 740);

/// A modest laptop.
pub const DESKTOP: (u32, u32) = (1280, 800);

/// How long a page may take to show what it will show.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with a profile of its own: no cookies, no cache. Closed with this value, even by a panic.
pub struct Browser {
    /// What WebDriver can do, for what has no helper here.
    pub client: Client,
    port: u16,
    session: String,
}

impl Browser {
    /// Opens a window of this size, in CSS pixels; one narrower than a tablet behaves like a phone.
    ///
    /// `locale` is the language that the browser asks for, such as `pt-BR`.
    pub async fn open(size: (u32, u32), dark: bool, javascript: bool, locale: &str) -> Self {
        let port = driver::port();
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": "/usr/bin/chromium",
                "args": driver::arguments(locale),
            },
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is written as an object");
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        let session = client.session_id().await.expect("a session has an id");
        let browser = Browser {
            client,
            port,
            session: session.expect("a session has an id"),
        };
        let script = TimeoutConfiguration::new(Some(PATIENCE), Some(PATIENCE), None);
        browser
            .client
            .update_timeouts(script)
            .await
            .expect("chromedriver waits as told");
        browser.wear(size, dark).await;
        browser.run_scripts(javascript).await;
        browser
    }

    /// Turns JavaScript on or off, from now on.
    pub async fn run_scripts(&self, javascript: bool) {
        let off = json!({"value": !javascript});
        self.devtools("Emulation.setScriptExecutionDisabled", off)
            .await;
    }

    /// Goes to a page and returns once it has loaded.
    pub async fn goto(&self, url: &str) {
        self.client
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Waits until something of the page has been painted: before that it hears no key.
    pub async fn wait_for_paint(&self) {
        let painted = "return performance.getEntriesByName('first-contentful-paint').length";
        let painted = async { while self.execute(painted).await == 0 {} };
        timeout(PATIENCE, painted).await.expect("a page is painted");
    }

    /// The first element that matches, once there is one.
    pub async fn wait_for(&self, css: &str) -> Element {
        self.wait_for_located(Locator::Css(css), css).await
    }

    /// The innermost element that holds this text, once there is one. The text has no `"` in it.
    pub async fn wait_for_text(&self, text: &str) -> Element {
        let path = format!("//body//*[text()[contains(normalize-space(.), \"{text}\")]]");
        self.wait_for_located(Locator::XPath(&path), text).await
    }

    async fn wait_for_located(&self, locator: Locator<'_>, what: &str) -> Element {
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .every(Duration::from_millis(50))
            .for_element(locator)
            .await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("no `{what}` ({error}) on\n{}", self.visible_text().await),
        }
    }

    /// What a visitor can read.
    pub async fn visible_text(&self) -> String {
        let body = self.client.find(Locator::Css("body")).await;
        match body {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// Runs a script, whatever the page's policy and even where its own scripts are off; `return` gives the answer.
    pub async fn execute(&self, script: &str) -> Value {
        self.client
            .execute(script, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Saves what is seen as a PNG file.
    pub async fn screenshot(&self, path: impl AsRef<Path>) {
        let picture = self.client.screenshot().await.expect("a picture");
        fs::write(path, picture).expect("a picture can be saved");
    }

    /// What an element says, once there is one that matches.
    pub async fn text_of(&self, css: &str) -> String {
        let element = self.wait_for(css).await;
        element.text().await.expect("an element has a text")
    }

    /// The path of the page that is shown.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("a page has a URL");
        url.path().to_owned()
    }

    /// What the console has complained of since it was last asked.
    ///
    /// That the page itself came with an error's status is no complaint: some pages tell of errors. Nor is that a form
    /// came back, on this page or one before.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.client.issue_cmd(ConsoleLog).await;
        let entries: Value = entries.expect("the console can be read");
        let mut page = self.client.current_url().await.expect("a page has a URL");
        page.set_fragment(None);
        let failed = "Failed to load resource: the server responded with a status of";
        let (page, form) = (format!("{page} - {failed}"), format!("{failed} 422"));
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .filter_map(|entry| entry["message"].as_str())
            .filter(|message| !message.starts_with(&page) && !message.contains(&form))
            .map(str::to_owned)
            .collect()
    }

    /// The rules of WCAG 2.2 A and AA that the page breaks.
    pub async fn axe(&self) -> Vec<Violation> {
        if self.execute("return !window.axe").await == true {
            let loaded = self.client.execute(&axe::source(), Vec::new()).await;
            loaded.expect("axe-core loads");
        }
        let found = self
            .client
            .execute_async(axe::ASK, Vec::new())
            .await
            .expect("axe-core answers");
        serde_json::from_value(found).expect("axe-core answers as asked")
    }

    /// Tells Chromium what WebDriver has no word for, by a command of its own protocol.
    pub async fn devtools(&self, method: &'static str, parameters: Value) -> Value {
        let command = DevTools { method, parameters };
        let answer: Result<Value, CmdError> = self.client.issue_cmd(command).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // By hand, since a test that panics has nobody left to await an answer.
        let request = format!(
            "DELETE /session/{} HTTP/1.0\r\nHost: localhost\r\n\r\n",
            self.session
        );
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = driver.write_all(request.as_bytes());
            let _ = driver.read_to_end(&mut Vec::new());
        }
    }
}
