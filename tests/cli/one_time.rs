//! One-time passwords: by time, by counter, Steam; seeds in and out; and `gen`.

use crate::program::{Home, keys};

/// The seed of RFC 6238, appendix B, for SHA-1.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

#[test]
fn a_code_by_time_has_six_digits_and_a_next_one() {
    let home = Home::new();
    home.run_with(&["add", "mail", "--otp-stdin"], SEED).ok();
    let code = home.run(&["otp", "mail"]).ok().out;
    assert!(
        code.len() == 7 && code.trim_end().bytes().all(|byte| byte.is_ascii_digit()),
        "{code:?}"
    );
    let shown = home.run(&["--json", "otp", "mail"]).ok().json();
    for key in ["schema", "code", "kind", "period", "remaining_secs", "next"] {
        assert!(keys(&shown).contains(&key), "{shown}");
    }
    assert_eq!(
        (&shown["kind"], &shown["period"]),
        (&"totp".into(), &30.into())
    );
    let left = shown["remaining_secs"].as_u64().unwrap();
    assert!((1..=30).contains(&left), "{left}");
    let next = home.run(&["otp", "mail", "--next"]).ok().out;
    assert_eq!(next.len(), 7);
    assert_eq!(home.run(&["get", "mail", "otp"]).ok().out.len(), 7);
    let watched = home.run(&["otp", "--watch"]).ok().out;
    assert!(watched.contains("mail"), "{watched}");
}

#[test]
fn a_counter_only_goes_forward() {
    let home = Home::new();
    // RFC 4226, appendix D.
    let uri = format!("otpauth://hotp/door?secret={SEED}&counter=0");
    home.run_with(&["add", "door", "--otp-stdin"], &uri).ok();
    for expected in ["755224\n", "287082\n", "359152\n"] {
        home.run(&["otp", "door"]).ok().prints(expected);
    }
    let shown = home.run(&["--json", "otp", "door"]).ok().json();
    assert_eq!(
        (&shown["code"], &shown["kind"]),
        (&"969429".into(), &"hotp".into())
    );
    home.run(&["otp", "door", "--next"])
        .exits(2)
        .says("counter");
    // Taking the last change back does not take the counter back.
    home.run(&["edit", "door", "--tag", "x"]).ok();
    home.run(&["undo"]).ok();
    home.run(&["otp", "door"]).ok().prints("338314\n");
    let uri = home.run(&["otp", "uri", "door"]).ok().out;
    assert!(uri.contains("counter=5"), "{uri}");
}

#[test]
fn steam_codes_have_five_letters() {
    let home = Home::new();
    let uri = format!("otpauth://totp/Steam:me?secret={SEED}&issuer=Steam&encoder=steam");
    home.run_with(&["add", "games", "--otp-stdin"], &uri).ok();
    let code = home.run(&["otp", "games"]).ok().out;
    assert_eq!(code.trim_end().len(), 5, "{code}");
    assert_eq!(
        home.run(&["--json", "otp", "games"]).ok().json()["kind"],
        "steam"
    );
}

#[test]
fn a_seed_goes_in_and_comes_out_as_uri_and_as_picture() {
    let home = Home::new();
    home.add("mail", "x", &["-u", "me@example.com"]);
    home.run(&["otp", "mail"]).exits(3).says("keyfold otp add");
    home.run_with(&["otp", "add", "mail", "--otp-stdin"], &format!("{SEED}\n"))
        .ok();
    let uri = home.run(&["otp", "uri", "mail"]).ok().out;
    assert!(
        uri.starts_with("otpauth://totp/") && uri.contains(SEED),
        "{uri}"
    );
    assert_eq!(
        home.run(&["--json", "otp", "uri", "mail"]).ok().json()["uri"],
        uri.trim_end()
    );
    assert!(home.run(&["otp", "qr", "mail"]).ok().out.lines().count() > 15);
    // A seed is a secret of its own: it is shown only by name.
    assert!(!home.run(&["show", "mail"]).ok().out.contains(SEED));
}

#[test]
fn hostile_seeds_are_refused_and_change_nothing() {
    let home = Home::new();
    for seed in [
        "otpauth://totp/x?secret=GEZDGNBV&period=0",
        "otpauth://totp/x?secret=GEZDGNBV&digits=99",
        "otpauth://totp/x",
        "not base32 at all!",
        "",
    ] {
        home.run_with(&["add", "x", "--otp-stdin"], seed)
            .exits(1)
            .says("seed");
    }
    assert_eq!(home.ls(), "");
    home.run_with(&["add", "short", "--otp-stdin"], "GE")
        .ok()
        .says("short");
}

#[test]
fn gen_obeys_its_rules_and_tells_the_entropy_on_standard_error() {
    let home = Home::empty();
    let made = home.bare(&["gen"], "").ok().says("bits of entropy");
    assert_eq!((made.out.len(), made.out.ends_with('\n')), (21, true));
    assert_eq!(home.bare(&["gen", "32"], "").ok().out.len(), 33);
    let digits = home
        .bare(
            &["gen", "8", "--lower", "0", "--upper", "0", "--symbol", "0"],
            "",
        )
        .ok()
        .out;
    assert!(
        digits.trim_end().bytes().all(|byte| byte.is_ascii_digit()),
        "{digits}"
    );
    let words = home
        .bare(&["gen", "--words", "5", "--separator", "."], "")
        .ok()
        .out;
    assert_eq!(words.split('.').count(), 5);
    assert_eq!(
        home.bare(&["gen", "--count", "12"], "")
            .ok()
            .out
            .lines()
            .count(),
        12
    );
    let shown = home
        .bare(&["--json", "gen", "--count", "2"], "")
        .ok()
        .json();
    assert_eq!(keys(&shown), ["entropy_bits", "schema", "values"]);
    assert_eq!(shown["values"].as_array().unwrap().len(), 2);
    let quiet = home.bare(&["-q", "gen"], "").ok();
    assert_eq!(quiet.err, "");
    home.bare(
        &[
            "gen",
            "--rules",
            "minlength: 12; maxlength: 12; required: digit",
        ],
        "",
    )
    .ok();
    home.bare(&["gen", "--pronounceable"], "").ok();
    home.bare(&["gen", "--count", "0"], "").exits(2);
    home.bare(&["gen", "--rules", "nonsense!"], "").exits(2);
    home.bare(&["gen", "5", "--words", "5"], "").exits(2);
    home.bare(&["gen", "3", "--digit", "4"], "").exits(2);
}
