//! Secret arguments: sealed where they are kept, opened for the attempt that needs them, shown to nobody.
//!
//! A sealed value is a text that begins with [`MARK`]: a random nonce and what XChaCha20-Poly1305 makes of the
//! value's JSON. The kind and the name of the field are sealed in, so that it opens nowhere else.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead, KeyInit, Payload},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// What a sealed value begins with.
const MARK: &str = "sealed:";

/// What people see in the place of a secret.
const REDACTED: &str = "***";

/// The length of a nonce, in bytes: long enough to be random.
const NONCE: usize = 24;

/// The secret fields of a job's arguments, by name, on their way to be sealed. Its `Debug` shows none.
#[derive(Clone, Default, PartialEq)]
pub struct Secrets(BTreeMap<&'static str, Value>);

/// The keys that seal and open: the first seals, all open. Its `Debug` shows none. Clones are cheap.
#[derive(Clone, Default)]
pub struct Keys(Arc<[XChaCha20Poly1305]>);

/// A secret that stays closed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the secret `{field}` of `{kind}` opens with no key of --secret-key; add the one that sealed it"
)]
pub struct Unopened {
    kind: &'static str,
    field: &'static str,
}

impl Secrets {
    /// Takes these fields out of the arguments.
    pub fn take(args: &mut Value, fields: &[&'static str]) -> Self {
        let mut secrets = BTreeMap::new();
        if let Value::Object(args) = args {
            for field in fields {
                secrets.extend(args.remove(*field).map(|value| (*field, value)));
            }
        }
        Secrets(secrets)
    }

    /// The arguments with these in their place again.
    pub fn put_back<'a>(&self, args: &'a Value) -> Cow<'a, Value> {
        if self.is_empty() {
            return Cow::Borrowed(args);
        }
        let mut whole = args.clone();
        if let Value::Object(whole) = &mut whole {
            let secrets = self.0.iter();
            whole.extend(secrets.map(|(field, value)| ((*field).to_owned(), value.clone())));
        }
        Cow::Owned(whole)
    }

    /// Whether there is nothing to seal.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Keys {
    /// Keys of 32 bytes; the first seals.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let keys = keys.into_iter();
        Keys(
            keys.map(|key| XChaCha20Poly1305::new(&key.into()))
                .collect(),
        )
    }

    /// Whether nothing can be sealed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The arguments of a job of this kind with its secrets back in their place, sealed. `None` where there
    /// is no key, or nothing that has fields.
    pub fn seal(&self, kind: &str, args: &Value, secrets: &Secrets) -> Option<Value> {
        let mut args = args.clone();
        for (field, value) in &secrets.0 {
            let nonce = rand::random::<[u8; NONCE]>();
            let (msg, place) = (value.to_string(), place(kind, field));
            let payload = Payload {
                msg: msg.as_bytes(),
                aad: place.as_bytes(),
            };
            let sealed = self.0.first()?.encrypt(&nonce.into(), payload).ok()?;
            let sealed = BASE64URL_NOPAD.encode(&[nonce.as_slice(), &sealed].concat());
            let sealed = Value::String(format!("{MARK}{sealed}"));
            args.as_object_mut()?.insert((*field).to_owned(), sealed);
        }
        Some(args)
    }

    /// Opens these fields. One that was stored before it became a secret is left as it is.
    pub fn open(
        &self,
        kind: &'static str,
        fields: &[&'static str],
        args: &mut Value,
    ) -> Result<(), Unopened> {
        for &field in fields {
            if let Some(value) = args.get_mut(field)
                && let Some(sealed) = sealed(value)
            {
                let opened = self.opened(&place(kind, field), sealed);
                *value = opened.ok_or(Unopened { kind, field })?;
            }
        }
        Ok(())
    }

    fn opened(&self, place: &str, sealed: &str) -> Option<Value> {
        let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
        let aad = place.as_bytes();
        let open = |key: &XChaCha20Poly1305| {
            let nonce = (*nonce).into();
            key.decrypt(&nonce, Payload { msg, aad }).ok()
        };
        serde_json::from_slice(&self.0.iter().find_map(open)?).ok()
    }
}

/// The arguments as people may see them.
pub fn redacted(mut args: Value) -> Value {
    if let Value::Object(args) = &mut args {
        for value in args.values_mut().filter(|value| sealed(value).is_some()) {
            *value = REDACTED.into();
        }
    }
    args
}

/// Where a value belongs. A kind is snake_case, so that no other pair reads the same.
fn place(kind: &str, field: &str) -> String {
    format!("{kind}.{field}")
}

fn sealed(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix(MARK)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.keys().map(|field| (field, REDACTED));
        f.debug_map().entries(shown).finish()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[&str] = &["token", "pin"];

    fn keys(numbers: &[u8]) -> Keys {
        Keys::new(numbers.iter().map(|number| [*number; 32]))
    }

    /// What is stored of a job whose arguments are these.
    fn stored(keys: &Keys, mut args: Value) -> Value {
        let secrets = Secrets::take(&mut args, FIELDS);
        keys.seal("pay", &args, &secrets).expect("there is a key")
    }

    fn opened(keys: &Keys, kind: &'static str, mut args: Value) -> Result<Value, Unopened> {
        keys.open(kind, FIELDS, &mut args).map(|()| args)
    }

    #[test]
    fn what_was_sealed_opens_as_it_was_whatever_it_was() {
        let args = json!({"user": 7, "token": "hunter2", "pin": [1, null, {"a": "sealed:"}]});
        let sealed = stored(&keys(&[1]), args.clone());
        assert_eq!(sealed["user"], 7);
        assert!(!sealed.to_string().contains("hunter2"));
        assert_eq!(opened(&keys(&[1]), "pay", sealed), Ok(args));
    }

    #[test]
    fn the_same_secret_looks_different_every_time() {
        let once = || stored(&keys(&[1]), json!({"token": "hunter2"}));
        assert_ne!(once(), once());
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let args = json!({"token": "hunter2"});
        let old = stored(&keys(&[1]), args.clone());
        let new = stored(&keys(&[2, 1]), args.clone());
        assert_eq!(opened(&keys(&[2, 1]), "pay", old.clone()), Ok(args.clone()));
        assert_eq!(opened(&keys(&[2]), "pay", new), Ok(args));
        let error = opened(&keys(&[2]), "pay", old).expect_err("its key is gone");
        assert!(error.to_string().contains("`token` of `pay`"), "{error}");
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_alone_and_unchanged() {
        let sealed = stored(&keys(&[1]), json!({"token": "hunter2"}));
        let text = sealed["token"].as_str().expect("text").to_owned();
        assert!(opened(&keys(&[1]), "refund", sealed).is_err());
        assert!(opened(&keys(&[1]), "pay", json!({"pin": text})).is_err());
        let mut broken = text.clone();
        let last = if broken.pop() == Some('A') { 'Q' } else { 'A' };
        broken.push(last);
        for bad in [broken.as_str(), "sealed:", "sealed:§", &text[..20]] {
            assert!(
                opened(&keys(&[1]), "pay", json!({"token": bad})).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_was_stored_before_it_became_a_secret_is_left_as_it_is() {
        let args = json!({"token": "hunter2"});
        assert_eq!(opened(&keys(&[1]), "pay", args.clone()), Ok(args));
    }

    #[test]
    fn nobody_sees_a_secret() {
        let mut args = json!({"user": 7, "token": "hunter2"});
        let secrets = Secrets::take(&mut args, FIELDS);
        assert_eq!(format!("{secrets:?}"), r#"{"token": "***"}"#);
        let sealed = stored(&keys(&[1]), json!({"user": 7, "token": "hunter2"}));
        assert_eq!(redacted(sealed), json!({"user": 7, "token": "***"}));
        assert_eq!(Keys::default().seal("pay", &args, &secrets), None);
    }
}
