use super::{LONGEST_NAME, recognise};
use crate::drive::Drive;
use crate::storage::is_temporary_name;
use proptest::prelude::*;
use std::ffi::OsStr;

const VAULT: &str = "vault.keyfold";

fn told(other: &str) -> Option<Drive> {
    recognise(VAULT.as_ref(), other.as_ref())
}

#[track_caller]
fn assert_made_by(drive: Drive, names: &[&str]) {
    for name in names {
        assert_eq!(told(name), Some(drive), "{name}");
    }
}

#[track_caller]
fn assert_nobodys(names: &[&str]) {
    for name in names {
        assert_eq!(told(name), None, "{name}");
    }
}

#[test]
fn dropbox_in_its_languages() {
    assert_made_by(
        Drive::Dropbox,
        &[
            "vault (DESKTOP-UMS014A's conflicted copy 2019-04-24).keyfold",
            "vault (Sam P’s conflicted copy 2017-12-11).keyfold",
            "vault (dhcp-103-207.example.edu's conflicted copy 2026-11-25 (1)).keyfold",
            "vault (Sam P's conflicted copy).keyfold",
            "vault (conflicted copy 2026-11-25).keyfold",
            "vault (Conflicted copy 2026-11-25).keyfold",
            "vault (Rebekka Schneiders in Konflikt stehende Kopie 2017-01-18).keyfold",
            "vault (In Konflikt stehende Kopie von pc 2012-01-18).keyfold",
            "vault (Copie en conflit de SEMLOG-GTH-0001 2025-11-17).keyfold",
            "vault (Copia en conflicto de juan parada 2025-03-06).keyfold",
            "vault (Copia conflictiva de juan 2012-03-06).keyfold",
            "vault (Copia in conflitto di MBP-di-Marco.fritz.box 2026-10-08).keyfold",
            "vault (Cópia em conflito de Contabilidade 2026-08-25 1).keyfold",
            "vault (kopia powodująca konflikt użytkownika Jan 2026-10-02).keyfold",
            "vault (Конфликтующая копия пользователя Alexei 2022-02-14).keyfold",
            "vault (平川知明 の競合コピー 2023-10-29).keyfold",
            "vault (pc 上の問題のあるコピー 2012-10-29).keyfold",
            "vault (Xu Lab 的冲突副本 2026-02-19).keyfold",
            "vault (Xu Lab 的衝突複本 2026-02-19).keyfold",
            "vault (XXX와(과) 충돌하는 사본 2013-02-22).keyfold",
            // Composed and decomposed are the same word.
            "vault (Co\u{301}pia em conflito de pc 2026-08-25).keyfold",
        ],
    );
    assert_nobodys(&[
        "vault (Case Conflict).keyfold",
        "vault (Case Conflict 1).keyfold",
        "vault (Selective Sync Conflict).keyfold",
        "vault (conflicted copy).keyfold",
        "vault ('s conflicted copy 2019-04-24).keyfold",
        "vault (Sam's conflicted copy 2019-13-24).keyfold",
        "vault (Sam's conflicted copy 2019-4-24).keyfold",
        "vault (Sam's conflicted copy 2019-04-24)",
        "vault (Sam's conflicted copy 2019-04-24) old.keyfold",
        "vault(Sam's conflicted copy 2019-04-24).keyfold",
        "vault (a) (Sam's conflicted copy 2019-04-24).keyfold",
        "vault (Sam's conflicted copy 2019-04-24 (0)).keyfold",
        "vault (Copie en conflit de 2025-11-17).keyfold",
        "my vault (Sam's conflicted copy 2019-04-24).keyfold",
    ]);
}

#[test]
fn nextcloud_and_owncloud_before_and_after_they_changed() {
    assert_made_by(
        Drive::Nextcloud,
        &[
            "vault (conflicted copy 2018-04-10 093612).keyfold",
            "vault (conflicted copy Ada Lovelace 2018-04-10 093612).keyfold",
            "vault_conflict-20180503-172914.keyfold",
            "vault_conflict_ada-20180503-172914.keyfold",
        ],
    );
    assert_nobodys(&[
        "vault (case clash from 2018-04-10 093612).keyfold",
        "vault (conflicted copy 2018-04-10 0936).keyfold",
        "vault (conflicted copy  2018-04-10 093612).keyfold",
        "vault_conflict-20180503.keyfold",
        "vault_conflict-20181503-172914.keyfold",
        "vault_conflict.keyfold",
    ]);
}

#[test]
fn onedrive_only_with_names_that_windows_makes_up() {
    assert_made_by(
        Drive::OneDrive,
        &[
            "vault-DESKTOP-UMS014A.keyfold",
            "vault-DESKTOP-UMS014A-2.keyfold",
            "vault-LAPTOP-HN9BG775.keyfold",
            "vault-WIN-A1B2C3D4E5F.keyfold",
        ],
    );
    assert_nobodys(&[
        "vault-old.keyfold",
        "vault-OLD.keyfold",
        "vault-backup.keyfold",
        "vault-2026-11-25.keyfold",
        "vault-DESKTOP.keyfold",
        "vault-DESKTOP-old.keyfold",
        "vault-desktop-ums014a.keyfold",
        "vault-DESKTOP-UMS014A-.keyfold",
        "vault-DESKTOP-UMS014A1.keyfold",
        "vault-MACBOOK.keyfold",
    ]);
}

#[test]
fn pcloud() {
    assert_made_by(
        Drive::PCloud,
        &[
            "vault [conflicted].keyfold",
            "vault [conflicted 2].keyfold",
            "vault.keyfold.conflicted",
        ],
    );
    assert_nobodys(&[
        "vault [conflicted ].keyfold",
        "vault[conflicted].keyfold",
        "vault.conflicted",
        "vault.keyfold.conflicted2",
    ]);
}

#[test]
fn proton_drive() {
    assert_made_by(
        Drive::ProtonDrive,
        &[
            "vault (# Edit conflict 2026-10-06 d8tp1zC #).keyfold",
            "vault (# Name clash 2026-07-28 2gwjncC #).keyfold",
            "vault (# Delete conflict 2026-07-28 2gwjncC #).keyfold",
        ],
    );
    assert_nobodys(&[
        "vault (# Edit conflict 2026-10-06 z #).keyfold",
        "vault (# Temporary renamed 2026-10-06 d8tp1zR #).keyfold",
    ]);
}

#[test]
fn qsync() {
    assert_made_by(
        Drive::Qsync,
        &[
            "vault(Conflicted copy 2017-05-25 from JB-LAPTOP).keyfold",
            "vault (Conflicted copy 2017-05-25 from JB-LAPTOP).keyfold",
        ],
    );
    assert_nobodys(&["vault (Conflicted copy 2017-05-25 from ).keyfold"]);
}

#[test]
fn rclone_of_both_ages() {
    assert_made_by(
        Drive::Rclone,
        &[
            "vault.keyfold..path1",
            "vault.keyfold..path2",
            "vault.keyfold..path1..path2",
            "vault.keyfold.path1",
            "vault.keyfold.path1.path1",
            "vault.keyfold.conflict1",
            "vault.keyfold.conflict12",
            "vault.conflict1.keyfold",
        ],
    );
    assert_nobodys(&[
        "vault.keyfold..path3",
        "vault.keyfold..path",
        "vault.keyfold.conflict",
        "vault.keyfold.conflict0",
        "vault.keyfold.conflict1234",
        "vault..path1.keyfold",
        "vault.keyfold..path1..path1..path1..path1..path1",
    ]);
}

#[test]
fn resilio() {
    assert_made_by(
        Drive::Resilio,
        &[
            "vault.Conflict.keyfold",
            "vault.Conflict1.keyfold",
            "vault.keyfold.Conflict",
            "vault.keyfold.Conflict2",
            "vault.keyfold.Conflict.Conflict.Conflict",
        ],
    );
    assert_nobodys(&[
        "vault.conflict.keyfold",
        "vault.Conflict0.keyfold",
        "vault.Conflicted.keyfold",
        "vault.Conflict",
    ]);
}

#[test]
fn seafile() {
    assert_made_by(
        Drive::Seafile,
        &[
            "vault (SFConflict ada@example.org 2024-03-12-10-15-30).keyfold",
            "vault (SFConflict 2024-03-12-10-15-30).keyfold",
        ],
    );
    assert_nobodys(&[
        "vault (SFConflict ada@example.org 2024-03-12).keyfold",
        "vault (SFConflict ada@example.org 2024-03-12-10-15).keyfold",
        "vault (SFConflict  2024-03-12-10-15-30).keyfold",
        "vault (SFConflict ada@example.org).keyfold",
        "vault.keyfold (SFConflict ada@example.org 2024-03-12-10-15-30)",
    ]);
}

#[test]
fn synology() {
    assert_made_by(
        Drive::Synology,
        &[
            "vault_Andy-PC_Jan-03-0901-2013_Conflict.keyfold",
            "vault_Andy_PC_Jan-03-0901-2013_Conflict_1.keyfold",
            "vault_NICK-DESKTOP_Sep-28-100002-2020_Conflict.keyfold",
        ],
    );
    assert_nobodys(&[
        "vault_Andy-PC_Jan-03-0901-2013_CaseConflict_1.keyfold",
        "vault_Jan-03-0901-2013_Conflict.keyfold",
        "vault_Andy-PC_Jan-03-2013_Conflict.keyfold",
        "vault_Andy-PC_Foo-03-0901-2013_Conflict.keyfold",
        "vault_Andy-PC_Jan-33-0901-2013_Conflict.keyfold",
    ]);
}

#[test]
fn syncthing() {
    assert_made_by(
        Drive::Syncthing,
        &[
            "vault.sync-conflict-20231012-143052-CEIVOC2.keyfold",
            "vault.sync-conflict-20231012-143052-.keyfold",
            "vault.sync-conflict-20170311-164801.keyfold",
        ],
    );
    assert_nobodys(&[
        "vault.sync-conflict-20231012-143052-ceivoc2.keyfold",
        "vault.sync-conflict-20231012-143052-CEIVOC.keyfold",
        "vault.sync-conflict-20231312-143052-CEIVOC2.keyfold",
        "vault.sync-conflict-20231012-CEIVOC2.keyfold",
        "vault.sync-conflict-2023101é-143052.keyfold",
        "vault.keyfold.sync-conflict-20231012-143052-CEIVOC2",
        ".syncthing.vault.keyfold.tmp",
        "vault~20231012-143052.keyfold",
    ]);
}

#[test]
fn unison() {
    assert_made_by(
        Drive::Unison,
        &[
            "vault (conflict_on_2026-11-25).keyfold",
            "vault (conflict #1_on_2026-11-25).keyfold",
            "vault (conflict_on_2026-11-25_was_deleted).keyfold",
        ],
    );
    assert_nobodys(&[
        "vault (conflict on 2026-11-25).keyfold",
        "vault (conflict #_on_2026-11-25).keyfold",
        "vault (conflict_on_2026-11-25_deleted).keyfold",
        "vault.keyfold.1.unison.bak",
    ]);
}

#[test]
fn what_people_and_file_managers_make_is_nobodys() {
    assert_nobodys(&[
        VAULT,
        "",
        ".",
        "vault",
        "vault.",
        "keyfold",
        "vault.keyfold.bak",
        "vault.keyfold~",
        "vault.keyfold.old",
        "vault.bak.keyfold",
        "vault backup.keyfold",
        "vault (backup 2026-11-25).keyfold",
        "vault 2026-11-25.keyfold",
        "Copy of vault.keyfold",
        "vault - Copy.keyfold",
        "vault copy.keyfold",
        "vault (copy).keyfold",
        "vault (1).keyfold",
        "vault 2.keyfold",
        "vault2.keyfold",
        "#vault.keyfold#",
        ".#vault.keyfold",
        "other.sync-conflict-20231012-143052-CEIVOC2.keyfold",
        "vault.sync-conflict-20231012-143052-CEIVOC2.txt",
    ]);
}

#[test]
fn temporary_files_of_keyfold_are_nobodys_whatever_the_vault_is_called() {
    let temporary = ".vault.keyfold-0123456789abcdef.tmp";
    assert!(is_temporary_name(temporary.as_ref()));
    for vault in [VAULT, ".vault", ".vault.keyfold", ".vault.tmp", ".keyfold"] {
        assert_eq!(
            recognise(vault.as_ref(), temporary.as_ref()),
            None,
            "{vault}"
        );
    }
}

#[test]
fn vaults_without_an_extension_or_with_several_dots() {
    let told = |vault: &str, other: &str| recognise(vault.as_ref(), other.as_ref());
    let syncthing = ".sync-conflict-20231012-143052-CEIVOC2";
    assert_eq!(
        told("vault", &format!("vault{syncthing}")),
        Some(Drive::Syncthing)
    );
    assert_eq!(
        told(".vault", &format!(".vault{syncthing}")),
        Some(Drive::Syncthing)
    );
    assert_eq!(
        told("a.b.c", &format!("a.b{syncthing}.c")),
        Some(Drive::Syncthing)
    );
    assert_eq!(told("a.b.c", &format!("a{syncthing}.b.c")), None);
    assert_eq!(told("", syncthing), None);
    // The end of the stem is not taken for the beginning of the extension.
    assert_eq!(told("aa.aa", "aa.aa"), None);
    assert_eq!(told("vault.keyfold", "vault.keyfol"), None);
    // A vault that is called like a copy, and the file it would be a copy of.
    let named = format!("vault{syncthing}.keyfold");
    assert_eq!(told(&named, VAULT), None);
    assert_eq!(told(&named, &named), None);
}

#[test]
fn hostile_names_are_nobodys() {
    let long = "x".repeat(4096);
    for name in [
        "vault (Sam\n's conflicted copy 2019-04-24).keyfold",
        "vault (Sam\u{1b}[2J's conflicted copy 2019-04-24).keyfold",
        "vault (Sam\u{202e}'s conflicted copy 2019-04-24).keyfold",
        "vault (\u{2066}'s conflicted copy 2019-04-24).keyfold",
        "vault (../x's conflicted copy 2019-04-24).keyfold",
        "vault ( 's conflicted copy 2019-04-24).keyfold",
        &format!("vault ({long}'s conflicted copy 2019-04-24).keyfold"),
        &format!(
            "vault ({}'s conflicted copy 2019-04-24).keyfold",
            &long[..200]
        ),
        &format!("vault{}.keyfold", ".Conflict".repeat(400)),
        &long,
    ] {
        assert_eq!(told(name), None, "{name:?}");
    }
    let long: &OsStr = long.as_ref();
    assert!(long.len() > LONGEST_NAME);
    assert_eq!(recognise(long, long), None);
    assert_eq!(recognise(long, VAULT.as_ref()), None);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_work_where_the_mark_is() {
    use std::os::unix::ffi::OsStrExt;
    let told =
        |vault: &[u8], other: &[u8]| recognise(OsStr::from_bytes(vault), OsStr::from_bytes(other));
    // Unison goes by bytes, so the vault's own name may be any.
    assert_eq!(
        told(b"v\xff.keyfold", b"v\xff (conflict_on_2026-11-25).keyfold"),
        Some(Drive::Unison)
    );
    assert_eq!(
        told(
            b"v.keyfold",
            b"v (S\xff's conflicted copy 2019-04-24).keyfold"
        ),
        None
    );
    assert_eq!(told(b"v.keyfold", b"v\xff.keyfold"), None);
    assert_eq!(told(b"\xff", b"\xff\xfe"), None);
}

#[test]
fn every_drive_has_a_name_to_show() {
    for (drive, shown) in [
        (Drive::Nextcloud, "Nextcloud or ownCloud"),
        (Drive::PCloud, "pCloud"),
        (Drive::Rclone, "rclone"),
    ] {
        assert_eq!(drive.to_string(), shown);
    }
}

/// A mark that is right for `vault.keyfold`, to be put where it does not belong.
fn marks() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        " (Sam's conflicted copy 2019-04-24)",
        " (conflicted copy 2018-04-10 093612)",
        "-DESKTOP-UMS014A",
        " [conflicted]",
        ".conflict1",
        ".Conflict",
        " (SFConflict 2024-03-12-10-15-30)",
        "_PC_Jan-03-0901-2013_Conflict",
        ".sync-conflict-20231012-143052-CEIVOC2",
        " (conflict_on_2026-11-25)",
    ])
}

proptest! {
    #[test]
    fn a_name_without_the_vaults_stem_never_matches(
        stem in "[ -~]{1,20}",
        other in "[ -~]{0,20}",
        mark in marks(),
    ) {
        let vault = format!("{stem}.keyfold");
        let name = format!("{other}{mark}.keyfold");
        prop_assume!(!name.starts_with(&stem));
        prop_assert_eq!(recognise(vault.as_ref(), name.as_ref()), None);
    }

    #[test]
    fn a_mark_behind_the_stem_matches_and_with_one_more_letter_does_not(
        stem in "[a-z .]{0,9}[a-z]",
        mark in marks(),
        letter in "[a-z]",
    ) {
        let vault = format!("{stem}.keyfold");
        let told = |name: &str| recognise(vault.as_ref(), name.as_ref());
        let copy = format!("{stem}{mark}.keyfold");
        prop_assert!(told(&copy).is_some(), "{}", copy);
        let others = [
            format!("{stem}{letter}{mark}.keyfold"),
            format!("{stem}{mark}{letter}.keyfold"),
            format!("{letter}{copy}"),
            format!("{copy}{letter}"),
        ];
        for other in &others {
            prop_assert_eq!(told(other), None, "{}", other);
        }
    }

    #[test]
    fn any_two_names_get_an_answer(vault in ".{0,40}", other in ".{0,80}") {
        let behind = format!("{vault}{other}");
        for name in [&other, &behind] {
            let told = recognise(vault.as_ref(), name.as_ref());
            prop_assert!(told.is_none() || name.len() > vault.len());
        }
    }
}
