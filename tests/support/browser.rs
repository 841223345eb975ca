//! Chromium, as a visitor has it: a window, a language, light or dark, with or without JavaScript.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    error::CmdError,
    wd::{TimeoutConfiguration, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::{
    axe::{self, Violation},
    daemon::{Daemon, Program},
};

/// Of phones of today, a narrow one.
pub const PHONE: (u32, u32) = (360, 740);

/// A modest laptop.
pub const DESKTOP: (u32, u32) = (1280, 800);

/// How long a page may take to show what it will show.
const PATIENCE: Duration = Duration::from_secs(30);

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
    pub async fn open(
        (width, height): (u32, u32),
        dark: bool,
        javascript: bool,
        locale: &str,
    ) -> Self {
        let port = chromedriver();
        let capabilities = json!({ "goog:chromeOptions": {
            "binary": "/usr/bin/chromium",
            "args": arguments(locale),
        }});
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
        let theme = if dark { "dark" } else { "light" };
        for (method, parameters) in [
            (
                "Emulation.setDeviceMetricsOverride",
                json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
            ),
            (
                "Emulation.setEmulatedMedia",
                json!({"features": [{"name": "prefers-color-scheme", "value": theme}]}),
            ),
            (
                "Emulation.setScriptExecutionDisabled",
                json!({"value": !javascript}),
            ),
        ] {
            browser.devtools(method, parameters).await;
        }
        browser
    }

    /// Goes to a page and returns once it has loaded.
    pub async fn goto(&self, url: &str) {
        self.client
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
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

    /// Types into the field of this name, in place of what it held.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.wait_for(&format!("[name='{name}']")).await;
        field.clear().await.expect("a field can be cleared");
        field
            .send_keys(text)
            .await
            .expect("a field can be typed into");
    }

    /// Clicks on the first element that matches.
    pub async fn click(&self, css: &str) {
        let element = self.wait_for(css).await;
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
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

    /// The rules of WCAG 2.2 A and AA that the page breaks.
    pub async fn axe(&self) -> Vec<Violation> {
        self.client
            .execute(&axe::source(), Vec::new())
            .await
            .expect("axe-core loads");
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

fn arguments(locale: &str) -> Vec<String> {
    [
        "--headless=new",
        // Its sandbox wants rights that containers lack; it sees only our own pages.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-breakpad",
        "--disable-crash-reporter",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        format!("--lang={locale}"),
        format!("--accept-lang={locale}"),
    ])
    .collect()
}

/// The port of the driver that all tests of this process share.
fn chromedriver() -> u16 {
    static SHARED: OnceLock<Result<(Mutex<Daemon>, u16), String>> = OnceLock::new();
    match SHARED.get_or_init(start_chromedriver) {
        Ok((_, port)) => *port,
        Err(error) => panic!("{error}"),
    }
}

fn start_chromedriver() -> Result<(Mutex<Daemon>, u16), String> {
    for (program, package) in [
        ("/usr/bin/chromedriver", "chromium-driver"),
        ("/usr/bin/chromium", "chromium"),
    ] {
        if !Path::new(program).exists() {
            return Err(format!("{program} is missing: apt-get install {package}"));
        }
    }
    let folder = tempfile::tempdir().expect("a folder for Chromium");
    let (daemon, line) = Daemon::start(Program {
        line: vec!["/usr/bin/chromedriver".to_owned(), "--port=0".to_owned()],
        // Profiles land in it too, being temporary files; from here on the daemon removes it.
        folder: folder.keep(),
        user: None,
        end: "KILL",
        ready: "started successfully on port",
        fatal: "Exiting",
    })?;
    let port = line
        .trim_end_matches('.')
        .rsplit(' ')
        .next()
        .and_then(|port| port.parse().ok());
    let port = port.ok_or_else(|| format!("no port in: {line}"))?;
    Ok((Mutex::new(daemon), port))
}

/// A command of the Chrome DevTools Protocol, by way of chromedriver.
#[derive(Debug)]
struct DevTools {
    method: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (reqwest::Method, Option<String>) {
        let body = json!({"cmd": self.method, "params": self.parameters});
        (reqwest::Method::POST, Some(body.to_string()))
    }
}
