//! What a visitor's hands do: type, click, press keys.

use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::key::Key;

use super::Browser;

impl Browser {
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

    /// Clicks twice at the place of the first element that matches, as fast as it goes.
    pub async fn double_click(&self, css: &str) {
        let element = self.wait_for(css).await;
        let press = |mouse: MouseActions| {
            let button = MOUSE_BUTTON_LEFT;
            mouse
                .then(PointerAction::Down { button })
                .then(PointerAction::Up { button })
        };
        let mouse = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        });
        let clicked = self.client.perform_actions(press(press(mouse))).await;
        clicked.expect("the mouse obeys");
    }

    /// Types on the keyboard, wherever the focus is.
    pub async fn press(&self, text: &str) {
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = text.chars().fold(keys, |keys, value| {
            keys.then(KeyAction::Down { value })
                .then(KeyAction::Up { value })
        });
        let pressed = self.client.perform_actions(keys).await;
        pressed.expect("the keyboard obeys");
    }

    /// Moves the focus on, and gives what has it then.
    pub async fn tab(&self) -> String {
        self.press(&char::from(Key::Tab).to_string()).await;
        self.focused().await
    }

    /// Moves the focus back.
    pub async fn tab_back(&self) {
        let (shift, tab) = (char::from(Key::Shift), char::from(Key::Tab));
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: shift })
            .then(KeyAction::Down { value: tab })
            .then(KeyAction::Up { value: tab })
            .then(KeyAction::Up { value: shift });
        let pressed = self.client.perform_actions(keys).await;
        pressed.expect("the keyboard obeys");
    }

    /// Presses Enter, wherever the focus is, and returns once another page is there.
    pub async fn enter(&self) {
        self.leave().await;
        self.press(&char::from(Key::Enter).to_string()).await;
        self.arrive().await;
    }

    /// Clicks on what leads to another page, and returns once that one is there.
    pub async fn follow(&self, css: &str) {
        self.leave().await;
        self.click(css).await;
        self.arrive().await;
    }

    /// What has the focus: its id, else its name, else its class, else its tag.
    pub async fn focused(&self) -> String {
        let look = "const e = document.activeElement;
            return e.id || e.getAttribute('name') || e.className || e.tagName.toLowerCase()";
        let focused = self.execute(look).await;
        focused.as_str().unwrap_or_default().to_owned()
    }

    /// What the field of this name holds.
    pub async fn value(&self, name: &str) -> String {
        let field = self.wait_for(&format!("[name='{name}']")).await;
        let value = field.prop("value").await.expect("a field has a value");
        value.unwrap_or_default()
    }

    /// Marks the page that is shown, so that [`Browser::arrive`] can tell the next one from it.
    async fn leave(&self) {
        self.execute("document.documentElement.dataset.left = ''")
            .await;
    }

    async fn arrive(&self) {
        self.wait_for("html:not([data-left])").await;
    }
}
