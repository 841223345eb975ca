//! An answer, as its reader finds it: the form's fields and errors, the jobs, the links.

mod markup;

use reqwest::{
    Response,
    header::{HeaderMap, SET_COOKIE},
};
use serde_json::Value;

pub use markup::{Element, parse};

/// An answer that has arrived whole.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// What an HTML page is made of; one that is not well-formed has failed its test.
    pub elements: Vec<Element>,
}

impl Page {
    pub async fn read(answer: Response) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.expect("the answer arrives whole");
        let mut page = Page {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            elements: Vec::new(),
        };
        let is_html = page
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"));
        if is_html && !page.body.is_empty() {
            page.elements = parse(&page.body);
        }
        page
    }

    /// The same page, once it is sure to have this status.
    #[track_caller]
    pub fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.location(), self.body);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("a header in ASCII"))
    }

    /// Where the visitor is sent; empty if nowhere.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// The cookies set, as they were written.
    pub fn set_cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all(SET_COOKIE).iter();
        cookies
            .map(|cookie| cookie.to_str().expect("a cookie in ASCII"))
            .collect()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// The language that the page says it is in.
    pub fn lang(&self) -> &str {
        let html = self.named("html").next();
        html.and_then(|html| html.get("lang")).unwrap_or_default()
    }

    /// The elements of this kind.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements
            .iter()
            .filter(move |element| element.name == name)
    }

    pub fn by_id(&self, id: &str) -> Option<&Element> {
        self.elements
            .iter()
            .find(|element| element.get("id") == Some(id))
    }

    /// The elements with this class.
    pub fn with_class<'a>(&'a self, class: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements
            .iter()
            .filter(move |element| element.has_class(class))
    }

    /// The input of this name.
    #[track_caller]
    pub fn input(&self, name: &str) -> &Element {
        self.named("input")
            .find(|input| input.get("name") == Some(name))
            .unwrap_or_else(|| panic!("no input {name}: {} {}", self.status, self.body))
    }

    /// What an input holds.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        self.input(name).get("value").unwrap_or_default()
    }

    /// What the summary says above the form: the field that each line leads to, and the line.
    pub fn summary(&self) -> Vec<(String, String)> {
        let Some(summary) = self.with_class("summary").next() else {
            return Vec::new();
        };
        self.named("a")
            .filter(|link| link.is_within(summary))
            .map(|link| {
                let field = link.get("href").and_then(|href| href.strip_prefix('#'));
                (field.expect("a link to a field").to_owned(), link.text())
            })
            .collect()
    }

    /// What stands beside a field that is wrong.
    pub fn error_beside(&self, field: &str) -> Option<String> {
        Some(self.by_id(&format!("{field}-errors"))?.text())
    }

    /// What is said about the whole form.
    pub fn notice(&self) -> Option<String> {
        Some(self.with_class("notice").next()?.text())
    }

    /// The jobs shown, by state, in the order of the page.
    pub fn job_states(&self) -> Vec<&str> {
        self.with_class("job")
            .map(|job| job.get("data-state").expect("a job has a state"))
            .collect()
    }

    /// Fails if the page holds code, or anything that the browser takes from elsewhere.
    #[track_caller]
    pub fn holds_no_code(&self) {
        for element in &self.elements {
            match element.name.as_str() {
                "script" => {
                    let src = element.get("src").unwrap_or_default();
                    assert!(src.starts_with("/assets/"), "{element:?}");
                    assert_eq!(element.text(), "", "{element:?}");
                }
                "style" | "object" | "embed" | "base" | "applet" => panic!("{element:?}"),
                _ => {}
            }
            for (name, value) in &element.attributes {
                assert!(!name.starts_with("on") && name != "style", "{element:?}");
                let is_address = matches!(name.as_str(), "href" | "src" | "action" | "formaction");
                let is_ours =
                    value.starts_with('#') || (value.starts_with('/') && !value.starts_with("//"));
                assert!(!is_address || is_ours, "{element:?}");
            }
        }
    }
}
