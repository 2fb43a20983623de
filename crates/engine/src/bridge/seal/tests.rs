use std::collections::HashSet;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const NOW: Nanos = Nanos(5_000_000_000);
const ALICE: Principal = Principal([7; 16]);

fn seal() -> Seal {
    Seal::new(&[[1; 32]], [9; 32], 1_000)
}

fn open(seal: &Seal, envelope: &str) -> Option<Vec<u8>> {
    seal.open(NOW, Purpose::Session, ALICE, envelope)
}

#[test]
fn an_envelope_opens_for_its_purpose_principal_and_time_only() {
    let mut seal = seal();
    let envelope = seal.seal(NOW, Purpose::Session, ALICE, b"kept", HOUR);
    assert_eq!(open(&seal, &envelope).as_deref(), Some(&b"kept"[..]));
    for purpose in [Purpose::State, Purpose::Cursor, Purpose::Task] {
        assert_eq!(seal.open(NOW, purpose, ALICE, &envelope), None, "{purpose:?}");
    }
    assert_eq!(seal.open(NOW, Purpose::Session, Principal([8; 16]), &envelope), None);
    assert_eq!(seal.open(NOW, Purpose::Session, Principal::default(), &envelope), None);
    let end = NOW.0 + HOUR.as_nanos() as u64;
    assert!(seal.open(Nanos(end - 1), Purpose::Session, ALICE, &envelope).is_some());
    assert_eq!(seal.open(Nanos(end), Purpose::Session, ALICE, &envelope), None);
    let late = |now: u64, who| seal.open_late(Nanos(now), Purpose::Session, who, &envelope);
    assert_eq!(late(end - 1, ALICE), Some((b"kept".to_vec(), true)));
    assert_eq!(late(end, ALICE), Some((b"kept".to_vec(), false)));
    assert_eq!(late(end, Principal::default()), None);
}

#[test]
fn an_envelope_with_any_character_changed_added_or_missing_stays_closed() {
    let mut seal = seal();
    for content in [&b""[..], b"k", b"ke", b"kept"] {
        let envelope = seal.seal(NOW, Purpose::Session, ALICE, content, HOUR);
        for at in 0..envelope.len() {
            for with in "AZaz09-_=%".chars() {
                let mut bent = envelope.clone();
                bent.replace_range(at..=at, with.encode_utf8(&mut [0; 4]));
                assert_eq!(open(&seal, &bent).is_some(), bent == envelope, "{at} {with}");
            }
            assert_eq!(open(&seal, &envelope[..at]), None);
            assert_eq!(open(&seal, &envelope[at + 1..]), None);
        }
        assert_eq!(open(&seal, &format!("{envelope}A")), None);
    }
}

#[test]
fn every_bit_of_an_envelope_is_authenticated() {
    let mut seal = seal();
    let whole = base64::decode(&seal.seal(NOW, Purpose::Session, ALICE, b"kept", HOUR)).unwrap();
    for at in 0..whole.len() * 8 {
        let mut bent = whole.clone();
        bent[at / 8] ^= 1 << (at % 8);
        assert_eq!(open(&seal, &base64::encode(&bent)), None, "bit {at}");
    }
}

#[test]
fn a_rotated_key_still_opens_and_a_removed_one_does_not() {
    let old = seal().seal(NOW, Purpose::Session, ALICE, b"kept", HOUR);
    let mut rotated = Seal::new(&[[2; 32], [1; 32]], [8; 32], 1_000);
    assert_eq!(open(&rotated, &old).as_deref(), Some(&b"kept"[..]));
    let new = rotated.seal(NOW, Purpose::Session, ALICE, b"new", HOUR);
    assert_eq!(open(&seal(), &new), None);
    assert_eq!(open(&Seal::new(&[[2; 32]], [7; 32], 1_000), &old), None);
    assert!(open(&Seal::new(&[[2; 32]], [7; 32], 1_000), &new).is_some());
}

#[test]
fn no_two_envelopes_are_alike_and_none_shows_its_content() {
    let mut seal = seal();
    let mut seen = HashSet::new();
    let mut nonces = HashSet::new();
    for _ in 0..70_000 {
        let envelope = seal.seal(NOW, Purpose::Session, ALICE, b"the very same", HOUR);
        let bytes = base64::decode(&envelope).unwrap();
        assert!(nonces.insert(bytes[5..17].to_vec()));
        assert!(!bytes.windows(4).any(|four| four == b"very"));
        assert!(seen.insert(envelope));
    }
    let mut other = Seal::new(&[[1; 32]], [10; 32], 1_000);
    assert!(seen.insert(other.seal(NOW, Purpose::Session, ALICE, b"the very same", HOUR)));
}

#[test]
fn an_envelope_is_visible_ascii_and_little_longer_than_its_content() {
    let mut seal = seal();
    for length in 0..200 {
        let envelope = seal.seal(NOW, Purpose::State, ALICE, &vec![0; length], HOUR);
        assert_eq!(envelope.len(), ((41 + length) * 8).div_ceil(6));
        assert!(envelope.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    }
}

#[test]
fn times_and_texts_of_any_size_do_no_harm() {
    let mut seal = seal();
    let envelope = seal.seal(Nanos(u64::MAX), Purpose::Task, ALICE, b"x", Duration::MAX);
    assert_eq!(seal.open(Nanos(u64::MAX), Purpose::Task, ALICE, &envelope), None);
    for text in ["", "A", "AQ", "toString", "__proto__", &"A".repeat(1 << 20), "ä\0"] {
        assert_eq!(open(&seal, text), None);
    }
}

#[test]
fn a_seal_without_keys_has_one_of_its_own() {
    let mut alone = Seal::new(&[], [3; 32], 0);
    let envelope = alone.seal(NOW, Purpose::Session, ALICE, b"x", HOUR);
    assert!(open(&alone, &envelope).is_some());
    assert_eq!(open(&Seal::new(&[], [4; 32], 0), &envelope), None);
    assert_ne!(alone.tag(), Seal::new(&[], [4; 32], 0).tag());
    assert!(!format!("{alone:?}").contains('['));
}
