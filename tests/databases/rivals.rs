//! Two processes that want the same at the same moment: one of them gets it, and nobody both.

use cadastro::store::{NewSignup, SignupRefusal, StoreError};

use super::{
    on_both, sign_up, sign_up_all, signed_up,
    signups::{saved, with_key},
};

#[tokio::test]
async fn of_two_processes_that_sign_up_the_same_name_at_once_one_does() {
    on_both(async |subject| {
        let (one, other) = (&subject.store, subject.another_store());
        for round in 0..20 {
            let name = format!("maria{round}");
            let by = |process: &str| {
                let new = sign_up(&name, &format!("{process}{round}@example.com"));
                [NewSignup {
                    receipt: format!("{process}{round}"),
                    ..new
                }]
            };
            let (ours, theirs) = (by("one"), by("other"));
            let answers = tokio::join!(sign_up_all(one, &ours), sign_up_all(&other, &theirs));
            let answers = [answers.0, answers.1];
            let wins = |answer: &Result<Vec<super::Answer>, StoreError>| {
                answer.as_ref().is_ok_and(|answers| answers[0].is_ok())
            };
            let is_refused = |answer: &Result<Vec<super::Answer>, StoreError>| match answer {
                Ok(answers) => matches!(answers[0], Err(SignupRefusal::UsernameTaken)),
                Err(error) => matches!(error, StoreError::Conflict(_)),
            };
            assert_eq!(
                answers.iter().filter(|answer| wins(answer)).count(),
                1,
                "{answers:?}"
            );
            assert_eq!(
                answers.iter().filter(|answer| is_refused(answer)).count(),
                1,
                "{answers:?}"
            );
        }
        assert_eq!(saved(&subject).await, ["20", "20", "40"]);
    })
    .await;
}

#[tokio::test]
async fn a_name_goes_to_one_of_two_processes_even_if_no_account_comes_of_it() {
    on_both(async |subject| {
        let (one, other) = (&subject.store, subject.another_store());
        signed_up(one, sign_up("maria", "maria@example.com")).await;
        for round in 0..20 {
            let name = format!("name{round}");
            let with = |email: &str| {
                let receipt = format!("{name} for {email}");
                let new = sign_up(&name, email);
                [NewSignup { receipt, ..new }]
            };
            let (taken, fresh) = (
                with("maria@example.com"),
                with(&format!("{name}@example.com")),
            );
            let answers = tokio::join!(sign_up_all(one, &taken), sign_up_all(&other, &fresh));
            let mut winners = 0;
            for (answer, again) in [(answers.0, &taken), (answers.1, &fresh)] {
                let mut answer = answer;
                if let Err(StoreError::Conflict(_)) = answer {
                    answer = sign_up_all(one, again).await;
                }
                match &answer.expect("asked again at worst")[0] {
                    Ok(_) => winners += 1,
                    Err(refusal) => assert_eq!(*refusal, SignupRefusal::UsernameTaken),
                }
            }
            assert_eq!(winners, 1, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_processes_that_take_the_same_form_at_once_one_saves_it() {
    on_both(async |subject| {
        let (one, other) = (&subject.store, subject.another_store());
        for round in 0..20 {
            let name = format!("maria{round}");
            let by = |process: &str| {
                let new = with_key(sign_up(&name, &format!("{name}@example.com")), &name);
                [NewSignup {
                    receipt: format!("{process}{round}"),
                    ..new
                }]
            };
            let (ours, theirs) = (by("one"), by("other"));
            let (first, second) =
                tokio::join!(sign_up_all(one, &ours), sign_up_all(&other, &theirs));
            for (answer, again) in [(first, &ours), (second, &theirs)] {
                let mut answer = answer;
                if let Err(StoreError::Conflict(_)) = answer {
                    answer = sign_up_all(one, again).await;
                }
                assert!(answer.expect("asked again at worst")[0].is_ok());
            }
        }
        assert_eq!(saved(&subject).await, ["20", "20", "40"]);
    })
    .await;
}
