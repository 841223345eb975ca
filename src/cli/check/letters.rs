//! Whether letters would leave.

use serde_json::json;

use super::Proof;
use crate::{
    account::EmailAddress,
    app::AppError,
    clock::Clock,
    config::{Config, SmtpUrl},
    mail::{Draft, MailError, Mailer, message_id},
    text::{Locale, Text},
};

/// Whether a letter would be taken over, without sending one.
pub(super) async fn mail_server(config: &Config, mailer: &Mailer) -> Proof {
    let Some(server) = &config.smtp_url else {
        return Ok("none is set: letters stay in the page /dev/mailbox".to_owned());
    };
    // Not even to try it: that alone would give the password away.
    if mailer.exposes_password() {
        return Err(in_the_clear(server));
    }
    match mailer.prove().await {
        Ok(()) => Ok(format!("{server} is ready for letters")),
        Err(error) => Err(format!("{server}: {error}; check --smtp-url")),
    }
}

/// A failure and no warning: like a log-in page without TLS, it harms whoever relies on it.
fn in_the_clear(server: &SmtpUrl) -> String {
    format!(
        "to {server} the password may travel in the clear, and was not sent; set ?tls=required or smtps:// in \
         --smtp-url"
    )
}

/// Sends a real one.
pub(super) async fn letter(config: &Config, mailer: &Mailer, to: &str) -> Proof {
    let Some(server) = &config.smtp_url else {
        return Err("there is no mail server to send it; set --smtp-url".to_owned());
    };
    if mailer.exposes_password() {
        return Err(in_the_clear(server));
    }
    let draft = draft(config, mailer, to)?;
    let sent = async {
        let letter = mailer.write(draft)?;
        let mut connection = mailer.connect().await?;
        let accepted = connection.send(&letter).await?;
        connection.close().await;
        Ok::<_, MailError>(accepted)
    };
    match sent.await {
        Ok(accepted) => Ok(format!("accepted for {to}: {}", accepted.reply)),
        Err(error) => Err(error.to_string()),
    }
}

fn draft(config: &Config, mailer: &Mailer, to: &str) -> Result<Draft, String> {
    let to = EmailAddress::parse(to).map_err(|_| format!("{to} is no e-mail address"))?;
    let text = Text::new().map_err(|error| AppError::from(error).to_string())?;
    let locale: Locale = config.locale.parse().unwrap_or_default();
    let base_url = config.base_url(config.listen);
    let data = json!({ "base_url": base_url.as_str().trim_end_matches('/') });
    let render = |part: &str| {
        let template = format!("email/check.{part}");
        let rendered = text.render(&template, locale, &data);
        rendered.map_err(|error| error.to_string())
    };
    let date = Clock::system().now();
    Ok(Draft {
        to: to.ascii().to_owned(),
        subject: text.sentence(locale, "email.check.subject", &[]),
        text: render("text")?,
        html: render("html")?,
        // No job has the number 0.
        message_id: message_id(0, date, mailer.sender().domain()),
        date,
    })
}
