//! The samples of other programs, where KEYFOLD_FIXTURES names their folder: what arrives was compared with each source
//! by hand. All of one kind hold the same seven accounts.

use super::*;
use crate::exchange::tests::samples::sample;
use crate::otp::Algorithm;

/// Site, account, hash, digits, and period of TOTP or count of HOTP; 0 for Steam.
type Expected = (&'static str, &'static str, Algorithm, u8, u64);

const TOTP: [Expected; 3] = [
    ("Deno", "Mason", Algorithm::Sha1, 6, 30),
    ("SPDX", "James", Algorithm::Sha256, 7, 20),
    ("Airbnb", "Elijah", Algorithm::Sha512, 8, 50),
];
const HOTP: [Expected; 3] = [
    ("Issuu", "James", Algorithm::Sha1, 6, 1),
    ("Air Canada", "Benjamin", Algorithm::Sha256, 7, 50),
    ("WWE", "Mason", Algorithm::Sha512, 8, 10300),
];
const STEAM: Expected = ("Boeing", "Sophia", Algorithm::Sha1, 5, 0);

/// A code at 2020-12-16 19:00:00 UTC, or that of the count.
fn code_of(seed: &Seed) -> String {
    let code = match seed.kind() {
        Kind::Hotp { counter } => seed.code_for_counter(counter).unwrap(),
        Kind::Totp { .. } | Kind::Steam => seed.code_at(1_608_145_200).unwrap().text,
    };
    code.expose().to_owned()
}

pub(super) fn check_all(imported: &Imported, expected: &[Expected], what: &str) {
    assert_eq!(imported.drafts.len(), expected.len(), "{what}");
    for (issuer, account, algorithm, digits, step) in expected {
        let draft = titled(imported, issuer);
        assert_eq!(field_text(draft, "username"), Some(*account), "{what}");
        let seed = seed_of(draft);
        assert_eq!(
            (seed.issuer(), seed.account()),
            (*issuer, *account),
            "{what}"
        );
        assert_eq!(
            (seed.algorithm(), seed.digits()),
            (*algorithm, *digits),
            "{what}"
        );
        let found = match seed.kind() {
            Kind::Totp { period_secs } => u64::from(period_secs),
            Kind::Hotp { counter } => counter,
            Kind::Steam => 0,
        };
        assert_eq!(found, *step, "{what}: {issuer}");
        assert_eq!(code_of(&seed).len(), usize::from(*digits));
    }
}

pub(super) fn all_seven() -> Vec<Expected> {
    TOTP.into_iter().chain(HOTP).chain([STEAM]).collect()
}

#[test]
fn the_plain_samples_have_all_accounts() {
    for (path, format) in [
        ("aegis/aegis__aegis_plain.json", Format::Aegis),
        ("andotp/aegis__andotp_plain.json", Format::AndOtp),
        ("otpauth-uri-list/aegis__plain.txt", Format::OtpauthUris),
    ] {
        let Some(bytes) = sample(path) else { return };
        assert_eq!(detect(&bytes, None), Ok(format), "{path}");
        let imported = import(&bytes, None, None).expect(path);
        check_all(&imported, &all_seven(), path);
        assert!(imported.skipped.is_empty(), "{path}");
    }
}

#[test]
fn the_encrypted_samples_have_all_accounts() {
    for (path, format, password) in [
        ("aegis/aegis__aegis_encrypted.json", Format::Aegis, "test"),
        ("andotp/aegis__andotp_encrypted.bin", Format::AndOtp, "test"),
        (
            "andotp/aegis__andotp_encrypted_old.bin",
            Format::AndOtp,
            "test",
        ),
    ] {
        let Some(bytes) = sample(path) else { return };
        if !path.contains("old") {
            assert_eq!(detect(&bytes, None), Ok(format), "{path}");
        }
        let imported = sealed::open(&bytes, format, password).expect(path);
        // The oldest version had no Steam yet.
        let mut expected = all_seven();
        expected.truncate(if path.contains("old") { 6 } else { 7 });
        check_all(&imported, &expected, path);
        let wrong = Some(ImportError::SourcePasswordWrong { format });
        assert_eq!(sealed::open(&bytes, format, "other").err(), wrong, "{path}");
    }
}

#[test]
fn the_freeotp_plus_sample_counts_from_one_below() {
    let Some(bytes) = sample("freeotp-plus/aegis__freeotp_plus.json") else {
        return;
    };
    assert_eq!(detect(&bytes, None), Ok(Format::FreeOtp));
    let imported = import(&bytes, None, None).unwrap();
    let lower = HOTP
        .map(|(issuer, account, hash, digits, count)| (issuer, account, hash, digits, count - 1));
    let expected: Vec<Expected> = TOTP.into_iter().chain(lower).collect();
    check_all(&imported, &expected, "FreeOTP+");
}

#[test]
fn the_transfers_of_google_authenticator_have_all_accounts() {
    let Some(bytes) = sample("google-auth-migration/otp__example_export.txt") else {
        return;
    };
    assert_eq!(detect(&bytes, None), Ok(Format::GoogleAuthenticator));
    let imported = import(&bytes, None, None).unwrap();
    let names: Vec<(&str, Option<&str>)> = imported
        .drafts
        .iter()
        .map(|item| {
            (
                item.draft.title.as_str(),
                field_text(&item.draft, "username"),
            )
        })
        .collect();
    let (pi, site) = (Some("pi@raspberrypi"), "raspberrypi");
    assert_eq!(
        names,
        [
            (site, pi),
            ("pi@raspberrypi", pi),
            ("pi@raspberrypi", pi),
            (site, pi),
            ("hotp demo", Some("hotp demo")),
            ("encoding", Some("¿äÄéÉ? (demo)")),
        ]
    );
    let demo = titled(&imported, "hotp demo");
    assert_eq!(seed_of(demo).kind(), Kind::Hotp { counter: 4 });
    let file = "google-auth-migration/otp__test_plus_problem_export.txt";
    let imported = import(&sample(file).unwrap(), None, None).unwrap();
    assert_eq!(imported.drafts.len(), 4);
    let file = "google-auth-migration/otp__test_export_wrong_prefix.txt";
    let imported = import(&sample(file).unwrap(), None, None).unwrap();
    assert_eq!(imported.drafts.len(), 1);
    let file = "google-auth-migration/otp__test_export_wrong_data.txt";
    let refused = import(&sample(file).unwrap(), None, None).err();
    assert!(matches!(refused, Some(ImportError::NotThisFormat { .. })));
}
