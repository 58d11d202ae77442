//! What an audit finds in a vault: each check fires where it should and is silent where it should be, and no secret is in what comes out.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::audit::breach::{BreachList, Place};
use keyfold::audit::{Audit, Estimate, Finding, FindingKind, Options, Report, TwoFactorList, html};
use keyfold::model::draft::Draft;
use keyfold::model::field::{self, FieldKind, ItemKind};
use keyfold::model::ids::ItemId;
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use keyfold::service::{Request, Response, answer};
use keyfold::state::change::Edit;
use keyfold::state::view::Life;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Vault;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{NOW, later, made};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DAY: u64 = 24 * 60 * 60;
/// Nothing is wrong with it.
const GOOD: &str = "v9#Kd!2xLq@8Zr5&Tn1w";

/// A login with a good password of its own.
fn good(title: &str) -> Draft {
    with_password(title, &format!("{GOOD}{title}"))
}

fn with_password(title: &str, password: &str) -> Draft {
    let mut draft = Draft {
        title: title.to_owned(),
        ..Draft::default()
    };
    draft.push_standard(field::PASSWORD, password.to_owned());
    draft
}

fn vault_of(drafts: Vec<Draft>) -> Vault {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    for draft in drafts {
        add_draft(&mut vault, draft, &mut rng);
    }
    vault
}

fn add_draft(vault: &mut Vault, draft: Draft, rng: &mut StdRng) -> ItemId {
    let added = vault.update(NOW, rng, |plan, rng| Ok(plan.add(draft, rng)));
    added.unwrap()
}

/// How an audit of these tests goes, where nothing else is said.
struct Way<'a> {
    now: Moment,
    folder: Option<&'a str>,
    estimate: Estimate,
    breaches: Option<&'a BreachList>,
}

const WAY: Way<'_> = Way {
    now: NOW,
    folder: None,
    estimate: Estimate::Thorough,
    breaches: None,
};

fn audit(vault: &Vault, way: &Way<'_>) -> Report {
    let two_factor = TwoFactorList::own();
    let mut audit = Audit::new(Options {
        now: way.now,
        folder: way.folder.map(str::to_owned),
        estimate: way.estimate,
        breaches: way.breaches,
        two_factor: &two_factor,
    });
    let examiner = audit.examiner(&mut StdRng::seed_from_u64(2));
    for id in vault.state().item_ids() {
        let view = vault.state().item(id).unwrap();
        if view.life == Life::Trashed {
            continue;
        }
        for wanted in audit.add_item(&view) {
            let value = &view.field(wanted.field).unwrap().current.value;
            let secret = vault.reveal(id, wanted.field, value).unwrap();
            audit.add_seen(examiner.examine(&wanted, &secret).unwrap());
        }
    }
    audit.add_conflicts(&vault.state().conflicts());
    audit.finish()
}

fn of_kind(report: &Report, kind: FindingKind) -> Vec<&Finding> {
    let findings = report.findings.iter();
    findings.filter(|finding| finding.kind == kind).collect()
}

/// Paths of the items with a finding of a kind.
#[track_caller]
fn assert_found(drafts: Vec<Draft>, kind: FindingKind, paths: &[&str]) {
    let report = audit(&vault_of(drafts), &WAY);
    let found: Vec<&str> = of_kind(&report, kind)
        .iter()
        .map(|finding| finding.path.as_str())
        .collect();
    assert_eq!(found, paths);
}

#[test]
fn a_vault_in_which_all_is_well_has_a_hundred_points() {
    let mut draft = good("a");
    draft.urls.push("https://example.org".to_owned());
    let report = audit(&vault_of(vec![draft, good("b")]), &WAY);
    assert_eq!(
        (report.findings.as_slice(), report.score),
        ([].as_slice(), 100)
    );
    assert_eq!((report.items, report.passwords), (2, 2));
    let nothing = audit(&vault_of(Vec::new()), &WAY);
    assert_eq!((nothing.items, nothing.score), (0, 100));
}

#[test]
fn weak_passwords_are_found_and_good_ones_are_not() {
    let drafts = || {
        vec![
            good("good"),
            with_password("short", "1234"),
            with_password("word", "sunshine1"),
        ]
    };
    assert_found(drafts(), FindingKind::Weak, &["short", "word"]);
    let fast = Way {
        estimate: Estimate::Fast,
        ..WAY
    };
    let report = audit(&vault_of(drafts()), &fast);
    assert_eq!(of_kind(&report, FindingKind::Weak).len(), 1);
    assert!(report.score < 100);
}

#[test]
fn a_password_that_is_the_item_s_own_name_is_weak() {
    let mut draft = with_password("Zaphodbeeblebrox", "zaphodbeeblebrox");
    draft.push_standard(field::USERNAME, "me".to_owned());
    assert_found(vec![draft], FindingKind::Weak, &["Zaphodbeeblebrox"]);
}

#[test]
fn similar_passwords_are_found_and_equal_ones_are_reused() {
    let drafts = vec![
        with_password("a", "Sunflower2024!xyz"),
        with_password("b", "sunfl0wer2024!XYZ99"),
        with_password("c", "sunfl0wer2024!XYZ99"),
        good("d"),
    ];
    let report = audit(&vault_of(drafts), &WAY);
    let paths = |kind| -> Vec<(String, Vec<String>)> {
        let found = of_kind(&report, kind).into_iter();
        found
            .map(|finding| (finding.path.clone(), finding.with.clone()))
            .collect()
    };
    let own = |text: &str| text.to_owned();
    assert_eq!(
        paths(FindingKind::Reused),
        [(own("b"), vec![own("c")]), (own("c"), vec![own("b")])]
    );
    let similar = paths(FindingKind::Similar);
    let names: Vec<&str> = similar.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(similar[0].1, ["b", "c"]);
    assert_eq!(similar[1].1, ["a"]);
}

#[test]
fn two_fields_of_one_item_are_no_second_use_and_other_secrets_are_no_passwords() {
    let mut twice = good("twice");
    twice.push_custom("old password", FieldKind::Secret, format!("{GOOD}twice"));
    let pin = |title: &str| {
        let mut draft = good(title);
        draft.push_custom("pin", FieldKind::Secret, "1234".to_owned());
        draft
    };
    let report = audit(&vault_of(vec![twice, pin("a"), pin("b")]), &WAY);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn what_lies_in_the_trash_is_not_looked_at() {
    let mut trashed = with_password("trashed", "1234");
    trashed.trashed = true;
    let report = audit(
        &vault_of(vec![trashed, with_password("here", "1234")]),
        &WAY,
    );
    let kinds: Vec<FindingKind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!((report.items, kinds), (1, vec![FindingKind::Weak]));
}

fn list_of(passwords: &[&str]) -> BreachList {
    let lines: BTreeSet<String> = passwords
        .iter()
        .map(|password| {
            let hash = data_encoding::HEXUPPER.encode(&Sha1::digest(password));
            format!("{hash}:5\r\n")
        })
        .collect();
    let text: String = lines.into_iter().collect();
    BreachList::open(Place::File(Box::new(text.into_bytes()))).unwrap()
}

#[test]
fn breached_passwords_are_found_where_a_list_has_them() {
    let list = list_of(&["hunter2", "letmein", "dragon"]);
    let vault = vault_of(vec![with_password("mail", "hunter2"), good("good")]);
    let way = Way {
        breaches: Some(&list),
        ..WAY
    };
    let report = audit(&vault, &way);
    let found = of_kind(&report, FindingKind::Breached);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].path.as_str(), found[0].field.as_deref()),
        ("mail", Some("password"))
    );
    assert_eq!(report.breaches.as_ref().unwrap().false_positive_rate, 0.0);
    assert!(of_kind(&audit(&vault, &WAY), FindingKind::Breached).is_empty());
}

fn at_site(title: &str, url: &str) -> Draft {
    let mut draft = good(title);
    draft.urls.push(url.to_owned());
    draft
}

#[test]
fn sites_with_one_time_codes_are_told_where_no_seed_is() {
    let seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let mut own = at_site("own", "https://gitlab.com");
    own.push_standard(field::OTP, seed.to_owned());
    let mut apart = Draft {
        title: "Dropbox".to_owned(),
        ..Draft::default()
    };
    apart.push_standard(field::OTP, seed.to_owned());
    let mut passkey = at_site("passkey", "https://www.paypal.com");
    passkey.push_custom("passkey", FieldKind::Secret, "{}".to_owned());
    let mut empty = at_site("no-password", "https://github.com");
    empty.fields.clear();
    assert_found(
        vec![
            at_site("missing", "https://gist.github.com/login"),
            at_site("unlisted", "https://example.org"),
            at_site("other", "https://notgithub.com"),
            at_site("dropbox login", "https://dropbox.com"),
            own,
            apart,
            passkey,
            empty,
        ],
        FindingKind::NoTwoFactor,
        &["missing"],
    );
}

#[test]
fn addresses_without_encryption_are_told_unless_they_are_at_home() {
    assert_found(
        vec![
            at_site("a", "http://shop.example.com/login"),
            at_site("b", "https://shop.example.com"),
            at_site("c", "http://192.168.1.1"),
            at_site("d", "http://nas.local"),
            at_site("e", "ssh://example.com"),
            {
                let mut both = at_site("f", "http://example.net");
                both.urls.push("https://example.net/login".to_owned());
                both
            },
        ],
        FindingKind::Http,
        &["a"],
    );
}

fn with_date(title: &str, kind: ItemKind, date: &str) -> Draft {
    let mut draft = Draft {
        title: title.to_owned(),
        kind,
        ..Draft::default()
    };
    let main = kind.template()[0];
    draft.push_standard(main, format!("{title} 4111"));
    draft.push_standard(field::EXPIRES, date.to_owned());
    draft
}

/// The tests' clock stands at 2026-11-23.
#[test]
fn cards_keys_and_licences_are_told_past_their_date_and_soon_before() {
    let drafts = || {
        let mut key = good("key");
        key.kind = ItemKind::SshKey;
        key.push_custom("valid until", FieldKind::Date, "2026-11-22".to_owned());
        vec![
            with_date("card past", ItemKind::Card, "10/26"),
            with_date("card now", ItemKind::Card, "2026-11"),
            with_date("card later", ItemKind::Card, "2029-01"),
            with_date("licence past", ItemKind::Licence, "2026-11-22"),
            with_date("token soon", ItemKind::ApiToken, "2027-01-10T00:00:00Z"),
            with_date("unread", ItemKind::Licence, "some day"),
            key,
        ]
    };
    assert_found(
        drafts(),
        FindingKind::Expired,
        &["card past", "key", "licence past"],
    );
    assert_found(drafts(), FindingKind::Expiring, &["card now", "token soon"]);
}

#[test]
fn secrets_that_were_not_changed_for_long_are_told_by_their_kind() {
    let token = with_date("token", ItemKind::ApiToken, "2099-01");
    let mut note = good("note");
    note.kind = ItemKind::Note;
    let vault = vault_of(vec![good("login"), token, note]);
    let old_after = |days: u64| {
        let way = Way {
            now: later(days * DAY),
            ..WAY
        };
        let report = audit(&vault, &way);
        let found = of_kind(&report, FindingKind::Old);
        found
            .iter()
            .map(|finding| finding.path.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(old_after(365), [""; 0]);
    assert_eq!(old_after(367), ["token"]);
    assert_eq!(old_after(3 * 365), ["token"]);
    assert_eq!(old_after(3 * 365 + 1), ["login", "token"]);
}

#[test]
fn the_same_account_twice_is_told_and_another_one_is_not() {
    let account = |title: &str, user: &str, password: &str| {
        let mut draft = with_password(title, password);
        draft.urls.push("https://www.example.org".to_owned());
        draft.push_standard(field::USERNAME, user.to_owned());
        draft
    };
    let card = |title: &str, number: &str| {
        let mut draft = Draft {
            title: title.to_owned(),
            kind: ItemKind::Card,
            ..Draft::default()
        };
        draft.push_standard(field::NUMBER, number.to_owned());
        draft
    };
    let mut again = card("Visa", "4111 1111");
    again.folder = "imported".to_owned();
    assert_found(
        vec![
            account("one", "me", GOOD),
            account("again", "Me", GOOD),
            account("other user", "you", GOOD),
            account("other password", "me", "another&one#7!Qx"),
            card("Visa", "4111 1111"),
            again,
            card("Visa", "4222 2222"),
        ],
        FindingKind::Duplicate,
        &["Visa", "again", "imported/Visa", "one"],
    );
}

#[test]
fn items_with_nothing_in_them_are_told() {
    let bare = |title: &str, kind| Draft {
        title: title.to_owned(),
        kind,
        ..Draft::default()
    };
    let mut user = bare("user alone", ItemKind::Login);
    user.push_standard(field::USERNAME, "me".to_owned());
    let mut noted = bare("by another account", ItemKind::Login);
    noted.push_standard(field::NOTES, "signs in with Google".to_owned());
    let mut iban = bare("account", ItemKind::BankAccount);
    iban.push_standard(field::IBAN, "DE00".to_owned());
    let mut seed = bare("seed", ItemKind::Login);
    seed.push_standard(field::OTP, "JBSWY3DPEHPK3PXP".to_owned());
    assert_found(
        vec![
            bare("nothing", ItemKind::Custom),
            user,
            noted,
            iban,
            seed,
            good("good"),
        ],
        FindingKind::Empty,
        &["nothing", "user alone"],
    );
}

#[test]
fn recovery_questions_are_told_in_plain_fields_alone() {
    let mut noted = good("noted");
    noted.push_standard(field::NOTES, "Mother's maiden name: Smith".to_owned());
    let mut plain = good("plain");
    plain.push_custom("Security question", FieldKind::Text, "Rex".to_owned());
    let mut hidden = good("hidden");
    hidden.push_custom("Security question", FieldKind::Secret, "Rex".to_owned());
    assert_found(
        vec![noted, plain, hidden],
        FindingKind::RecoveryQuestion,
        &["noted", "plain"],
    );
}

#[test]
fn tags_excuse_and_are_counted() {
    let mut one = with_password("one kind", "1234");
    one.tags.push("audit-ignore:weak".to_owned());
    one.urls.push("http://example.com".to_owned());
    let mut all = with_password("all", "12345");
    all.tags.push("audit-ignore".to_owned());
    let report = audit(&vault_of(vec![one, all]), &WAY);
    let kinds: Vec<FindingKind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!((kinds, report.excused), (vec![FindingKind::Http], 2));
}

#[test]
fn an_audit_of_a_folder_names_nobody_else() {
    let placed = |folder: &str, title: &str, password: &str| {
        let mut draft = with_password(title, password);
        draft.folder = folder.to_owned();
        draft
    };
    let vault = vault_of(vec![
        placed("clients/acme", "mail", GOOD),
        placed("clients/acme/web", "shop", GOOD),
        placed("clients/secretive", "mail", GOOD),
        placed("clients/secretive", "weak", "1234"),
    ]);
    let way = Way {
        folder: Some("clients/acme"),
        ..WAY
    };
    let report = audit(&vault, &way);
    assert_eq!((report.items, report.passwords), (2, 2));
    let reused = of_kind(&report, FindingKind::Reused);
    assert_eq!(reused.len(), 2);
    assert_eq!(reused[0].with, ["clients/acme/web/shop"]);
    assert_eq!(reused[0].others, 2);
    assert!(
        reused[0].what.ends_with("clients/acme/web/shop and 1 more"),
        "{}",
        reused[0].what
    );
    let page = html::page(&report);
    assert!(!format!("{:?}{page}", report.findings).contains("secretive"));
}

#[test]
fn a_report_holds_no_secret_and_a_hostile_title_stays_a_text() {
    let mut hostile = with_password("<script>alert(1)</script>", "canary-sunshine1");
    hostile.folder = "a\"><img src=x onerror=alert(1)>".to_owned();
    hostile.urls.push("http://example.com/<b>".to_owned());
    hostile.push_standard(field::USERNAME, "canary-user".to_owned());
    hostile.push_custom(
        "<i>password</i>",
        FieldKind::Secret,
        "1234canary".to_owned(),
    );
    let mut again = with_password("again", "canary-sunshine1");
    again.push_standard(
        field::NOTES,
        "Mother's maiden name: canary-Smith".to_owned(),
    );
    let report = audit(&vault_of(vec![hostile, again]), &WAY);
    assert!(report.findings.len() >= 5);
    let page = html::page(&report);
    for text in [format!("{:?}", report.findings), page.clone()] {
        assert!(!text.contains("canary"), "{text}");
    }
    for markup in [
        "<script",
        "<img",
        "<i>",
        "<b>",
        "javascript:",
        "http-equiv=\"refresh",
    ] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;\\/script&gt;"));
    // Nothing comes from elsewhere.
    for place in ["src=", "href=", "url(", "@import"] {
        assert!(
            !page.replace("&quot;&gt;&lt;img src=x", "").contains(place),
            "{place}"
        );
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_policy_of_the_page_allows_its_own_style_and_no_other() {
    let page = html::page(&audit(&vault_of(vec![good("a")]), &WAY));
    let style = page
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let digest = data_encoding::BASE64.encode(&sha2::Sha256::digest(style));
    assert!(page.contains(&format!("style-src 'sha256-{digest}'")));
    assert!(!page.contains("style=\""));
}

#[test]
fn conflicts_are_told_until_they_are_decided() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let id = add_draft(&mut vault, good("mail"), &mut rng);
    let mut other = scene::opened(&storage, "b", 1, NOW).unwrap();
    // Neither has heard of the other's change when it makes its own.
    let before = scene::file_of(&storage);
    let mut set = |vault: &mut Vault, user: &str| {
        let name = keyfold::model::draft::FieldName::Standard(field::USERNAME);
        let value = keyfold::model::draft::DraftValue::Plain(user.to_owned());
        let edit = Edit::Set(name, FieldKind::Text, value);
        vault
            .update(later(1), &mut rng, |plan, rng| {
                plan.edit(id, vec![edit], rng)
            })
            .unwrap();
    };
    set(&mut vault, "laptop");
    let first = scene::file_of(&storage);
    scene::put(&storage, &before);
    set(&mut other, "phone");
    let second = scene::file_of(&storage);
    scene::put(&storage, &[&first[..], &second[1024..]].concat());
    let mut rng = StdRng::seed_from_u64(9);
    vault.sync(later(5), &mut rng).unwrap();
    let report = audit(&vault, &WAY);
    let found = of_kind(&report, FindingKind::Conflict);
    assert_eq!(found.len(), 1, "{:?}", report.findings);
    assert!(found[0].what.contains("username"), "{}", found[0].what);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Passwords of a small alphabet, so that many are equal.
    #[test]
    fn reuse_is_what_a_look_at_all_pairs_says(passwords in proptest::collection::vec("[ab]{0,3}", 1..25)) {
        let drafts = passwords.iter().enumerate();
        let drafts = drafts.map(|(at, password)| with_password(&format!("{at:02}"), password));
        let way = Way { estimate: Estimate::Fast, ..WAY };
        let report = audit(&vault_of(drafts.collect()), &way);
        let found: BTreeMap<&str, usize> = of_kind(&report, FindingKind::Reused)
            .into_iter()
            .map(|finding| (finding.path.as_str(), finding.others))
            .collect();
        for (at, password) in passwords.iter().enumerate() {
            let others = passwords.iter().enumerate().filter(|(other, same)| *other != at && *same == password);
            let others = if password.is_empty() { 0 } else { others.count() };
            let path = format!("{at:02}");
            prop_assert_eq!(found.get(path.as_str()).copied().unwrap_or(0), others, "{} of {:?}", path, passwords);
        }
        prop_assert!(report.score <= 100);
    }
}

/// Items are given together as long as they are small, and each comes, however large.
#[test]
fn whole_items_come_in_answers_of_bounded_size() {
    let mut large = good("large");
    large.push_standard(field::NOTES, "x".repeat(3 << 20));
    let mut larger = good("larger");
    larger.push_standard(field::NOTES, "x".repeat(5 << 20));
    let mut vault = vault_of(vec![good("a"), large, larger, good("b")]);
    let all = vault.state().item_ids();
    let mut left = all.clone();
    let mut titles = BTreeSet::new();
    let mut answers = 0;
    while !left.is_empty() {
        let asked = Request::Whole(left.clone());
        let Response::Whole(views) =
            answer(&mut vault, asked, NOW, &mut StdRng::seed_from_u64(3)).unwrap()
        else {
            panic!("another answer");
        };
        assert!(!views.is_empty());
        left.drain(..views.len());
        let views = views.into_iter().flatten();
        titles.extend(views.map(|view| view.text(field::TITLE).to_owned()));
        answers += 1;
    }
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    assert_eq!(titles, ["a", "b", "large", "larger"]);
    assert!((2..4).contains(&answers), "{answers}");
    let gone = Request::Whole(vec![ItemId([9; 16])]);
    let answered = answer(&mut vault, gone, NOW, &mut StdRng::seed_from_u64(3)).unwrap();
    assert!(matches!(answered, Response::Whole(views) if views.len() == 1 && views[0].is_none()));
}

#[test]
fn the_same_password_is_found_in_every_living_item_and_nowhere_else() {
    let mut custom = good("custom");
    custom.push_custom("old password", FieldKind::Secret, GOOD.to_owned());
    let mut pin = good("pin");
    pin.push_custom("pin", FieldKind::Secret, GOOD.to_owned());
    let mut trashed = with_password("trashed", GOOD);
    trashed.trashed = true;
    let mut vault = vault_of(vec![
        with_password("plain", GOOD),
        custom,
        pin,
        trashed,
        with_password("longer", &format!("{GOOD}x")),
    ]);
    let asked = Request::SamePassword(Secret::new(GOOD.to_owned()));
    let answered = answer(&mut vault, asked, NOW, &mut StdRng::seed_from_u64(3)).unwrap();
    let Response::Items(items) = answered else {
        panic!("another answer");
    };
    let paths: Vec<String> = items.iter().map(|item| item.path()).collect();
    assert_eq!(paths, ["custom", "plain"]);
}
