//! Somebody at the door: keeps cookies, speaks a language, and sends what browsers send.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use reqwest::{
    Client, Method, RequestBuilder,
    header::{ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use serde_json::Value;

use super::{app::TestApp, page::Page};

/// A good one.
pub const PASSWORD: &str = "tulipa janela quarenta";

/// A token that an operator may choose.
pub const TOKEN: &str = "a-token-of-thirty-two-characters.";

/// A browser with a cookie jar of its own, or a program; speaks English unless told otherwise.
pub struct Visitor {
    http: Client,
    url: String,
    headers: HeaderMap,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Visitor {
    pub fn new(app: &TestApp) -> Self {
        Self::with_patience(app, Duration::from_secs(60))
    }

    /// One that goes away when an answer takes this long.
    pub fn with_patience(app: &TestApp, patience: Duration) -> Self {
        Self::at(&app.url, patience)
    }

    /// Likewise, at the door of whatever serves there.
    pub fn at(url: &str, patience: Duration) -> Self {
        let http = Client::builder()
            .redirect(Policy::none())
            .timeout(patience)
            .build();
        Visitor {
            http: http.expect("a client"),
            url: url.to_owned(),
            headers: HeaderMap::new(),
            cookies: Mutex::default(),
        }
        .with(ACCEPT_LANGUAGE, "en")
    }

    /// Sends this header along with everything.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.insert(name, value);
        self
    }

    /// Asks for these languages.
    pub fn speaking(self, languages: &str) -> Self {
        self.with(ACCEPT_LANGUAGE, languages)
    }

    /// Comes from this address, as a proxy says.
    pub fn behind(self, address: &str) -> Self {
        self.with(HeaderName::from_static("x-forwarded-for"), address)
    }

    /// Bears the operator's token.
    pub fn operator(app: &TestApp) -> Self {
        Self::new(app).with(AUTHORIZATION, &format!("Bearer {TOKEN}"))
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form, as a browser does from a page of ours.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(self.form(path, fields)).await
    }

    /// Sends JSON, as a program does.
    pub async fn post_json(&self, path: &str, body: &Value) -> Page {
        let request = self.request(Method::POST, path);
        self.send(request.json(body)).await
    }

    /// The request of [`Visitor::post`].
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("origin", &self.url)
            .header("sec-fetch-site", "same-origin")
            .form(fields)
    }

    /// A request with all that this visitor always sends.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .headers(self.headers.clone());
        let cookies = self.cookies.lock().expect("the jar");
        if cookies.is_empty() {
            return request;
        }
        let cookies: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        request.header(COOKIE, cookies.join("; "))
    }

    /// Sends a request and keeps the cookies of its answer.
    pub async fn send(&self, request: RequestBuilder) -> Page {
        let page = Page::read(request.send().await.expect("an answer")).await;
        for cookie in page.set_cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            match attributes.contains("Max-Age=0") {
                true => self.cookies.lock().expect("the jar").remove(name),
                false => self.keep(name, value),
            };
        }
        page
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("the jar").get(name).cloned()
    }

    /// Puts a cookie into the jar; gives the one that it replaces.
    pub fn keep(&self, name: &str, value: &str) -> Option<String> {
        let mut cookies = self.cookies.lock().expect("the jar");
        cookies.insert(name.to_owned(), value.to_owned())
    }

    /// Opens the sign-up form, fills it in and sends it.
    pub async fn sign_up_as(&self, username: &str, email: &str) -> Page {
        let form = self.get("/signup").await.with_status(200);
        let key = form.value("idempotency_key").to_owned();
        self.post("/signup", &filled(username, email, &key)).await
    }

    /// Signs up under a name that is free; gives the receipt.
    pub async fn sign_up(&self, username: &str) -> String {
        let email = format!("{username}@example.com");
        let page = self.sign_up_as(username, &email).await.with_status(303);
        receipt_of(&page)
    }

    pub async fn log_in(&self, login: &str, password: &str) -> Page {
        self.post("/login", &[("login", login), ("password", password)])
            .await
    }
}

/// A sign-up form, filled in well but for what the caller gives.
pub fn filled<'a>(username: &'a str, email: &'a str, key: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("idempotency_key", key),
        ("username", username),
        ("email", email),
        ("password", PASSWORD),
        ("password_confirmation", PASSWORD),
    ]
}

/// The receipt that an accepted form leads to.
#[track_caller]
pub fn receipt_of(page: &Page) -> String {
    let receipt = page.location().strip_prefix("/signup/");
    receipt.expect("the way to a receipt").to_owned()
}
