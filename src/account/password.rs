//! A password that somebody chose: judged once, then known only to the hashing.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zxcvbn::{Score, matching::patterns::MatchPattern, zxcvbn};

use super::{Field, FieldError, letters::fold};

/// A good password: 8 to 128 characters, neither common nor easily guessed, without the user's own
/// name or address in it. No rule says which kinds of characters it must hold (NIST SP 800-63B).
///
/// It cannot be printed, serialised or compared, and leaves this type only to be hashed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// The fewest characters (Unicode scalar values, after NFKC), as NIST SP 800-63B counts them.
    pub const MIN_CHARS: usize = 8;
    /// The most characters.
    pub const MAX_CHARS: usize = 128;

    /// Judges a password that somebody chose. `username` and `email` are what was typed beside it,
    /// good or not, so that all fields can be judged at once.
    pub fn parse(text: &str, username: &str, email: &str) -> Result<Self, FieldError> {
        let password = normalise(text);
        match password.chars().count() {
            0 => return Err(refuse("required")),
            1..Self::MIN_CHARS => return Err(refuse("too_short").with("min", Self::MIN_CHARS)),
            Self::MIN_CHARS..=Self::MAX_CHARS => {}
            _ => return Err(refuse("too_long").with("max", Self::MAX_CHARS)),
        }
        let folded = fold(&password);
        let username = fold(username.trim());
        let email = fold(email.trim());
        let local_part = email
            .rsplit_once('@')
            .map_or(email.as_str(), |(local, _)| local);
        if contains(&folded, &username) {
            return Err(refuse("contains_username"));
        }
        if contains(&folded, local_part) || contains(&folded, &email) {
            return Err(refuse("contains_email"));
        }
        judge_strength(&password, &[&username, &email, local_part])?;
        Ok(Self(password))
    }

    /// One that has just opened its hash: it was judged when it was chosen, by the rules of that day.
    pub(super) fn proven(text: &str) -> Self {
        Self(normalise(text))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The form in which passwords are hashed: NFKC, so that every keyboard types the same one. Anything
/// beyond the longest password allowed is cut off one character later, where no password reaches.
pub(super) fn normalise(text: &str) -> String {
    text.nfkc().take(Password::MAX_CHARS + 1).collect()
}

fn refuse(code: &'static str) -> FieldError {
    FieldError::new(Field::Password, code)
}

/// Whether the password holds the name; one or two letters are in too many words to mean anything.
fn contains(password: &str, name: &str) -> bool {
    name.chars().count() >= 3 && password.contains(name)
}

/// zxcvbn takes time that grows with the square of the length, and most for what could be words in
/// digits (`1|7!4@8`): 32 characters of them take 80 ms, 64 take 350 (its own bound is 100). A password
/// still weak after 32 characters goes on in the same way.
const JUDGED_CHARS: usize = 32;

/// zxcvbn counts to 10^6 guesses for this score, "somewhat guessable". A higher bar would refuse
/// eight random characters, which it holds for 10^8 guesses; against fewer than those stand the
/// limits on log-in, and Argon2id should the table ever be read.
const ENOUGH: Score = Score::Two;

fn judge_strength(password: &str, personal: &[&str]) -> Result<(), FieldError> {
    let judged: String = password.chars().take(JUDGED_CHARS).collect();
    let known: Vec<&str> = COMMON_HERE
        .split_whitespace()
        .chain(personal.iter().copied())
        .collect();
    let guess = zxcvbn(&judged, &known);
    // One word and nothing else, be it spelt with capitals, digits for letters, or backwards.
    if let [only] = guess.sequence()
        && let MatchPattern::Dictionary(word) = &only.pattern
        && !personal.contains(&word.matched_word.as_str())
    {
        return Err(refuse("too_common"));
    }
    if guess.score() < ENOUGH {
        return Err(refuse("too_weak"));
    }
    Ok(())
}

/// What Brazilians choose and zxcvbn, whose 30,000 common passwords and words are English, ranks as
/// rare or does not know. The commonest first: zxcvbn takes the place in the list for the number of
/// guesses.
const COMMON_HERE: &str = "
    senha senha@123 mudar mudar@123 minhasenha admin@123 teste@123 brasil flamengo corinthians
    palmeiras saopaulo vasco santos gremio cruzeiro botafogo fluminense internacional atletico
    cadastro teste acesso usuario administrador trocar segredo entrar teamo amor amorzinho
    minhavida felicidade familia saudade princesa gatinha cachorro estrela borboleta florzinha
    chocolate vitoria esperanca liberdade jesus deusefiel jesuscristo jesusteama gabriel rafael
    eduardo fernando gustavo leonardo juliana mariana carolina amanda beatriz fernanda futebol
    carnaval janeiro fevereiro dezembro
";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Password, FieldError> {
        Password::parse(text, "maria.silva", "msilva@example.com")
    }

    fn code(text: &str) -> &'static str {
        parse(text).unwrap_err().code
    }

    #[test]
    fn good_passwords_of_many_kinds_are_accepted() {
        for password in [
            "correct horse battery staple",
            "kT7#qzLw",
            "gfhxuvrw",
            "tulipa janela quarenta",
            "pão-de-queijo às 7h",
            "ねこはきょうもねている",
            "🌻🐢🎈🍋🚲🎺🪁🧭",
        ] {
            assert!(
                parse(password).is_ok(),
                "{password:?}: {:?}",
                parse(password)
            );
        }
    }

    #[test]
    fn eight_to_a_hundred_and_twenty_eight_characters_are_counted_not_bytes() {
        let error = parse("ãõéçíúê").unwrap_err();
        assert_eq!(
            (error.code, error.args),
            ("too_short", vec![("min", "8".to_owned())])
        );
        assert!(parse("ãzõéçíúê").is_ok());
        let longest = "gostodepaocomgoiabada-"
            .repeat(6)
            .chars()
            .take(128)
            .collect::<String>();
        assert!(parse(&longest).is_ok());
        let error = parse(&format!("{longest}!")).unwrap_err();
        assert_eq!(
            (error.code, error.args),
            ("too_long", vec![("max", "128".to_owned())])
        );
        assert_eq!(code(&"x".repeat(1_000_000)), "too_long");
    }

    #[test]
    fn nothing_at_all_is_asked_for_and_spaces_count() {
        assert_eq!(code(""), "required");
        assert_eq!(code("  "), "too_short");
    }

    #[test]
    fn the_same_password_from_another_keyboard_is_the_same() {
        let composed = parse("coração de leão 7").unwrap();
        let decomposed = parse("corac\u{327}a\u{303}o de lea\u{303}o 7").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn common_passwords_are_refused_however_they_are_spelt() {
        for password in [
            "password",
            "12345678",
            "123456789",
            "PASSWORD",
            "P@ssw0rd",
            "qwertyuiop",
            "iloveyou",
            "superman",
            "corinthians",
            "Flamengo",
            "drowssap",
            "jesusteama",
        ] {
            assert_eq!(code(password), "too_common", "{password:?}");
        }
    }

    #[test]
    fn what_is_guessed_early_is_too_weak() {
        for password in [
            "aaaaaaaa",
            "abcdefgh",
            "senha123",
            "Senha@123",
            "mudar123",
            "brasil2026",
            "password1!",
            "flamengo10",
            "11/02/1990",
            "asdfasdfasdf",
        ] {
            assert!(
                matches!(code(password), "too_weak" | "too_common"),
                "{password:?}"
            );
        }
        assert_eq!(code(&"abc".repeat(40)), "too_weak");
    }

    #[test]
    fn the_users_own_name_and_address_are_no_secret() {
        assert_eq!(code("eu-sou-MARIA.SILVA-77"), "contains_username");
        assert_eq!(code("x9!MSilva!kkw2"), "contains_email");
        assert_eq!(code("zz msilva@example.com zz"), "contains_email");
        let of_il = |text| Password::parse(text, "", "il@example.com");
        assert!(of_il("tulipa janela quarenta").is_ok());
        assert_eq!(
            of_il("zz il@example.com zz").unwrap_err().code,
            "contains_email"
        );
        assert_eq!(
            Password::parse("tulipa janela", "no good name", "janela")
                .unwrap_err()
                .code,
            "contains_email"
        );
    }

    #[test]
    fn a_password_is_never_printed() {
        let password = parse("tulipa janela quarenta").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_a_password_or_an_error(texts in any::<[String; 3]>()) {
            let [text, name, email] = texts;
            let _ = Password::parse(&text, &name, &email);
        }

        #[test]
        fn a_password_read_back_is_the_same(text in r"[\p{L}\p{M}\p{N}\p{S} ]{8,20}") {
            if let Ok(password) = parse(&text) {
                let again = parse(password.expose()).unwrap();
                prop_assert_eq!(again.expose(), password.expose());
            }
        }
    }
}
