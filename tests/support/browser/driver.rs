//! chromedriver, which starts Chromium for every test of this process, and what it is told beyond WebDriver.

use std::{
    path::Path,
    sync::{Mutex, OnceLock},
};

use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::support::daemon::{Daemon, Program};

/// How Chromium is started, asking for pages in `locale`.
pub(super) fn arguments(locale: &str) -> Vec<String> {
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
pub(super) fn port() -> u16 {
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

/// A command of the Chrome DevTools Protocol.
#[derive(Debug)]
pub(super) struct DevTools {
    pub method: &'static str,
    pub parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        of_session(base, session, "goog/cdp/execute")
    }

    fn method_and_body(&self, _: &Url) -> (reqwest::Method, Option<String>) {
        let body = json!({"cmd": self.method, "params": self.parameters});
        (reqwest::Method::POST, Some(body.to_string()))
    }
}

/// Asks for what the console has said since it was last asked.
#[derive(Debug)]
pub(super) struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        of_session(base, session, "se/log")
    }

    fn method_and_body(&self, _: &Url) -> (reqwest::Method, Option<String>) {
        let body = json!({"type": "browser"});
        (reqwest::Method::POST, Some(body.to_string()))
    }
}

fn of_session(base: &Url, session: Option<&str>, command: &str) -> Result<Url, ParseError> {
    base.join(&format!(
        "session/{}/{command}",
        session.unwrap_or_default()
    ))
}
