//! One sample of each program, written by hand after its documentation: every column and every kind of row it has. The
//! files are what the fuzz target of these formats begins with.

use super::Format;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fuzz/corpus/managers/",
            $name
        ))
    };
}

/// The samples, each with its format; cut anywhere, none is read as whole without a word.
pub(super) const WRITTEN: [(Format, &str); 21] = [
    (Format::Apple, sample!("apple.csv")),
    (Format::Buttercup, sample!("buttercup.csv")),
    (Format::Dashlane, sample!("dashlane_credentials.csv")),
    (Format::Dashlane, sample!("dashlane_notes.csv")),
    (Format::Dashlane, sample!("dashlane_payments.csv")),
    (Format::Dashlane, sample!("dashlane_ids.csv")),
    (Format::Dashlane, sample!("dashlane_persons.csv")),
    (Format::Dashlane, sample!("dashlane_networks.csv")),
    (Format::EnpassCsv, sample!("enpass.csv")),
    (Format::EnpassJson, sample!("enpass.json")),
    (Format::Firefox, sample!("firefox.csv")),
    (Format::KeeperCsv, sample!("keeper.csv")),
    (Format::KeeperJson, sample!("keeper.json")),
    (Format::LastPass, sample!("lastpass.csv")),
    (Format::NordPass, sample!("nordpass.csv")),
    (Format::OnePasswordCsv, sample!("onepassword_8.csv")),
    (Format::OnePasswordCsv, sample!("onepassword_7.csv")),
    (Format::ProtonPassCsv, sample!("protonpass.csv")),
    (Format::ProtonPassJson, sample!("protonpass.json")),
    (Format::RoboForm, sample!("roboform.csv")),
    (Format::Zoho, sample!("zoho.csv")),
];
