//! Published vectors, what exporters write, and what a hostile URI must not do (attack row B19).

use proptest::prelude::*;

use super::*;

/// The text of a code or URI, for comparison.
trait Visible {
    fn shown(&self) -> &str;
}

impl Visible for Secret {
    fn shown(&self) -> &str {
        // EXPOSE: tests compare what was made.
        self.expose()
    }
}

const RFC_SHA1: &[u8] = b"12345678901234567890";
const RFC_SHA256: &[u8] = b"12345678901234567890123456789012";
const RFC_SHA512: &[u8] = b"1234567890123456789012345678901234567890123456789012345678901234";

fn parse(text: &str) -> Result<Seed, SeedError> {
    Seed::parse(&Secret::new(text.to_owned()))
}

fn seed(kind: Kind, algorithm: Algorithm, digits: u8, key: &[u8]) -> Seed {
    Seed::from_parts(Parts {
        kind,
        algorithm,
        digits,
        issuer: String::new(),
        account: String::new(),
        key: Zeroizing::new(key.to_vec()),
    })
    .unwrap()
}

fn hotp(digits: u8) -> Seed {
    seed(Kind::Hotp { counter: 0 }, Algorithm::Sha1, digits, RFC_SHA1)
}

fn key_of(text: &str) -> Vec<u8> {
    parse(text).unwrap().key.to_vec()
}

fn error_of(text: &str) -> SeedError {
    parse(text).err().unwrap()
}

/// RFC 4226, appendix D: the truncated values in decimal.
const RFC_4226_VALUES: [u32; 10] = [
    1_284_755_224,
    1_094_287_082,
    137_359_152,
    1_726_969_429,
    1_640_338_314,
    868_254_676,
    1_918_287_922,
    82_162_583,
    673_399_871,
    645_520_489,
];

#[test]
fn hotp_gives_the_codes_of_rfc_4226() {
    let codes = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
        "520489",
    ];
    for (counter, code) in (0..).zip(codes) {
        assert_eq!(hotp(6).code_for_counter(counter).unwrap().shown(), code);
    }
}

#[test]
fn nine_and_ten_digits_are_the_truncated_value_with_its_leading_zeros() {
    for (counter, value) in (0..).zip(RFC_4226_VALUES) {
        let nine = hotp(9).code_for_counter(counter).unwrap();
        let ten = hotp(10).code_for_counter(counter).unwrap();
        assert_eq!(nine.shown(), format!("{:09}", value % 1_000_000_000));
        assert_eq!(ten.shown(), format!("{value:010}"));
    }
    assert_eq!(hotp(10).code_for_counter(7).unwrap().shown(), "0082162583");
    assert_eq!(hotp(9).code_for_counter(7).unwrap().shown(), "082162583");
}

#[test]
fn ten_digits_work_with_every_hash() {
    // The lower eight digits are those of RFC 6238, appendix B, at 59 s.
    for (algorithm, key, eight) in [
        (Algorithm::Sha1, RFC_SHA1, "94287082"),
        (Algorithm::Sha256, RFC_SHA256, "46119246"),
        (Algorithm::Sha512, RFC_SHA512, "90693936"),
    ] {
        let ten = seed(Kind::Totp { period_secs: 30 }, algorithm, 10, key);
        let code = ten.code_at(59).unwrap();
        assert_eq!(code.text.len(), 10);
        assert!(code.text.shown().ends_with(eight));
    }
}

#[test]
fn totp_gives_the_codes_of_rfc_6238() {
    let rows: [(u64, &str, &str, &str); 6] = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];
    for (time, sha1, sha256, sha512) in rows {
        for (algorithm, key, code) in [
            (Algorithm::Sha1, RFC_SHA1, sha1),
            (Algorithm::Sha256, RFC_SHA256, sha256),
            (Algorithm::Sha512, RFC_SHA512, sha512),
        ] {
            let totp = seed(Kind::Totp { period_secs: 30 }, algorithm, 8, key);
            assert_eq!(totp.code_at(time).unwrap().text.shown(), code);
        }
    }
}

#[test]
fn steam_code_is_the_truncated_value_in_its_own_alphabet() {
    // Steam Guard is HOTP's truncated value (RFC 4226 publishes it for this key) in base 26, lowest digit first.
    let alphabet: Vec<char> = "23456789BCDFGHJKMNPQRTVWXY".chars().collect();
    let steam = seed(Kind::Steam, Algorithm::Sha512, 8, RFC_SHA1);
    for (step, mut value) in (0..).zip(RFC_4226_VALUES) {
        let mut expected = String::new();
        for _ in 0..5 {
            expected.push(alphabet[usize::try_from(value % 26).unwrap()]);
            value /= 26;
        }
        assert_eq!(steam.code_at(step * 30).unwrap().text.shown(), expected);
    }
    // Computed apart, with Python's hmac, for the first of them.
    assert_eq!(steam.code_at(0).unwrap().text.shown(), "GG5F5");
}

#[test]
fn code_says_how_long_it_lives_and_what_follows() {
    let totp = seed(Kind::Totp { period_secs: 30 }, Algorithm::Sha1, 8, RFC_SHA1);
    for (time, remaining) in [(30, 30), (31, 29), (59, 1)] {
        let code = totp.code_at(time).unwrap();
        assert_eq!((code.period_secs, code.remaining_secs), (30, remaining));
        assert!(code.next.same_as(&totp.code_at(time + 30).unwrap().text));
    }
    assert_eq!(totp.code_at(59).unwrap().text.shown(), "94287082");
}

#[test]
fn end_of_time_is_no_panic() {
    let totp = seed(Kind::Totp { period_secs: 1 }, Algorithm::Sha1, 6, b"x");
    assert_eq!(totp.code_at(u64::MAX).unwrap().remaining_secs, 1);
    assert!(hotp(6).code_for_counter(u64::MAX).is_ok());
}

#[test]
fn codes_are_asked_for_in_the_kinds_own_way() {
    assert_eq!(hotp(6).code_at(0).err(), Some(CodeError::NeedsCounter));
    let totp = seed(Kind::Totp { period_secs: 30 }, Algorithm::Sha1, 6, b"x");
    assert_eq!(totp.code_for_counter(0).err(), Some(CodeError::NeedsTime));
}

#[test]
fn bare_base32_is_read_as_people_type_it() {
    let expected = b"Hello!\xde\xad\xbe\xef";
    for text in [
        "JBSWY3DPEHPK3PXP",
        "jbsw y3dp ehpk 3pxp",
        " JBSW-Y3DP-EHPK-3PXP\n",
        "JBSWY3DPEHPK3PXP======",
        "jbsw\u{a0}y3dpehpk3pxp",
        "steam://JBSWY3DPEHPK3PXP",
        "Steam://jbswy3dpehpk3pxp/",
    ] {
        assert_eq!(key_of(text), expected, "{text}");
    }
    assert_eq!(
        parse("JBSWY3DPEHPK3PXP").unwrap().kind(),
        Kind::Totp { period_secs: 30 }
    );
    assert_eq!(
        parse("steam://JBSWY3DPEHPK3PXP").unwrap().kind(),
        Kind::Steam
    );
}

#[test]
fn base32_matches_rfc_4648_with_and_without_padding() {
    for (padded, plain) in [
        ("MY======", "f"),
        ("MZXQ====", "fo"),
        ("MZXW6===", "foo"),
        ("MZXW6YQ=", "foob"),
        ("MZXW6YTB", "fooba"),
        ("MZXW6YTBOI======", "foobar"),
    ] {
        assert_eq!(key_of(padded), plain.as_bytes());
        assert_eq!(key_of(padded.trim_end_matches('=')), plain.as_bytes());
    }
}

#[test]
fn short_and_cut_keys_are_taken_with_a_warning() {
    assert_eq!(
        parse("MY").unwrap().warnings(),
        [Warning::ShortKey { bits: 8 }]
    );
    assert_eq!(parse("JBSWY3DPEHPK3PXP").unwrap().warnings(), []);
    assert_eq!(
        parse("JBSWY3DPEHPK3PXPA").unwrap().warnings(),
        [Warning::CutKey]
    );
}

#[test]
fn missing_and_empty_parameters_take_their_defaults() {
    for text in [
        "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP",
        "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=&period=&algorithm=&issuer=&counter=",
        "OTPAUTH://TOTP/x?Secret=jbswy3dpehpk3pxp&image=https%3A%2F%2Fx.example%2Fi.png&foo",
        "otpauth://totp/x?secret=JBSW%20Y3DP+EHPK-3PXP%3D%3D&digits=6&period=30",
        "otpauth://totp/x?amp;secret=JBSWY3DPEHPK3PXP&amp;digits=6#fragment",
    ] {
        let seed = parse(text).unwrap();
        assert_eq!(seed.kind(), Kind::Totp { period_secs: 30 }, "{text}");
        assert_eq!(
            (
                seed.algorithm(),
                seed.digits(),
                seed.issuer(),
                seed.account()
            ),
            (Algorithm::Sha1, 6, "", "x"),
            "{text}"
        );
        assert_eq!(seed.key.as_slice(), b"Hello!\xde\xad\xbe\xef", "{text}");
    }
    assert_eq!(parse("otpauth://totp?secret=MY").unwrap().account(), "");
    assert_eq!(
        parse("otpauth://hotp/x?secret=MY&counter=").unwrap().kind(),
        Kind::Hotp { counter: 0 }
    );
}

#[test]
fn algorithms_are_known_under_every_exporters_name() {
    for (name, algorithm) in [
        ("sha1", Algorithm::Sha1),
        ("HMACSHA1", Algorithm::Sha1),
        ("SHA-1", Algorithm::Sha1),
        ("HmacSHA256", Algorithm::Sha256),
        ("SHA_512", Algorithm::Sha512),
        ("HMAC-SHA-512", Algorithm::Sha512),
    ] {
        let seed = parse(&format!("otpauth://totp/x?secret=MY&algorithm={name}")).unwrap();
        assert_eq!(seed.algorithm(), algorithm, "{name}");
    }
    assert_eq!(
        error_of("otpauth://totp/x?secret=MY&algorithm=MD5"),
        SeedError::UnknownAlgorithm
    );
}

#[test]
fn labels_are_read_as_exporters_write_them() {
    for (label, issuer, expected) in [
        ("alice", "", ("", "alice")),
        ("Site:alice", "", ("Site", "alice")),
        ("Site%3A%20alice", "", ("Site", "alice")),
        ("Site:%20alice", "Site", ("Site", "alice")),
        ("Site%3Aalice", "site", ("site", "alice")),
        ("alice", "Site", ("Site", "alice")),
        ("Old:alice", "New", ("New", "alice")),
        ("Air%20Canada:ben", "Air+Canada", ("Air Canada", "ben")),
        ("Air+Canada:ben+b", "Air+Canada", ("Air Canada", "ben b")),
        (
            "Site:ben+tag%40x.example",
            "Site",
            ("Site", "ben+tag@x.example"),
        ),
        ("a%3Ab:c%3Ad", "a%3Ab", ("a:b", "c:d")),
        ("a%3Ab:c%3Ad", "", ("a:b", "c:d")),
        ("Site:", "Site", ("Site", "")),
        (":alice", "", ("", "alice")),
        ("100%", "", ("", "100%")),
        ("Caf%C3%A9:z%C3%BC", "", ("Café", "zü")),
        ("a/b/c", "", ("", "a/b/c")),
    ] {
        let text = format!("otpauth://totp/{label}?secret=MY&issuer={issuer}");
        let seed = parse(&text).unwrap();
        assert_eq!((seed.issuer(), seed.account()), expected, "{text}");
    }
}

#[test]
fn steam_is_known_under_every_exporters_form() {
    for text in [
        "otpauth://steam/Boeing:Sophia?secret=MY&issuer=Boeing&algorithm=SHA1&digits=5&period=30",
        "otpauth://totp/Steam:me?secret=MY&issuer=Steam",
        "otpauth://totp/Steam:me?secret=MY&digits=5",
        "otpauth://totp/Steam?secret=MY&digits=5",
        "otpauth://totp/x:me?secret=MY&period=30&digits=5&issuer=x&encoder=steam",
        "otpauth://totp/x:me?secret=MY&digits=6&issuer=x&encoder=STEAM",
    ] {
        let seed = parse(text).unwrap();
        assert_eq!((seed.kind(), seed.digits()), (Kind::Steam, 5), "{text}");
    }
    for text in [
        "otpauth://totp/Steam:me?secret=MY&issuer=Steam&digits=6",
        "otpauth://totp/Steamer:me?secret=MY",
    ] {
        let kind = parse(text).unwrap().kind();
        assert_eq!(kind, Kind::Totp { period_secs: 30 }, "{text}");
    }
}

#[test]
fn hostile_uris_are_refused_by_name() {
    let with = |parameters: &str| format!("otpauth://totp/x?secret=MY&{parameters}");
    for (text, error) in [
        (String::new(), SeedError::NoKey),
        (" -= ".to_owned(), SeedError::NoKey),
        ("A".to_owned(), SeedError::NoKey),
        ("otpauth://totp/x".to_owned(), SeedError::NoKey),
        ("otpauth://totp/x?secret=".to_owned(), SeedError::NoKey),
        ("A".repeat(MAX_TEXT_BYTES + 1), SeedError::TextTooLong),
        ("A".repeat(1 << 20), SeedError::TextTooLong),
        (with(&"x".repeat(1 << 20)), SeedError::TextTooLong),
        ("A".repeat(MAX_KEY_BYTES * 8 / 5 + 2), SeedError::KeyTooLong),
        (
            with(&format!("issuer={}", "i".repeat(257))),
            SeedError::LabelTooLong,
        ),
        ("MY18".to_owned(), SeedError::NotBase32),
        ("MY=MY".to_owned(), SeedError::NotBase32),
        ("MÝ".to_owned(), SeedError::NotBase32),
        (
            "otpauth://totp/x?secret=%FF".to_owned(),
            SeedError::NotBase32,
        ),
        ("steam://rungameid/440".to_owned(), SeedError::NotBase32),
        ("steam://%FF".to_owned(), SeedError::NotBase32),
        (
            "https://x.example/?secret=MY".to_owned(),
            SeedError::UnknownScheme,
        ),
        (
            "otpauth-migration://offline?data=MY".to_owned(),
            SeedError::UnknownScheme,
        ),
        (
            "otpauth://motp/x?secret=MY".to_owned(),
            SeedError::UnknownKind,
        ),
        ("otpauth://?secret=MY".to_owned(), SeedError::UnknownKind),
        (with("period=0"), SeedError::Period),
        (with("period=86401"), SeedError::Period),
        (with("period=4294967326"), SeedError::Period),
        (with("period=99999999999999999999"), SeedError::Period),
        (with("period=-30"), SeedError::Period),
        (with("period=%2B30"), SeedError::Period),
        (with("encoder=steam&period=0"), SeedError::Period),
        (with("digits=99"), SeedError::Digits),
        (with("digits=262"), SeedError::Digits),
        (with("digits=5"), SeedError::Digits),
        (with("digits=11"), SeedError::Digits),
        (with("digits=0"), SeedError::Digits),
        (with("digits=six"), SeedError::Digits),
        (with("encoder=steam&digits=99"), SeedError::Digits),
        (with("digits=6&digits=8"), SeedError::RepeatedParameter),
        (with("SECRET=MZ"), SeedError::RepeatedParameter),
    ] {
        let shown: String = text.chars().take(60).collect();
        assert_eq!(error_of(&text), error, "{shown}");
    }
    for counter in ["18446744073709551616", "18446744073709551615", "-1", "1e3"] {
        let text = format!("otpauth://hotp/x?secret=MY&counter={counter}");
        assert_eq!(error_of(&text), SeedError::Counter, "{counter}");
    }
}

#[test]
fn limits_themselves_are_allowed() {
    let most = format!("otpauth://hotp/x?secret=MY&counter={MAX_COUNTER}&digits=10");
    assert_eq!(
        parse(&most).unwrap().kind(),
        Kind::Hotp {
            counter: MAX_COUNTER
        }
    );
    assert_eq!(
        parse("otpauth://totp/x?secret=MY&period=86400")
            .unwrap()
            .kind(),
        Kind::Totp {
            period_secs: 86_400
        }
    );
    assert_eq!(
        key_of(&"7".repeat(MAX_KEY_BYTES * 8 / 5)).len(),
        MAX_KEY_BYTES - 1
    );
}

#[test]
fn written_uri_is_strict_and_complete() {
    let text = "otpauth://totp/Air+Canada:me%40x.example?secret=jbsw-y3dp&issuer=Air+Canada&algorithm=sha256";
    assert_eq!(
        parse(text).unwrap().write_uri().shown(),
        "otpauth://totp/Air%20Canada:me%40x.example?secret=JBSWY3DP&issuer=Air%20Canada&algorithm=SHA256&digits=6&period=30"
    );
    assert_eq!(
        parse("otpauth://hotp/me?secret=MY&counter=7")
            .unwrap()
            .write_uri()
            .shown(),
        "otpauth://hotp/me?secret=MY&algorithm=SHA1&digits=6&counter=7"
    );
    assert_eq!(
        parse("steam://MY").unwrap().write_uri().shown(),
        "otpauth://totp/?secret=MY&algorithm=SHA1&digits=5&period=30&encoder=steam"
    );
}

#[test]
fn longest_seed_writes_a_uri_that_is_read() {
    let longest = Seed::from_parts(Parts {
        kind: Kind::Hotp {
            counter: MAX_COUNTER,
        },
        algorithm: Algorithm::Sha512,
        digits: 10,
        issuer: "é".repeat(MAX_LABEL_BYTES / 2),
        account: ":".repeat(MAX_LABEL_BYTES),
        key: Zeroizing::new(vec![0xff; MAX_KEY_BYTES]),
    })
    .unwrap();
    let written = longest.write_uri();
    assert!(written.len() <= MAX_TEXT_BYTES);
    assert!(Seed::parse(&written).unwrap().same_as(&longest));
}

#[test]
fn fixture_uris_are_read_and_survive_writing() {
    // The folder of other programs' exports is not part of the project.
    let Some(folder) = std::env::var_os("KEYFOLD_FIXTURES") else {
        return;
    };
    let mut seen = 0;
    for entry in std::fs::read_dir(std::path::Path::new(&folder).join("otpauth-uri-list")).unwrap()
    {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let seed = parse(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(Seed::parse(&seed.write_uri()).unwrap().same_as(&seed));
            seen += 1;
        }
    }
    assert!(seen > 0);
}

fn any_seed() -> impl Strategy<Value = Shown> {
    let kind = prop_oneof![
        (1..=MAX_PERIOD_SECS).prop_map(|period_secs| Kind::Totp { period_secs }),
        (0..=MAX_COUNTER).prop_map(|counter| Kind::Hotp { counter }),
        Just(Kind::Steam),
    ];
    let algorithm = prop_oneof![
        Just(Algorithm::Sha1),
        Just(Algorithm::Sha256),
        Just(Algorithm::Sha512),
    ];
    let label = || {
        prop_oneof![
            "[ -~]{0,12}",
            "\\PC{0,12}",
            Just("Steam".to_owned()),
            "[:a%+ ]{0,6}"
        ]
    };
    (
        kind,
        algorithm,
        MIN_DIGITS..=MAX_DIGITS,
        label(),
        label(),
        proptest::collection::vec(any::<u8>(), 1..80),
    )
        .prop_map(|(kind, algorithm, digits, issuer, account, key)| {
            let seed = Seed::from_parts(Parts {
                kind,
                algorithm,
                digits,
                issuer,
                account,
                key: Zeroizing::new(key),
            })
            .unwrap();
            Shown(seed)
        })
}

struct Shown(Seed);

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.write_uri().shown())
    }
}

#[test]
fn what_no_seed_is_made_of_is_taken_out_of_a_uri_and_given_back() {
    let long = "x".repeat(MAX_TEXT_BYTES);
    let uri = format!(
        "otpauth://totp/Site%3Ame?image={long}&secret=JBSWY3DPEHPK3PXP&amp;Pin=1%2B1+2&empty=&digits=8#part"
    );
    let (kept, around) = Seed::split_uri(&Secret::new(uri));
    assert_eq!(
        kept.expose(),
        "otpauth://totp/Site%3Ame?secret=JBSWY3DPEHPK3PXP&digits=8"
    );
    assert_eq!(Seed::parse(&kept).unwrap().digits(), 8);
    assert_eq!(
        (around.issuer.as_str(), around.account.as_str()),
        ("", "Site:me")
    );
    let others: Vec<(&str, &str)> = around
        .others
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(others, [("image", long.as_str()), ("pin", "1+1 2")]);
    let text = Secret::new("steam://JBSWY3DP".to_owned());
    assert!(Seed::split_uri(&text).0.same_as(&text));
    let text = Secret::new("otpauth://yaotp/Y%20x:me@a?issuer=Y+x&secret=A".to_owned());
    let around = Seed::split_uri(&text).1;
    assert_eq!(
        (around.issuer.as_str(), around.account.as_str()),
        ("Y x", "me@a")
    );
}

#[test]
fn a_base32_key_with_parts_is_read_as_leniently_as_a_uri() {
    let parts = |key| Parts {
        kind: Kind::Hotp { counter: 7 },
        algorithm: Algorithm::Sha1,
        digits: 6,
        issuer: String::new(),
        account: String::new(),
        key,
    };
    let seed = Seed::from_base32(" gezd-GNBV gy3t qojq\tgezdgnbvgy3tqojq== ", parts).unwrap();
    // RFC 4226, appendix D.
    assert_eq!(seed.code_for_counter(7).unwrap().expose(), "162583");
    assert_eq!(
        Seed::from_base32("GEZD1", parts).err(),
        Some(SeedError::NotBase32)
    );
    assert_eq!(Seed::from_base32("", parts).err(), Some(SeedError::NoKey));
    let cut = Seed::from_base32("JBSWY3", parts).unwrap();
    assert!(cut.warnings().contains(&Warning::CutKey));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seed in any_seed()) {
        let read = Seed::parse(&seed.0.write_uri()).unwrap();
        prop_assert!(read.same_as(&seed.0));
        prop_assert!(read.write_uri().same_as(&seed.0.write_uri()));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = parse(&text);
        let _ = Seed::split_uri(&Secret::new(text));
    }

    #[test]
    fn a_uri_without_what_was_taken_out_is_the_same_seed(seed in any_seed(), other in "[a-zé%+0-9]{1,9}") {
        let uri = seed.0.write_uri();
        let with = Secret::new(format!("{}&other={other}", uri.shown()));
        let (kept, around) = Seed::split_uri(&with);
        prop_assert!(kept.same_as(&uri));
        prop_assert_eq!(around.issuer, seed.0.issuer());
        prop_assert_eq!(around.account, seed.0.account());
    }

    #[test]
    fn no_uri_makes_the_reader_panic_and_what_it_takes_makes_codes(
        text in "(otpauth|OtpAuth|steam)://(totp|hotp|steam|)[/:?]{0,2}[a-z%:+é]{0,9}\\?(secret=[A-Z2-7%=]{0,9}|)(&(secret|digits|period|counter|issuer|algorithm|encoder)=[0-9a-z%\\-+]{0,4}){0,4}"
    ) {
        if let Ok(seed) = parse(&text) {
            prop_assert!(Seed::parse(&seed.write_uri()).unwrap().same_as(&seed));
            let code = match seed.kind() {
                Kind::Hotp { counter } => seed.code_for_counter(counter).unwrap(),
                Kind::Totp { .. } | Kind::Steam => seed.code_at(1_700_000_000).unwrap().text,
            };
            prop_assert_eq!(code.len(), usize::from(seed.digits()));
        }
    }
}
