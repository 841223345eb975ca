//! The letters of the built-in mailbox, where no mail server is set.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use jiff::Timestamp;

use super::{
    Store, StoreError,
    connection::{change, read},
    rows::{JobRow, instant},
    schema::letters,
    settle::hold,
};

/// A letter on its way into the mailbox.
#[derive(Clone, Debug)]
pub struct NewLetter {
    pub message_id: String,
    pub sender: String,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// As a mail server would have got it.
    pub source: Vec<u8>,
    pub sent_at: Timestamp,
}

/// A line of the mailbox.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterSummary {
    pub id: i64,
    pub recipient: String,
    pub subject: String,
    pub sent_at: Timestamp,
}

/// A letter in the mailbox.
#[derive(Clone, Debug)]
pub struct Letter {
    pub id: i64,
    pub letter: NewLetter,
}

impl Store {
    /// Keeps the letter of `job`. One with the same Message-ID is the same letter and is kept once.
    ///
    /// `false` says that the attempt was no longer its owner's, and then nothing is kept: its reader may have
    /// been forgotten.
    pub async fn keep_letter(&self, new: &NewLetter, job: &JobRow) -> Result<bool, StoreError> {
        change!(self, |c| {
            let ours = hold(job).execute(c).await? > 0;
            if ours {
                diesel::insert_into(letters::table)
                    .values((
                        letters::message_id.eq(&new.message_id),
                        letters::sender.eq(&new.sender),
                        letters::recipient.eq(&new.recipient),
                        letters::subject.eq(&new.subject),
                        letters::body_text.eq(&new.text),
                        letters::body_html.eq(&new.html),
                        letters::source.eq(&new.source),
                        letters::sent_at.eq(new.sent_at.as_microsecond()),
                    ))
                    .on_conflict_do_nothing()
                    .execute(c)
                    .await?;
            }
            Ok::<_, StoreError>(ours)
        })
    }

    /// Up to `limit` letters, the newest first.
    pub async fn letters(&self, limit: i64) -> Result<Vec<LetterSummary>, StoreError> {
        let rows: Vec<(i64, String, String, i64)> = read!(self, |c| letters::table
            .order(letters::id.desc())
            .limit(limit)
            .select((
                letters::id,
                letters::recipient,
                letters::subject,
                letters::sent_at
            ))
            .load(c)
            .await)?;
        rows.into_iter()
            .map(|(id, recipient, subject, sent_at)| {
                Ok(LetterSummary {
                    id,
                    recipient,
                    subject,
                    sent_at: instant(sent_at)?,
                })
            })
            .collect()
    }

    /// The letter with this number.
    pub async fn letter(&self, id: i64) -> Result<Option<Letter>, StoreError> {
        type Row = (
            i64,
            String,
            String,
            String,
            String,
            String,
            String,
            Vec<u8>,
            i64,
        );
        let row: Option<Row> = read!(self, |c| letters::table.find(id).first(c).await.optional())?;
        row.map(
            |(id, message_id, sender, recipient, subject, text, html, source, sent_at)| {
                Ok(Letter {
                    id,
                    letter: NewLetter {
                        message_id,
                        sender,
                        recipient,
                        subject,
                        text,
                        html,
                        source,
                        sent_at: instant(sent_at)?,
                    },
                })
            },
        )
        .transpose()
    }
}
