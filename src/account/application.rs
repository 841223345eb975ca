//! What a sign-up form is parsed into: every field judged, all errors at once.

use super::{EmailAddress, Field, FieldError, NewUser, Password, Username, password::normalise};
use crate::text::Locale;

/// Somebody's wish to sign up, with nothing left in it that could be wrong but a name that is taken.
#[derive(Debug)]
pub struct Application {
    pub username: Username,
    pub email: EmailAddress,
    pub password: Password,
    pub locale: Locale,
}

impl Application {
    /// Judges every field and gives the errors of all, at most one for each, in the order of the
    /// form. Programs have no second entry of the password: `confirmation` is `None`.
    pub fn parse(
        username: &str,
        email: &str,
        password: &str,
        confirmation: Option<&str>,
        locale: Locale,
    ) -> Result<Self, Vec<FieldError>> {
        let judged = (
            Username::parse(username),
            EmailAddress::parse(email),
            Password::parse(password, username, email),
            confirm(password, confirmation),
        );
        match judged {
            (Ok(username), Ok(email), Ok(password), Ok(())) => Ok(Self {
                username,
                email,
                password,
                locale,
            }),
            (username, email, password, confirmed) => {
                Err(
                    [username.err(), email.err(), password.err(), confirmed.err()]
                        .into_iter()
                        .flatten()
                        .collect(),
                )
            }
        }
    }

    /// Parts the password, which goes to be hashed, from the rest, which waits for the hash.
    pub fn into_parts(self) -> (Password, impl FnOnce(String) -> NewUser) {
        let Self {
            username,
            email,
            password,
            locale,
        } = self;
        let rest = move |password_hash| NewUser {
            username,
            email,
            password_hash,
            locale,
        };
        (password, rest)
    }
}

fn confirm(password: &str, confirmation: Option<&str>) -> Result<(), FieldError> {
    let refuse = |code| Err(FieldError::new(Field::PasswordConfirmation, code));
    match confirmation {
        None => Ok(()),
        // Asked for at once, with the password or without: both have to be typed.
        Some("") => refuse("required"),
        // Without a password there is nothing that it could differ from.
        Some(_) if password.is_empty() => Ok(()),
        Some(second) if normalise(second) != normalise(password) => refuse("mismatch"),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWORD: &str = "tulipa janela quarenta";

    fn errors(username: &str, email: &str, password: &str, second: Option<&str>) -> Vec<String> {
        Application::parse(username, email, password, second, Locale::En)
            .unwrap_err()
            .iter()
            .map(FieldError::key)
            .collect()
    }

    #[test]
    fn a_good_form_becomes_a_new_user() {
        let application = Application::parse(
            " Maria ",
            "Maria@Example.com",
            PASSWORD,
            Some(PASSWORD),
            Locale::PtBr,
        )
        .unwrap();
        let (password, with_hash) = application.into_parts();
        let user = with_hash("$argon2id$".to_owned());
        assert_eq!(password.expose(), PASSWORD);
        assert_eq!(user.username.shown(), "Maria");
        assert_eq!(user.email.key(), "maria@example.com");
        assert_eq!(user.password_hash, "$argon2id$");
        assert_eq!(user.locale, Locale::PtBr);
    }

    #[test]
    fn a_program_gives_the_password_once() {
        assert!(Application::parse("maria", "m@example.com", PASSWORD, None, Locale::En).is_ok());
    }

    #[test]
    fn every_field_is_judged_at_once_in_the_order_of_the_form() {
        assert_eq!(
            errors("a b", "maria@", "short", Some("shirt")),
            [
                "errors.username.contains_space",
                "errors.email.invalid",
                "errors.password.too_short",
                "errors.password_confirmation.mismatch",
            ]
        );
    }

    #[test]
    fn an_empty_form_asks_for_each_of_its_fields() {
        let mut all = vec![
            "errors.username.required",
            "errors.email.required",
            "errors.password.required",
        ];
        assert_eq!(errors("", "", "", None), all);
        all.push("errors.password_confirmation.required");
        assert_eq!(errors("", "", "", Some("")), all);
    }

    #[test]
    fn a_second_entry_without_a_first_is_not_called_different() {
        assert_eq!(
            errors("maria", "m@example.com", "", Some(PASSWORD)),
            ["errors.password.required"]
        );
    }

    #[test]
    fn both_entries_of_the_password_must_be_equal() {
        let second = |second| errors("maria", "m@example.com", PASSWORD, Some(second));
        assert_eq!(second(""), ["errors.password_confirmation.required"]);
        assert_eq!(
            second("Tulipa janela quarenta"),
            ["errors.password_confirmation.mismatch"]
        );
    }

    #[test]
    fn the_password_is_held_against_a_name_that_is_refused_itself() {
        assert_eq!(
            errors("root", "m@example.com", "raiz root tulipa janela", None),
            [
                "errors.username.reserved",
                "errors.password.contains_username"
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_error_is_in_the_table_with_its_arguments(
            username in ".{0,12}|[a-zа-я._ -]{0,40}",
            email in r".{0,12}|[a-zé\p{L}]{0,9}@[a-z.]{0,9}|a{250}@example.com",
            password in ".{0,12}|[a-c]{8}|x{200}",
            second in ".{0,3}",
        ) {
            let parsed = Application::parse(&username, &email, &password, Some(&second), Locale::En);
            for error in parsed.err().into_iter().flatten() {
                let names: Vec<_> = error.args.iter().map(|(name, _)| *name).collect();
                prop_assert!(FieldError::ALL.contains(&(error.field, error.code, &names)), "{error:?}");
            }
        }
    }
}
