//! Well-formed HTML, taken to pieces: the little that our own pages need, and strict about it.

use std::collections::BTreeMap;

/// Elements that have no end tag.
const VOID: [&str; 8] = ["br", "col", "hr", "img", "input", "link", "meta", "wbr"];

/// A piece of a page.
#[derive(Clone, Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    words: String,
    /// Where it stands among the page's elements.
    number: usize,
    ancestors: Vec<usize>,
}

impl Element {
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }

    pub fn has_class(&self, class: &str) -> bool {
        let classes = self.get("class").unwrap_or_default();
        classes.split_whitespace().any(|one| one == class)
    }

    pub fn is_within(&self, other: &Element) -> bool {
        self.ancestors.contains(&other.number)
    }

    /// The words in it, with single spaces.
    pub fn text(&self) -> String {
        self.words.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The elements of a page, in the order of their beginnings.
///
/// # Panics
///
/// Where tags are not nested, an attribute has no quotation marks or stands twice, or an `&` is bare.
pub fn parse(html: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = after(comment, "-->");
        } else if rest.starts_with("<!") {
            rest = after(rest, ">");
        } else if let Some(end) = rest.strip_prefix("</") {
            let (name, tail) = end.split_once('>').expect("an end tag ends");
            let last = open.pop().expect("an element to end");
            assert_eq!(elements[last].name, name, "tags are not nested");
            rest = tail;
        } else if rest.starts_with('<') {
            let (mut element, closed, tail) = tag(&rest[1..]);
            element.number = elements.len();
            element.ancestors.clone_from(&open);
            let is_void = closed || VOID.contains(&element.name.as_str());
            let is_raw = matches!(element.name.as_str(), "script" | "style");
            rest = tail;
            if !is_void {
                open.push(element.number);
            }
            if is_raw {
                let end = rest.find("</").expect("a script ends");
                element.words = rest[..end].to_owned();
                rest = &rest[end..];
            }
            elements.push(element);
        } else {
            let end = rest.find('<').unwrap_or(rest.len());
            let words = decode(&rest[..end]);
            for element in &open {
                elements[*element].words.push_str(&words);
            }
            rest = &rest[end..];
        }
    }
    assert!(open.is_empty(), "{} elements have no end", open.len());
    elements
}

/// Reads a tag from behind its `<`: the element, whether it ends with `/>`, and what follows.
fn tag(text: &str) -> (Element, bool, &str) {
    let is_end = |c: char| c.is_whitespace() || c == '>' || c == '/';
    let end = text.find(is_end).expect("a tag ends");
    let mut element = Element {
        name: text[..end].to_owned(),
        ..Element::default()
    };
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start();
        if let Some(tail) = rest.strip_prefix("/>") {
            return (element, true, tail);
        }
        if let Some(tail) = rest.strip_prefix('>') {
            return (element, false, tail);
        }
        let end = rest
            .find(|c: char| is_end(c) || c == '=')
            .expect("an attribute ends");
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = "";
        if let Some(quoted) = rest.strip_prefix('=') {
            let quoted = quoted
                .strip_prefix('"')
                .expect("a value in quotation marks");
            (value, rest) = quoted.split_once('"').expect("a value ends");
        }
        let twice = element.attributes.insert(name, decode(value));
        assert!(twice.is_none(), "an attribute stands twice: {element:?}");
    }
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).expect("it ends").1
}

/// Text as it is read, its character references resolved.
fn decode(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut decoded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, tail) = piece.split_once(';').expect("no & is bare");
        decoded.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "nbsp" => '\u{a0}',
            other => {
                let number = other.strip_prefix('#').expect("a reference we know");
                let number = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                number.ok().and_then(char::from_u32).expect("a character")
            }
        });
        decoded.push_str(tail);
    }
    decoded
}
