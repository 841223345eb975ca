//! How a page looks: on a phone and on a desktop, light and dark, and whether that is as it should be.

use std::{env, fs, path::PathBuf};

use data_encoding::BASE64;
use serde_json::json;

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

/// What sticks out to the right, or gives the page a sideways scroll bar.
const TOO_WIDE: &str = "
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const wide = [...document.body.querySelectorAll('*')]
        .filter(element => element.getBoundingClientRect().right > root.clientWidth);
    return [`${root.scrollWidth} > ${root.clientWidth}`, ...wide.map(element => element.outerHTML.slice(0, 90))]";

impl Browser {
    /// Changes the window and the theme, and lets nothing move.
    pub async fn wear(&self, (width, height): (u32, u32), dark: bool) {
        let theme = if dark { "dark" } else { "light" };
        for (method, parameters) in [
            (
                "Emulation.setDeviceMetricsOverride",
                json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
            ),
            (
                "Emulation.setEmulatedMedia",
                json!({"features": [
                    {"name": "prefers-color-scheme", "value": theme},
                    {"name": "prefers-reduced-motion", "value": "reduce"},
                ]}),
            ),
        ] {
            self.devtools(method, parameters).await;
        }
    }

    /// What is wrong with the page that is shown, in any look: it is too wide, its console complains,
    /// it breaks a rule of WCAG 2.2 A or AA. `name` tells the page from others.
    pub async fn faults(&self, name: &str) -> Vec<String> {
        let mut faults = Vec::new();
        self.wear(NARROWEST, false).await;
        let wide = self.execute(TOO_WIDE).await;
        if wide != json!([]) {
            faults.push(format!("{name}, at 400 %, is too wide: {wide}"));
        }
        for (look, size, dark) in LOOKS {
            self.wear(size, dark).await;
            let wide = self.execute(TOO_WIDE).await;
            if wide != json!([]) {
                faults.push(format!("{name}, {look}, is too wide: {wide}"));
            }
            for violation in self.axe().await {
                faults.push(format!("{name}, {look}: {violation:?}"));
            }
            if let Some(folder) = pictures() {
                let locale = self.execute("return document.documentElement.lang").await;
                let locale = locale.as_str().unwrap_or_default();
                let file = format!("{name}-{locale}-{look}.png");
                self.picture(folder.join(file)).await;
            }
        }
        let complaints = self.complaints().await.into_iter();
        faults.extend(complaints.map(|complaint| format!("{name}, console: {complaint}")));
        faults
    }

    /// Saves the whole page as a PNG file, what is below the window's edge included.
    async fn picture(&self, path: PathBuf) {
        let whole = json!({"captureBeyondViewport": true});
        let answer = self.devtools("Page.captureScreenshot", whole).await;
        let picture = answer["data"].as_str().expect("a picture");
        let picture = BASE64.decode(picture.as_bytes()).expect("a picture");
        fs::write(path, picture).expect("a picture can be saved");
    }
}

/// Where pictures go, if somebody asked for them.
pub fn pictures() -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os(PICTURES)?);
    fs::create_dir_all(&folder).expect("a folder for pictures");
    Some(folder)
}
