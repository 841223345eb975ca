use serde_json::json;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a small number")
}

#[test]
fn the_same_arguments_make_the_same_key_in_whatever_order_they_come() {
    let key = |args: &str| {
        let args = serde_json::from_str(args).expect("JSON");
        Unique::by_args().key("a", &args, at(0))
    };
    assert_eq!(
        key(r#"{"x": [1, {"c": 0, "b": 1}], "y": "z"}"#),
        key(r#"{"y": "z", "x": [1, {"b": 1, "c": 0}]}"#)
    );
    assert_ne!(key(r#"{"x": [1, 2]}"#), key(r#"{"x": [2, 1]}"#));
    assert_ne!(key(r#"{"x": 1}"#), key(r#"{"x": "1"}"#));
}

#[test]
fn a_kind_a_key_and_a_period_tell_jobs_apart() {
    let nothing = json!({});
    let hour = Duration::from_secs(3600);
    let key = |unique: Unique, kind, second| unique.key(kind, &nothing, at(second));
    let named = || Unique::by_key("x");
    assert_eq!(key(named(), "a", 0), "a:x");
    assert_eq!(
        key(named().per(hour), "a", 3600 + 1800),
        "a@1970-01-01T01:00:00Z+3600s:x"
    );
    let others = [
        key(named(), "a", 0),
        key(named(), "b", 0),
        key(Unique::by_key("y"), "a", 0),
        key(Unique::by_args(), "a", 0),
        key(named().per(hour), "a", 0),
        key(named().per(hour), "a", 3600),
        key(named().per(hour * 24), "a", 0),
        key(Unique::by_key("x".repeat(5000)), "a", 0),
        key(Unique::by_key("x\0"), "a", 0),
    ];
    let different: std::collections::BTreeSet<_> = others.iter().collect();
    assert_eq!(different.len(), others.len(), "{others:?}");
    assert!(
        others
            .iter()
            .all(|key| key.len() < 300 && !key.contains('\0'))
    );
    assert_eq!(
        key(named().per(hour), "a", 0),
        key(named().per(hour), "a", 3599)
    );
}

#[test]
fn a_period_of_any_length_has_a_beginning() {
    for period in [Duration::ZERO, Duration::MAX] {
        for now in [Timestamp::MIN, Timestamp::MAX] {
            let key = Unique::by_args().per(period).key("a", &json!({}), now);
            assert!(key.starts_with("a@"), "{key}");
        }
    }
}

#[test]
fn a_job_that_waits_always_holds_its_key() {
    let after = Unique::by_args().while_in(States::of(&[State::Completed]));
    for state in State::ALL {
        let holds = state.is_waiting() || state == State::Completed;
        assert_eq!(after.states().has(state), holds, "{state}");
        assert_eq!(States::UNFINISHED.has(state), !state.is_final(), "{state}");
        assert!(States::ALL.has(state), "{state}");
    }
}

#[test]
fn a_state_has_the_bit_of_its_place_in_the_order_of_a_jobs_life() {
    for (place, state) in State::ALL.into_iter().enumerate() {
        assert_eq!(state.bit(), 1 << place, "{state}");
    }
}
