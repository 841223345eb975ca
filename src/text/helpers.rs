//! What a template can say beside its data.
//!
//! | in a template | becomes |
//! |---|---|
//! | `{{t "key" name=value}}` | a sentence in the reader's language, escaped like any value |
//! | `{{datetime run_at}}` | `<time datetime="…">23/11/2026 14:05:09 UTC</time>`; in a text letter only the words |
//! | `{{datetime run_at countdown="soon"}}` | the same, which the script turns into a countdown that ends in "soon" |
//! | `{{iso run_at}}` | `2026-11-23T14:05:09.123456Z`, for attributes and scripts |
//! | `{{asset "app.css"}}` | `/assets/app.0f3a….css` |
//!
//! Instants are microseconds since 1970, UTC.

use std::sync::Arc;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, ScopedJson, html_escape,
};
use jiff::Timestamp;
use serde_json::Value;

use super::{Locale, assets::Assets, words::Words};

/// How values are written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Markup {
    Html,
    Plain,
}

/// Gives `handlebars` the helpers above.
pub(super) fn register(
    handlebars: &mut Handlebars<'static>,
    locale: Locale,
    markup: Markup,
    words: &Arc<Words>,
    assets: &Arc<Assets>,
) {
    handlebars.register_helper("t", Box::new(Sentence(Arc::clone(words))));
    handlebars.register_helper("asset", Box::new(AssetUrl(Arc::clone(assets))));
    handlebars.register_helper("iso", Box::new(Iso));
    handlebars.register_helper("datetime", Box::new(DateTime { locale, markup }));
}

struct Sentence(Arc<Words>);

impl HelperDef for Sentence {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let key = text_param(helper)?;
        // A value that is missing or null counts as not given: the sentence then says which one it needs.
        let values: Vec<(&str, String)> = helper
            .hash()
            .iter()
            .filter(|(_, value)| !value.value().is_null())
            .map(|(name, value)| (*name, handlebars::JsonRender::render(value.value())))
            .collect();
        let args: Vec<(&str, &str)> = values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        derived(
            self.0
                .say(key, &args)
                .map_err(|error| failed(error.to_string()))?,
        )
    }
}

struct AssetUrl(Arc<Assets>);

impl HelperDef for AssetUrl {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let name = text_param(helper)?;
        derived(
            self.0
                .url(name)
                .ok_or_else(|| failed(format!("there is no asset `{name}`")))?,
        )
    }
}

struct Iso;

impl HelperDef for Iso {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        derived(instant_param(helper)?.to_string())
    }
}

struct DateTime {
    locale: Locale,
    markup: Markup,
}

impl HelperDef for DateTime {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let instant = instant_param(helper)?;
        let words = self.locale.date_time(instant);
        if self.markup == Markup::Plain {
            return Ok(out.write(&words)?);
        }
        let countdown = helper
            .hash_get("countdown")
            .and_then(|end| end.value().as_str())
            .map(|end| format!(r#" data-countdown="{}""#, html_escape(end)))
            .unwrap_or_default();
        // Neither the instant nor its words hold a character that HTML gives a meaning.
        Ok(out.write(&format!(
            r#"<time datetime="{instant}"{countdown}>{words}</time>"#
        ))?)
    }
}

fn text_param<'a>(helper: &'a Helper<'_>) -> Result<&'a str, RenderError> {
    helper
        .param(0)
        .and_then(|param| param.value().as_str())
        .ok_or_else(|| failed(format!("`{}` needs a text", helper.name())))
}

fn instant_param(helper: &Helper<'_>) -> Result<Timestamp, RenderError> {
    helper
        .param(0)
        .and_then(|param| param.value().as_i64())
        .and_then(|microseconds| Timestamp::from_microsecond(microseconds).ok())
        .ok_or_else(|| {
            failed(format!(
                "`{}` needs an instant in microseconds",
                helper.name()
            ))
        })
}

fn derived<'rc>(text: String) -> Result<ScopedJson<'rc>, RenderError> {
    Ok(ScopedJson::Derived(Value::String(text)))
}

fn failed(message: String) -> RenderError {
    RenderErrorReason::Other(message).into()
}
