//! What is generated: `gen`, and what `add` and `edit` draw.

use crate::program::{Home, keys};
use std::collections::BTreeSet;

/// What one run of `gen` prints, without its newline.
fn made(home: &Home, args: &[&str]) -> String {
    let all = [&["gen"], args].concat();
    let out = home.bare(&all, "").ok().says("bits of entropy").out;
    out.strip_suffix('\n').unwrap().to_owned()
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

#[test]
fn gen_draws_from_sets_of_ones_own() {
    let home = Home::empty();
    let text = made(&home, &["40", "--characters", "abc", "--require", "-_"]);
    assert!(text.bytes().all(|byte| b"abc-_".contains(&byte)), "{text}");
    assert!(text.contains(['-', '_']), "{text}");
    let text = made(&home, &["200", "--exclude", "0123456789"]);
    assert!(!text.bytes().any(|byte| byte.is_ascii_digit()), "{text}");
    for args in [
        &["--characters", ""][..],
        &["--characters", "é"],
        &["--exclude", "\u{7}"],
        &["--exclude", "0123456789", "--digit", "1"],
        &["--characters", "ab", "--rules", "allowed: lower"],
        &["--words", "4", "--require", "x"],
    ] {
        home.bare(&[&["gen"], args].concat(), "").exits(2);
    }
}

#[test]
fn gen_makes_phrases_of_other_lists_with_capitals_and_a_digit() {
    let home = Home::empty();
    let args = [
        "--words",
        "4",
        "--list",
        "short",
        "--capitals",
        "--add-digit",
    ];
    let text = made(&home, &args);
    let words: Vec<&str> = text.split('-').collect();
    assert!(
        words
            .iter()
            .all(|word| word.starts_with(|c: char| c.is_ascii_uppercase())),
        "{text}"
    );
    assert_eq!(text.bytes().filter(u8::is_ascii_digit).count(), 1, "{text}");
    home.bare(&["gen", "--words", "10", "--list", "short-prefix"], "")
        .ok()
        .says("103.4 bits");
    home.bare(&["gen", "--words", "6", "--list", "long"], "")
        .exits(2);
    home.bare(&["gen", "--capitals"], "").exits(2);
}

#[test]
fn gen_makes_pins_user_names_and_plus_addresses() {
    let home = Home::empty();
    let pin = made(&home, &["--pin"]);
    assert!(
        pin.len() == 6 && pin.bytes().all(|byte| byte.is_ascii_digit()),
        "{pin}"
    );
    assert_eq!(made(&home, &["4", "--pin"]).len(), 4);
    let name = made(&home, &["--user-name"]);
    assert!(
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        "{name}"
    );
    let args = ["--plus-address", "me@example.com", "--label", "shop"];
    let address = made(&home, &args);
    assert!(
        address.starts_with("me+shop-") && address.ends_with("@example.com"),
        "{address}"
    );
    home.bare(&["gen", "--plus-address", "nobody"], "")
        .exits(2)
        .says("name@domain");
    home.bare(&["gen", "--pin", "--user-name"], "").exits(2);
    home.bare(&["gen", "--pin", "--digit", "2"], "").exits(2);
}

#[test]
fn an_item_remembers_the_rules_of_its_site() {
    let home = Home::new();
    let rules = "minlength: 9; maxlength: 9; required: digit; allowed: [xy]";
    home.run(&["add", "bank", "-g", "--rules", rules]).ok();
    home.run(&["get", "bank", "password-rules"])
        .ok()
        .prints(rules);
    let meets =
        |text: &str| text.len() == 9 && text.bytes().all(|byte| b"xy0123456789".contains(&byte));
    let first = home.run(&["get", "bank"]).ok().out;
    assert!(meets(&first), "{first}");
    home.run(&["edit", "bank", "-g"]).ok();
    let second = home.run(&["get", "bank"]).ok().out;
    assert!(meets(&second) && second != first, "{second}");
    home.run(&["edit", "bank", "-g=12"]).exits(2).says("9 to 9");
    home.run(&["edit", "bank", "--rules", "minlength: 30", "-g"])
        .ok();
    assert_eq!(home.run(&["get", "bank"]).ok().out.len(), 30);
    home.run(&["edit", "bank", "--rules", "gibberish"]).exits(2);
    home.run(&["edit", "bank", "--field", "password-rules=gibberish"])
        .ok();
    home.run(&["edit", "bank", "-g"])
        .exits(1)
        .says("--remove-field password-rules");
    home.run(&["edit", "bank", "--remove-field", "password-rules", "-g"])
        .ok();
    assert_eq!(home.run(&["get", "bank"]).ok().out.len(), 20);
}

#[test]
fn remembered_rules_that_make_a_weak_password_are_told() {
    let home = Home::new();
    let weak = "maxlength: 4; allowed: digit";
    let ran = home.run(&["add", "bank", "-g", "--rules", weak]).ok();
    assert!(!ran.err.contains("remembers"), "{}", ran.err);
    home.run(&["edit", "bank", "-g"])
        .ok()
        .says("only 13.3 bits: the password-rules that the item remembers")
        .says("--rules")
        .says("--remove-field password-rules");
    let ran = home.run(&["-q", "edit", "bank", "-g"]).ok();
    assert_eq!(ran.err, "");
    // Given anew or strong enough, they are nothing to tell.
    for rules in [weak, "minlength: 30"] {
        let ran = home.run(&["edit", "bank", "-g", "--rules", rules]).ok();
        assert!(!ran.err.contains("remembers"), "{}", ran.err);
    }
    let ran = home.run(&["edit", "bank", "-g"]).ok();
    assert!(!ran.err.contains("remembers"), "{}", ran.err);
}

#[test]
fn several_items_never_share_what_is_generated() {
    let home = Home::new();
    for name in ["a", "b", "c"] {
        home.add(name, "old", &[]);
    }
    home.run(&["edit", "a", "b", "c", "--generate"]).ok();
    let secrets: BTreeSet<String> = ["a", "b", "c"]
        .into_iter()
        .map(|name| home.run(&["get", name]).ok().out)
        .collect();
    assert_eq!(secrets.len(), 3);
    assert!(!secrets.contains("old"));
}
