//! How a page looks: on a phone and on a desktop, light and dark, under strain, and whether that is as it should be.

use std::{env, fs, path::PathBuf};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{Browser, DESKTOP, PHONE};

/// The folder for pictures of every page that is judged.
const PICTURES: &str = "CADASTRO_SCREENSHOTS";

/// The last one is the look in which the visitor goes on.
const LOOKS: [(&str, (u32, u32), bool); 4] = [
    ("phone-light", PHONE, false),
    ("phone-dark", PHONE, true),
    ("desktop-dark", DESKTOP, true),
    ("desktop-light", DESKTOP, false),
];

/// The width of a desktop window at 400 %, at which WCAG (1.4.10) still wants no sideways scrolling.
const NARROWEST: (u32, u32) = (320, 256);

/// The size of text that browsers start with, in pixels.
const TEXT: u32 = 16;

/// What visitors may do to a page without losing any of it: the window, the size of text, and
/// whether it is spaced out.
const STRAINS: [(&str, (u32, u32), u32, bool); 5] = [
    ("zoomed", NARROWEST, TEXT, false),
    ("zoomed-spaced", NARROWEST, TEXT, true),
    ("desktop-spaced", DESKTOP, TEXT, true),
    // WCAG 1.4.4.
    ("desktop-large-text", DESKTOP, 2 * TEXT, false),
    ("phone-large-text", PHONE, 2 * TEXT, false),
];

/// Spaces text out as WCAG 1.4.12 has it, which is also what a wide font does to a page.
const SPACE_OUT: &str = "
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
        * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
        p { margin-bottom: 2em !important; }`);
    document.adoptedStyleSheets = SPACED ? [sheet] : []";

/// What is wider than its place or cut off: a sideways scroll bar, text that leaves its box, a box that hides a part
/// of its content. What only screen readers get is hidden on purpose, and a field scrolls what is typed.
const MISFITS: &str = "
    const root = document.documentElement;
    const told = element => `${element.outerHTML.slice(0, 90)} (${element.scrollWidth} by ${element.scrollHeight} in
        ${element.clientWidth} by ${element.clientHeight})`.replace(/\\s+/g, ' ');
    const isMisfit = element => {
        if (element.closest('.visually-hidden, input') || !element.clientWidth) return false;
        const style = getComputedStyle(element);
        const hides = style.overflowX !== 'visible' || style.overflowY !== 'visible';
        return element.getBoundingClientRect().right > root.clientWidth
            || element.scrollWidth > element.clientWidth
            || (hides && element.scrollHeight > element.clientHeight);
    };
    const misfits = [...document.body.querySelectorAll('*')].filter(isMisfit).map(told);
    if (root.scrollWidth > root.clientWidth) misfits.unshift(`the page (${root.scrollWidth} in ${root.clientWidth})`);
    return misfits";

impl Browser {
    /// Changes the window and the theme, and lets nothing move.
    pub async fn wear(&self, size: (u32, u32), dark: bool) {
        let theme = if dark { "dark" } else { "light" };
        self.resize(size).await;
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    async fn resize(&self, (width, height): (u32, u32)) {
        let window = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", window)
            .await;
    }

    /// What is wrong with the page that is shown, in any look and under any strain: something does not fit, its
    /// console complains, it breaks a rule of WCAG 2.2 A or AA. `name` tells the page from others.
    pub async fn faults(&self, name: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for (strain, size, text, spaced) in STRAINS {
            self.wear(size, false).await;
            self.strain(text, spaced).await;
            faults.extend(self.misfits(name, strain).await);
            self.picture(name, strain, size).await;
        }
        self.strain(TEXT, false).await;
        for (look, size, dark) in LOOKS {
            self.wear(size, dark).await;
            faults.extend(self.misfits(name, look).await);
            self.picture(name, look, size).await;
            for violation in self.axe().await {
                faults.push(format!("{name}, {look}: {violation:?}"));
            }
        }
        let complaints = self.complaints().await.into_iter();
        faults.extend(complaints.map(|complaint| format!("{name}, console: {complaint}")));
        faults
    }

    /// Sets the size of text that pages start from, in pixels, and whether text is spaced out.
    async fn strain(&self, text: u32, spaced: bool) {
        let sizes = json!({"fontSizes": {"standard": text, "fixed": text}});
        self.devtools("Page.setFontSizes", sizes).await;
        self.execute(&SPACE_OUT.replace("SPACED", &spaced.to_string()))
            .await;
    }

    /// What does not fit.
    async fn misfits(&self, name: &str, look: &str) -> Vec<String> {
        let misfits = self.execute(MISFITS).await;
        let misfits = misfits.as_array().into_iter().flatten();
        misfits
            .filter_map(Value::as_str)
            .map(|misfit| format!("{name}, {look}, does not fit: {misfit}"))
            .collect()
    }

    /// Saves the whole page as a PNG file, if somebody asked for pictures.
    async fn picture(&self, name: &str, look: &str, (width, height): (u32, u32)) {
        let Some(folder) = pictures() else { return };
        // In a window as high as the page: Chromium forgets the size of text when it looks beyond a window's edge.
        let size = "return [document.documentElement.lang, document.documentElement.scrollHeight]";
        let size = self.execute(size).await;
        let whole = size[1].as_u64().and_then(|height| height.try_into().ok());
        self.resize((width, whole.unwrap_or(height))).await;
        let answer = self.devtools("Page.captureScreenshot", json!({})).await;
        self.resize((width, height)).await;
        let picture = answer["data"].as_str().expect("a picture");
        let picture = BASE64.decode(picture.as_bytes()).expect("a picture");
        let locale = size[0].as_str().unwrap_or_default();
        let path = folder.join(format!("{name}-{locale}-{look}.png"));
        fs::write(path, picture).expect("a picture can be saved");
    }
}

/// Where pictures go, if somebody asked for them.
fn pictures() -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os(PICTURES)?);
    fs::create_dir_all(&folder).expect("a folder for pictures");
    Some(folder)
}
