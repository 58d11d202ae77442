//! One-time passwords: by time, by counter, Steam; seeds in and out; and `gen`.

use crate::program::{Home, keys};
use crate::pty::Terminal;

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
}

/// Two seeds by time, one by counter, one item without.
fn watched() -> Home {
    let home = Home::new();
    let counter = format!("otpauth://hotp/door?secret={SEED}&counter=0");
    home.run_with(&["add", "door", "--otp-stdin"], &counter)
        .ok();
    let quick = format!("otpauth://totp/quick?secret={SEED}&period=2");
    home.run_with(&["add", "work/quick", "--otp-stdin"], &quick)
        .ok();
    home.run_with(&["add", "mail", "--otp-stdin"], SEED).ok();
    home.add("plain", "x", &[]);
    home
}

#[test]
fn watching_in_a_pipe_prints_each_code_once_and_says_what_is_left_out() {
    let home = watched();
    let ran = home.run(&["otp", "--watch"]).ok();
    let rows: Vec<Vec<&str>> = ran
        .out
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let paths: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    assert_eq!(paths, ["mail", "work/quick"]);
    for row in &rows {
        assert_eq!(row[0].len(), 6, "{row:?}");
        assert!((1..=30).contains(&row[1].parse::<u32>().unwrap()));
    }
    ran.says("Left out: door (by counter");

    let ran = home.run(&["otp", "--watch", "quick", "door", "plain"]).ok();
    assert!(ran.out.ends_with("\twork/quick\n") && ran.out.lines().count() == 1);
    ran.says("door (by counter").says("1 without a seed");

    let shown = home.run(&["--json", "otp", "--watch", "mail"]).ok().json();
    let code = &shown["codes"][0];
    for key in ["id", "path", "code", "kind", "period", "remaining_secs"] {
        assert!(keys(code).contains(&key), "{shown}");
    }
    home.run(&["otp", "--watch", "door"])
        .exits(3)
        .says("by counter");
    home.run(&["otp", "mail", "quick"]).exits(2).says("--watch");
    // Nothing of this moved the counter (RFC 4226, appendix D).
    home.run(&["otp", "door"]).ok().prints("755224\n");
}

/// What programs send to draw on a screen of their own, and to leave it.
const OWN_SCREEN: &str = "\u{1b}[?1049h";
const BACK: &str = "\u{1b}[?1049l";

fn watch_on_a_terminal(home: &Home, args: &[&str]) -> Terminal {
    let password = home.arg("password");
    let args = [&["--password-file", &password, "otp", "--watch"], args].concat();
    Terminal::attached(home, &args)
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn watching_on_a_terminal_goes_on_over_itself_and_leaves_no_code_behind() {
    let home = watched();
    let mut terminal = watch_on_a_terminal(&home, &[]);
    terminal.sees(OWN_SCREEN);
    terminal.sees("mail");
    terminal.sees("Left out: door");
    terminal.sees("q ends");
    // Each drawing begins at the top left; a code of two seconds is followed by its successor.
    let mut codes = std::collections::BTreeSet::new();
    for _ in 0..5 {
        terminal.sees("\u{1b}[H");
        let drawn = terminal.reads_to("\u{1b}[J");
        let line = drawn.lines().find(|line| line.contains("work/quick"));
        codes.insert(
            plain(line.unwrap())
                .split_whitespace()
                .next()
                .unwrap()
                .to_owned(),
        );
        assert!(drawn.contains('█'), "{drawn}");
    }
    assert!(codes.len() >= 2, "{codes:?}");
    terminal.types("q");
    let (code, seen) = terminal.ends();
    assert_eq!(code, 0);
    let (_, after) = seen.rsplit_once(BACK).expect("its own screen is left");
    assert!(!after.contains(codes.last().unwrap().as_str()), "{after:?}");
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn ctrl_c_while_watching_gives_the_terminal_back() {
    let home = watched();
    let mut terminal = watch_on_a_terminal(&home, &["mail"]);
    terminal.sees("q ends");
    assert!(!terminal.echoes());
    terminal.types("\u{3}");
    assert!(terminal.comes_back());
    let (code, seen) = terminal.ends();
    assert_eq!(code, 130);
    assert!(seen.contains(BACK), "{seen:?}");
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn more_codes_than_lines_are_reached_by_the_arrows() {
    let home = Home::new();
    for number in 0..30 {
        let name = format!("item-{number:02}");
        home.run_with(&["add", &name, "--otp-stdin"], SEED).ok();
    }
    let mut terminal = watch_on_a_terminal(&home, &[]);
    terminal.sees("item-00");
    terminal.sees("show 7 more");
    terminal.types("\u{1b}[B");
    terminal.sees("\u{1b}[H");
    let drawn = terminal.reads_to("\u{1b}[J");
    assert!(
        drawn.contains("item-01") && !drawn.contains("item-00"),
        "{drawn}"
    );
    terminal.types("q");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn no_name_commands_the_terminal_of_who_watches() {
    let home = Home::new();
    let hostile = "a\u{1b}]52;c;ZXZpbA==\u{7}\u{202e}b\u{9b}31m";
    home.run_with(&["add", hostile, "--otp-stdin"], SEED).ok();
    let mut terminal = watch_on_a_terminal(&home, &[]);
    terminal.sees("52;c;");
    terminal.types("q");
    let (code, seen) = terminal.ends();
    assert_eq!(code, 0);
    for forbidden in ["\u{1b}]", "\u{7}", "\u{202e}", "\u{9b}"] {
        assert!(!seen.contains(forbidden), "{seen:?}");
    }
}

/// Without what is only colour.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, sequence)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = sequence
            .split_once(['m', 'K'])
            .map_or("", |(_, after)| after);
    }
    out + rest
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

/// A QR code as a screenshot has it.
fn screenshot(home: &Home, name: &str, texts: &[&str]) -> String {
    let codes: Vec<qrcodegen::QrCode> = texts
        .iter()
        .map(|text| qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Low).unwrap())
        .collect();
    const SCALE: i32 = 3;
    let side = (codes.iter().map(qrcodegen::QrCode::size).max().unwrap() + 8) * SCALE;
    let mut pixels = Vec::new();
    for y in 0..side {
        for code in &codes {
            pixels.extend((0..side).map(|x| {
                let dark = code.get_module(x / SCALE - 4, y / SCALE - 4);
                if dark { 0_u8 } else { 255 }
            }));
        }
    }
    let path = home.path(name);
    let size = |length: usize| u32::try_from(length).unwrap();
    let file = std::fs::File::create(&path).unwrap();
    let height = usize::try_from(side).unwrap();
    let mut encoder = png::Encoder::new(file, size(height * codes.len()), size(height));
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    home.arg(name)
}

#[test]
fn a_seed_is_read_out_of_a_picture() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let uri = format!("otpauth://totp/Site:me?secret={SEED}&issuer=Site");
    let picture = screenshot(&home, "code.png", &[&uri]);
    home.run(&["otp", "add", "mail", "--otp-qr", &picture]).ok();
    let shown = home.run(&["otp", "uri", "mail"]).ok().out;
    assert!(shown.contains(SEED), "{shown}");
    let other = format!("otpauth://totp/Other:you?secret={SEED}&issuer=Other");
    let both = screenshot(&home, "both.png", &[&uri, &other]);
    home.run(&["otp", "add", "mail", "--otp-qr", &both])
        .exits(1)
        .says("several QR codes")
        .says("keyfold import");
    let ledger = home.run(&["--json", "import", &both]).ok().json();
    assert_eq!(
        (&ledger["format"], &ledger["created"]),
        (&"qr".into(), &2.into())
    );
    let again = home.run(&["--json", "import", &both]).ok().json();
    assert_eq!(again["identical"], 2);
    home.write("none.png", "x");
    home.run(&["otp", "add", "mail", "--otp-qr", "none.png"])
        .exits(1)
        .says("no picture");
    home.run(&["otp", "add", "mail", "--otp-qr", "gone.png"])
        .exits(3);
}
