//! What the tour shows, command by command, and what must come of each.

use super::{Device, Expect, SEED, Step};

fn has(why: &'static str, args: &'static [&'static str], parts: &'static [&'static str]) -> Step {
    Step {
        device: Device::Laptop,
        why,
        args,
        stdin: "",
        expect: Expect::Has(parts),
    }
}

fn prints(why: &'static str, args: &'static [&'static str], text: impl Into<String>) -> Step {
    Step {
        device: Device::Laptop,
        why,
        args,
        stdin: "",
        expect: Expect::Prints(text.into()),
    }
}

fn exits(why: &'static str, args: &'static [&'static str], code: i32) -> Step {
    Step {
        device: Device::Laptop,
        why,
        args,
        stdin: "",
        expect: Expect::Exits(code),
    }
}

/// A vault and its first item.
pub(super) fn beginning() -> Vec<Step> {
    vec![
        prints(
            "A new vault. The tour takes the cheapest key derivation that is allowed; yours is tuned.",
            &[
                "init",
                "--kdf-memory",
                "19",
                "--kdf-passes",
                "2",
                "--kdf-lanes",
                "1",
            ],
            "",
        ),
        prints(
            "A login with a generated password.",
            &[
                "add",
                "work/mail",
                "-u",
                "ada@example.com",
                "--url",
                "https://mail.example.com",
                "--generate",
            ],
            "",
        ),
    ]
}

/// The item by its address, and its seed.
pub(super) fn by_address(generated: String) -> Vec<Step> {
    vec![
        prints(
            "It comes back by the address of a page too,",
            &["get", "--url", "https://mail.example.com/inbox"],
            generated,
        ),
        exits(
            "and nothing for a page that only looks like it.",
            &["get", "--url", "https://mail.example.com@evil.example/"],
            3,
        ),
        Step {
            device: Device::Laptop,
            why: "A seed for one-time codes, as a site shows it under its QR code.",
            args: &["otp", "add", "work/mail", "--otp-stdin"],
            stdin: SEED,
            expect: Expect::Prints(String::new()),
        },
    ]
}

/// The code of now.
pub(super) fn code() -> Step {
    has("The current code.", &["otp", "work/mail"], &[])
}

/// Changes, and how each of them is taken back.
pub(super) fn changes(generated: String) -> Vec<Step> {
    vec![
        prints(
            "Another password. The former one is not lost:",
            &["edit", "work/mail", "--generate=32"],
            "",
        ),
        has(
            "every field keeps its history.",
            &["history", "work/mail"],
            &["password"],
        ),
        prints(
            "Brought back from the history,",
            &["history", "work/mail", "--restore", "1"],
            "",
        ),
        prints(
            "it is the first password again.",
            &["get", "work/mail"],
            generated,
        ),
        prints(
            "A removed item lies in the trash,",
            &["rm", "work/mail"],
            "",
        ),
        prints("where it is listed", &["ls", "--trash"], "work/mail\n"),
        prints("and brought back from.", &["restore", "work/mail"], ""),
        prints(
            "Any change can be taken back: this one was a slip,",
            &["edit", "work/mail", "-u", "oops"],
            "",
        ),
        prints("now it is undone.", &["undo"], ""),
        prints(
            "The user name is what it was.",
            &["get", "work/mail", "username"],
            "ada@example.com",
        ),
    ]
}

/// What comes from elsewhere and goes elsewhere, and another password for all of it.
pub(super) fn exchange() -> Vec<Step> {
    vec![
        has(
            "What a browser exported comes in with a ledger.",
            &["import", "browser.csv", "--into", "web"],
            &["items", "fields"],
        ),
        has(
            "Twice changes nothing; scripts read the ledger as JSON.",
            &["import", "browser.csv", "--into", "web", "--json"],
            &["\"identical\":2"],
        ),
        prints(
            "Search is fuzzy and never looks into secrets.",
            &["find", "shp"],
            "web/Shop\n",
        ),
        prints(
            "A password with a comma came through whole.",
            &["get", "web/Shop"],
            "with, a comma",
        ),
        prints(
            "Everything in a pipe is one path a line.",
            &["ls"],
            "home/wifi\nweb/Forum\nweb/Shop\nwork/mail\n",
        ),
        prints(
            "All of it leaves as one documented JSON file, private to you.",
            &["export", "--output", "all.json"],
            "",
        ),
        prints(
            "Another master password.",
            &[
                "passwd",
                "--new-password-file",
                "new-password",
                "--kdf-memory",
                "19",
                "--kdf-passes",
                "2",
                "--kdf-lanes",
                "1",
            ],
            "",
        ),
        exits(
            "The old one opens nothing now.",
            &["ls", "--password-file", "password"],
            5,
        ),
    ]
}

/// The state of the file, with the new password.
pub(super) fn end() -> Vec<Step> {
    vec![
        has(
            "The new one opens the vault, which is whole.",
            &["check"],
            &["everything is whole"],
        ),
        prints(
            "A new data key too, for the day somebody may know the old password and have a copy.",
            &[
                "rekey",
                "--yes",
                "--new-password-file",
                "new-password",
                "--kdf-memory",
                "19",
                "--kdf-passes",
                "2",
                "--kdf-lanes",
                "1",
            ],
            "",
        ),
        has("The file is written small,", &["compact"], &["KiB now"]),
        has(
            "and nothing was lost on the way.",
            &["check", "--json"],
            &["\"ok\":true"],
        ),
        has(
            "A passphrase needs no vault at all.",
            &["gen", "--words", "6"],
            &["-"],
        ),
    ]
}

/// The same on the phone.
fn on_phone(step: Step) -> Step {
    Step {
        device: Device::Phone,
        ..step
    }
}

fn says(why: &'static str, args: &'static [&'static str], parts: &'static [&'static str]) -> Step {
    Step {
        expect: Expect::Says(parts),
        ..prints(why, args, "")
    }
}

/// A second device that the drive brought the vault file to, and changes on both before they meet.
pub(super) fn apart() -> Vec<Step> {
    vec![
        on_phone(prints(
            "A drive brought the vault file to a phone: no account, no pairing, the password is enough.",
            &["ls"],
            "work/mail\n",
        )),
        prints(
            "Before the drive comes by again, one field is changed on the laptop",
            &["edit", "work/mail", "-u", "ada@laptop.example"],
            "",
        ),
        on_phone(prints(
            "and on the phone,",
            &["edit", "work/mail", "-u", "ada@phone.example"],
            "",
        )),
        on_phone(prints(
            "where something new is added too.",
            &["add", "home/wifi", "--generate"],
            "",
        )),
    ]
}

/// What becomes of a conflict copy.
pub(super) fn met() -> Vec<Step> {
    vec![
        says(
            "The drive cannot merge them and leaves a conflict copy. keyfold takes it in.",
            &["sync"],
            &["Merged 2 changes from the drive", "took in 1 conflict copy"],
        ),
        prints(
            "Nothing is lost: what the phone added is here,",
            &["ls"],
            "home/wifi\nwork/mail\n",
        ),
        has(
            "and both values of the field that was changed twice.",
            &["conflicts"],
            &[
                "1  ada@phone.example",
                "2  ada@laptop.example",
                "on phone",
                "on laptop",
            ],
        ),
        prints(
            "You decide, when you like.",
            &["resolve", "work/mail", "username", "--take", "2"],
            "",
        ),
        prints(
            "That is the user name now.",
            &["get", "work/mail", "username"],
            "ada@laptop.example",
        ),
    ]
}

/// What becomes of a rollback.
pub(super) fn rolled_back() -> Vec<Step> {
    vec![
        says(
            "The drive brings back an old version. This device knows better, says so, and puts it right.",
            &["sync"],
            &["had gone back to an earlier version", "put back"],
        ),
        has(
            "The vault file has everything again.",
            &["status"],
            &["holds everything", "laptop (this device)", "phone"],
        ),
    ]
}

/// A copy that no drive carries.
pub(super) fn backed_up() -> Vec<Step> {
    vec![
        says(
            "A drive is no backup: it carries every mistake along. This is one,",
            &["backup", "--to", "stick"],
            &["all of it read back and authenticated"],
        ),
        has(
            "and a drill restores it elsewhere, opens it with the password and compares.",
            &["backup", "drill"],
            &["all of it is the same as in the vault"],
        ),
    ]
}
