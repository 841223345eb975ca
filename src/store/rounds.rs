//! Sign-ups that are written together: what each wants that nobody else can have, and what becomes of it.
//!
//! The questions are put by [`Store::sign_up`](super::Store::sign_up); what follows from the answers is told here.

use std::collections::{HashMap, HashSet};

use data_encoding::BASE64URL_NOPAD;
use diesel::sql_types::{BigInt, Text};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    many::{Many, Value},
    signups::{NewSignup, SignupRefusal},
};
use crate::account::NewUser;

/// Asks what is there already of what sign-ups want: which of the three, its value, the row's number, and of a
/// sign-up under the same key its receipt and fingerprint.
///
/// One question, so that all of it is of one moment: what took a name may be an earlier submit of the same form,
/// by way of another instance.
const WANTED: &str = "WITH wanted (username, email, idempotency_key) AS (";
const FOUND: &str = ") \
    SELECT 'username', wanted.username, users.id, '', '' \
        FROM wanted JOIN users ON users.username_key = wanted.username \
    UNION ALL SELECT 'username', wanted.username, signups.id, '', '' \
        FROM wanted JOIN signups ON signups.username_key = wanted.username \
    UNION ALL SELECT 'email', wanted.email, users.id, '', '' \
        FROM wanted JOIN users ON users.email_key = wanted.email \
    UNION ALL SELECT 'key', wanted.idempotency_key, signups.id, signups.receipt, signups.fingerprint \
        FROM wanted JOIN signups ON signups.idempotency_key = wanted.idempotency_key";

const INSERT: &str = "INSERT INTO signups (receipt, idempotency_key, fingerprint, user_id, address_taken, told_by, \
                      username, username_key, password_hash, locale, created_at) ";

/// A row of the answer.
type Found = (String, String, i64, String, String);

/// Sign-ups of which no two want the same, each with its place in the batch.
pub(super) type Round<'a> = Vec<(usize, &'a NewSignup)>;

/// All of a batch. Of those that want the same, the one that came first is in an earlier round.
pub(super) fn rounds(batch: &[NewSignup]) -> Vec<Round<'_>> {
    let mut rounds: Vec<Round<'_>> = Vec::new();
    // The first round in which nobody wants it.
    let mut free = HashMap::new();
    for (place, new) in batch.iter().enumerate() {
        let taken = wants(new).filter_map(|wanted| free.get(&wanted));
        let round = taken.max().copied().unwrap_or(0);
        free.extend(wants(new).map(|wanted| (wanted, round + 1)));
        if round == rounds.len() {
            rounds.push(Round::new());
        }
        rounds[round].push((place, new));
    }
    rounds
}

#[derive(Eq, Hash, PartialEq)]
enum Wanted<'a> {
    Username(&'a str),
    Email(&'a str),
    Key(&'a str),
}

fn wants(new: &NewSignup) -> impl Iterator<Item = Wanted<'_>> {
    let names = [
        Wanted::Username(new.user.username.key()),
        Wanted::Email(new.user.email.key()),
    ];
    let key = new.idempotency_key.as_deref().map(Wanted::Key);
    names.into_iter().chain(key)
}

/// What is there already of what these want.
pub(super) fn found<'a>(round: &Round<'a>) -> Many<'a, (Text, Text, BigInt, Text, Text)> {
    let wanted = |(_, new): &(usize, &'a NewSignup)| {
        vec![
            new.user.username.key().into(),
            new.user.email.key().into(),
            new.idempotency_key.as_deref().into(),
        ]
    };
    Many::new(WANTED, round.iter().map(wanted), FOUND)
}

/// What becomes of a sign-up.
pub(super) enum Verdict {
    /// An earlier submit of the same form did the work: its number and receipt.
    Repeated(i64, String),
    Refused(SignupRefusal),
    /// The address is this user's already. One who comes with it gets a receipt, and the name.
    Known(i64),
    New,
}

/// A sign-up of which it is known what becomes.
pub(super) struct Judged<'a> {
    pub place: usize,
    pub new: &'a NewSignup,
    pub verdict: Verdict,
}

/// What becomes of each, by what was found.
pub(super) fn judged<'a>(round: Round<'a>, found: Vec<Found>) -> Vec<Judged<'a>> {
    let (mut usernames, mut owners, mut keys) = (HashSet::new(), HashMap::new(), HashMap::new());
    for (what, value, id, receipt, said) in found {
        match what.as_str() {
            "username" => drop(usernames.insert(value)),
            "email" => drop(owners.insert(value, id)),
            _ => drop(keys.insert(value, (id, receipt, said))),
        }
    }
    let mut judge = |new: &NewSignup| {
        let earlier = new
            .idempotency_key
            .as_ref()
            .and_then(|key| keys.remove(key));
        match (earlier, owners.get(new.user.email.key())) {
            (Some((id, receipt, said)), _) if said == fingerprint(&new.user) => {
                Verdict::Repeated(id, receipt)
            }
            (Some(_), _) => Verdict::Refused(SignupRefusal::KeyReused),
            (None, _) if usernames.contains(new.user.username.key()) => {
                Verdict::Refused(SignupRefusal::UsernameTaken)
            }
            (None, Some(owner)) => Verdict::Known(*owner),
            (None, None) => Verdict::New,
        }
    };
    let judged = |(place, new)| Judged {
        place,
        new,
        verdict: judge(new),
    };
    round.into_iter().map(judged).collect()
}

impl<'a> Judged<'a> {
    /// The user who has yet to be written down.
    pub fn user(&self) -> Option<&'a NewUser> {
        matches!(self.verdict, Verdict::New).then_some(&self.new.user)
    }

    /// Whose the address is already.
    pub fn owner(&self) -> Option<i64> {
        match self.verdict {
            Verdict::Known(owner) => Some(owner),
            _ => None,
        }
    }

    /// The number of the earlier submit that did the work.
    pub fn earlier(&self) -> Option<i64> {
        match self.verdict {
            Verdict::Repeated(id, _) => Some(id),
            _ => None,
        }
    }

    /// The sign-up's own row, if it has one, for the users that were just written down by their names; `told_by`
    /// are the sign-ups whose letters speak for others, by the owner of the address.
    pub fn row(
        &self,
        users: &HashMap<String, i64>,
        told_by: &HashMap<i64, i64>,
        now: Timestamp,
    ) -> Option<Vec<Value<'a>>> {
        let NewSignup { user, .. } = self.new;
        let owner = self.owner();
        let id = owner.or_else(|| users.get(user.username.key()).copied())?;
        Some(vec![
            self.new.receipt.as_str().into(),
            self.new.idempotency_key.as_deref().into(),
            fingerprint(user).into(),
            id.into(),
            owner.is_some().into(),
            owner.and_then(|owner| told_by.get(&owner).copied()).into(),
            user.username.shown().into(),
            user.username.key().into(),
            owner.map(|_| user.password_hash.as_str()).into(),
            user.locale.tag().into(),
            now.as_microsecond().into(),
        ])
    }
}

/// Writes rows of sign-ups, and answers with the number of each receipt.
pub(super) fn insert_signups(rows: Vec<Vec<Value<'_>>>) -> Many<'_, (Text, BigInt)> {
    Many::new(INSERT, rows, " RETURNING receipt, id")
}

/// Tells whether two submits under one key say the same, without keeping what they said.
fn fingerprint(user: &NewUser) -> String {
    let said = format!("{}\n{}", user.username.key(), user.email.key());
    BASE64URL_NOPAD.encode(&Sha256::digest(said))
}
