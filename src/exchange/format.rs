//! Which format a file has, told by its first line or first kilobyte, and the formats' names.

use super::delimited::{Cell, Quoting, Reader, detect_delimiter};
use super::encoding::Text;
use super::{
    ImportError, age, andotp, apple, bitwarden_csv, buttercup, chrome, dashlane, enpass_csv,
    firefox, freeotp_backup, generic_csv, google_auth, kdbx, keepass1, keepassxc, keeper_csv,
    lastpass, native, nordpass, onepassword_csv, otpauth_uris, protonpass_csv, roboform, stratum,
    zip_exports, zipped, zoho,
};
use crate::otp::picture::is_picture;
use std::collections::HashSet;

/// How far into a file detection looks.
const DETECTION_BYTES: usize = 1024;

/// How long the heading line of a table may be: 1Password names a hundred columns.
const HEADER_BYTES: usize = 64 << 10;

/// With so many names of columns in it a first line is a header, whatever follows.
const NAMES_OF_A_HEADER: usize = 3;

/// A format that can be imported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// keyfold's own export, JSON.
    Keyfold,
    /// Any export inside a file of age.
    Age,
    /// Chrome, Edge, Brave, Opera and their kin, CSV.
    Chrome,
    /// A database of KeePass 2, KeePassXC and their kin, KDBX 2 to 4.1.
    Kdbx,
    /// KeePass 2, XML.
    KeePassXml,
    /// KeePassXC, CSV.
    KeePassXc,
    /// KeePassX 2, CSV.
    KeePassX,
    /// KeePass 1 (and 2 when it writes "KeePass CSV (1.x)"), CSV.
    KeePass1,
    /// Bitwarden, JSON, in clear or under a password of its own, or a zip with its files.
    BitwardenJson,
    /// Bitwarden, CSV.
    BitwardenCsv,
    /// Apple's Passwords and Safari, CSV.
    Apple,
    /// Buttercup, CSV.
    Buttercup,
    /// Dashlane, its zip or one of the CSV files in it.
    Dashlane,
    /// Enpass, CSV.
    EnpassCsv,
    /// Enpass, JSON.
    EnpassJson,
    /// Firefox and ff-password-exporter, CSV.
    Firefox,
    /// Keeper, CSV.
    KeeperCsv,
    /// Keeper, JSON.
    KeeperJson,
    /// LastPass, CSV.
    LastPass,
    /// NordPass, CSV.
    NordPass,
    /// 1Password 8, its archive with all files.
    OnePux,
    /// 1Password 7 and 8, CSV.
    OnePasswordCsv,
    /// Proton Pass, CSV.
    ProtonPassCsv,
    /// Proton Pass, its zip or the JSON in it.
    ProtonPassJson,
    /// RoboForm, CSV.
    RoboForm,
    /// Zoho Vault, CSV.
    Zoho,
    /// A store of pass or gopass: a folder.
    Pass,
    /// Any CSV whose first line names its columns.
    GenericCsv,
    // Authenticators.
    /// Aegis, JSON.
    Aegis,
    /// andOTP, JSON.
    AndOtp,
    /// cotp, JSON.
    Cotp,
    /// Ente Auth, a list of otpauth URIs with its own parameter.
    EnteAuth,
    /// FreeOTP and FreeOTP+, JSON.
    FreeOtp,
    /// Google Authenticator's transfer, as URIs.
    GoogleAuthenticator,
    /// Lists of otpauth URIs.
    OtpauthUris,
    /// Proton Authenticator, JSON.
    ProtonAuthenticator,
    /// Pictures of QR codes, PNG and JPEG.
    QrPicture,
    /// Raivo, JSON.
    Raivo,
    /// Stratum, once Authenticator Pro, JSON.
    Stratum,
    /// 2FAS, JSON.
    TwoFas,
}

/// What tells a CSV by its first line.
type Recogniser = (Format, fn(&[String]) -> bool);

/// The programs whose first lines have names that no other has, whatever the delimiter.
const BY_HEADER: [Recogniser; 12] = [
    (Format::Apple, apple::is_header),
    (Format::Buttercup, buttercup::is_header),
    (Format::Dashlane, dashlane::is_header),
    (Format::EnpassCsv, enpass_csv::is_header),
    (Format::Firefox, firefox::is_header),
    (Format::KeeperCsv, keeper_csv::is_header),
    (Format::LastPass, lastpass::is_header),
    (Format::NordPass, nordpass::is_header),
    (Format::OnePasswordCsv, onepassword_csv::is_header),
    (Format::ProtonPassCsv, protonpass_csv::is_header),
    (Format::RoboForm, roboform::is_header),
    (Format::Zoho, zoho::is_header),
];

impl Format {
    /// Every format with its name on the command line, its other names, and what it is, for help.
    pub const TABLE: [(Self, &'static str, &'static [&'static str], &'static str); 40] = [
        (
            Self::Keyfold,
            "keyfold",
            &["keyfold-export"],
            "keyfold's own export, with history",
        ),
        (Self::Age, "age", &[], "any of these inside a file of age"),
        (
            Self::Chrome,
            "chrome",
            &["edge", "brave", "opera", "chromium", "vivaldi"],
            "CSV of Chrome, Edge, Brave, Opera",
        ),
        (
            Self::Kdbx,
            "kdbx",
            &["keepass", "keepass2"],
            "database of KeePass, KeePassXC, KeePassDX, Strongbox …",
        ),
        (Self::KeePassXml, "keepass-xml", &[], "XML of KeePass 2"),
        (
            Self::KeePassXc,
            "keepassxc",
            &["keepassxc-csv"],
            "CSV of KeePassXC",
        ),
        (
            Self::KeePassX,
            "keepassx",
            &["keepassx-csv"],
            "CSV of KeePassX 2",
        ),
        (
            Self::KeePass1,
            "keepass1",
            &["keepass-csv"],
            "CSV of KeePass 1",
        ),
        (
            Self::BitwardenJson,
            "bitwarden",
            &["bitwarden-json"],
            "JSON or zip of Bitwarden, in clear or under a password of its own",
        ),
        (Self::BitwardenCsv, "bitwarden-csv", &[], "CSV of Bitwarden"),
        (
            Self::Apple,
            "apple",
            &["safari", "icloud"],
            "CSV of Apple's Passwords and Safari",
        ),
        (
            Self::Buttercup,
            "buttercup",
            &["buttercup-csv"],
            "CSV of Buttercup",
        ),
        (
            Self::Dashlane,
            "dashlane",
            &["dashlane-csv"],
            "zip of Dashlane, or a CSV out of it",
        ),
        (Self::EnpassCsv, "enpass-csv", &[], "CSV of Enpass"),
        (
            Self::EnpassJson,
            "enpass",
            &["enpass-json"],
            "JSON of Enpass",
        ),
        (
            Self::Firefox,
            "firefox",
            &["firefox-csv", "librewolf"],
            "CSV of Firefox",
        ),
        (Self::KeeperCsv, "keeper-csv", &[], "CSV of Keeper"),
        (
            Self::KeeperJson,
            "keeper",
            &["keeper-json"],
            "JSON of Keeper",
        ),
        (
            Self::LastPass,
            "lastpass",
            &["lastpass-csv"],
            "CSV of LastPass",
        ),
        (
            Self::NordPass,
            "nordpass",
            &["nordpass-csv"],
            "CSV of NordPass",
        ),
        (
            Self::OnePux,
            "1password",
            &["1pux", "1password-1pux"],
            "1PUX of 1Password 8",
        ),
        (
            Self::OnePasswordCsv,
            "1password-csv",
            &[],
            "CSV of 1Password 7 and 8",
        ),
        (
            Self::ProtonPassCsv,
            "protonpass-csv",
            &["proton-csv"],
            "CSV of Proton Pass",
        ),
        (
            Self::ProtonPassJson,
            "protonpass",
            &["proton", "protonpass-json"],
            "zip of Proton Pass, or the JSON in it",
        ),
        (
            Self::RoboForm,
            "roboform",
            &["roboform-csv"],
            "CSV of RoboForm",
        ),
        (
            Self::Zoho,
            "zoho",
            &["zoho-vault", "zoho-csv"],
            "CSV of Zoho Vault",
        ),
        (
            Self::Pass,
            "pass",
            &["gopass", "password-store"],
            "folder of pass or gopass, opened by gpg",
        ),
        (
            Self::GenericCsv,
            "csv",
            &["generic-csv", "generic"],
            "any CSV whose first line names its columns",
        ),
        // Authenticators.
        (Self::Aegis, "aegis", &[], "JSON of Aegis"),
        (Self::AndOtp, "andotp", &[], "JSON of andOTP"),
        (Self::Cotp, "cotp", &[], "JSON of cotp"),
        (Self::EnteAuth, "ente", &["ente-auth"], "codes of Ente Auth"),
        (
            Self::FreeOtp,
            "freeotp",
            &["freeotp-plus", "freeotp+"],
            "JSON of FreeOTP and FreeOTP+, backup of FreeOTP 2",
        ),
        (
            Self::GoogleAuthenticator,
            "google-authenticator",
            &["google-auth", "otpauth-migration"],
            "otpauth-migration URIs of Google Authenticator",
        ),
        (
            Self::OtpauthUris,
            "otpauth",
            &["otpauth-uris", "uri-list"],
            "otpauth URIs, one a line",
        ),
        (
            Self::ProtonAuthenticator,
            "proton-authenticator",
            &["proton-auth"],
            "JSON of Proton Authenticator",
        ),
        (
            Self::QrPicture,
            "qr",
            &["qr-code", "picture"],
            "PNG or JPEG with QR codes of seeds, or of Google Authenticator",
        ),
        (Self::Raivo, "raivo", &[], "JSON of Raivo"),
        (
            Self::Stratum,
            "stratum",
            &["authenticator-pro", "authpro"],
            "backup of Stratum, once Authenticator Pro",
        ),
        (Self::TwoFas, "2fas", &["twofas"], "backup of 2FAS"),
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or("csv", |row| row.1)
    }

    /// The format of a name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Self::TABLE
            .iter()
            .find(|row| row.1 == name || row.2.contains(&name.as_str()))
            .map(|row| row.0)
    }

    /// The names, in the order of the table.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::TABLE.iter().map(|row| row.1).collect()
    }
}

/// Tells the format from the content; a file's name decides only where the content is a CSV without a known column.
///
/// # Errors
/// [`ImportError::UnknownFormat`], or that the bytes are no text, too many or none.
pub fn detect(bytes: &[u8], file_name: Option<&str>) -> Result<Format, ImportError> {
    if is_native(bytes) {
        return Ok(Format::Keyfold);
    }
    if age::is_age(bytes) {
        return Ok(Format::Age);
    }
    if kdbx::generation(bytes).is_some() {
        return Ok(Format::Kdbx);
    }
    if is_picture(bytes) {
        return Ok(Format::QrPicture);
    }
    if zipped::is_zip(bytes) {
        return zip_exports::detect(bytes);
    }
    if let Some(format) = detect_sealed(bytes, file_name) {
        return Ok(format);
    }
    detect_text(&Text::parse(bytes)?, file_name)
}

/// The program that encrypts its export as a whole, where bytes that are no text look like its own.
pub(super) fn detect_sealed(bytes: &[u8], file_name: Option<&str>) -> Option<Format> {
    if stratum::is_sealed(bytes) {
        return Some(Format::Stratum);
    }
    if freeotp_backup::is_backup(bytes) {
        return Some(Format::FreeOtp);
    }
    // Its first byte is zero, which no text has.
    if andotp::may_be_sealed(bytes) {
        return Some(Format::AndOtp);
    }
    let named = file_name.is_some_and(|name| name.to_ascii_lowercase().ends_with(".json.aes"));
    (named && !andotp::is_clear(bytes)).then_some(Format::AndOtp)
}

/// Whether the file begins as keyfold's own export does, which may be larger than others.
pub(super) fn is_native(bytes: &[u8]) -> bool {
    let head = bytes.get(..DETECTION_BYTES).unwrap_or(bytes);
    let Ok(text) = Text::parse(head).or_else(|error| match error {
        // The kilobyte may end inside a character.
        ImportError::NotText { offset } => Text::parse(head.get(..offset).unwrap_or_default()),
        other => Err(other),
    }) else {
        return false;
    };
    looks_like_json(&text) && detect_json(&text) == Ok(Format::Keyfold)
}

/// As [`detect`], on decoded text.
pub(super) fn detect_text(text: &str, file_name: Option<&str>) -> Result<Format, ImportError> {
    if looks_like_json(text) {
        // What is told from the beginning is not looked for behind it; some programs write their members in any order.
        return match detect_json(head(text)) {
            // Bitwarden says first of all whether it is encrypted; without that, others have folders and items too.
            Ok(Format::BitwardenJson) if !head(text).contains("\"encrypted\"") => detect_json(text),
            Ok(format) => Ok(format),
            Err(_) => detect_json(text),
        };
    }
    if is_keepass_xml(head(text)) {
        return Ok(Format::KeePassXml);
    }
    if let Some(format) = detect_uris(text) {
        return Ok(format);
    }
    let (delimiter, headers) = first_row(text);
    if delimiter == b','
        && let Some(format) = detect_header(&headers)
    {
        return Ok(format);
    }
    if let Some((format, _)) = BY_HEADER.iter().find(|row| row.1(&headers)) {
        return Ok(*format);
    }
    let named_csv = file_name.is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        name.ends_with(".csv") || name.ends_with(".tsv")
    });
    if delimiter == b',' && enpass_csv::is_row(&headers) {
        return Ok(Format::EnpassCsv);
    }
    let known = headers
        .iter()
        .filter(|header| generic_csv::is_known(header))
        .count();
    // Keeper's first line is an item already, in which a word may happen to be a column's name elsewhere.
    if known < NAMES_OF_A_HEADER && keeper_csv::is_format(head(text)) {
        return Ok(Format::KeeperCsv);
    }
    // Nobody calls a column by an address: it is an item, and would be lost as names.
    if headers.iter().any(|header| is_data(header)) {
        return Err(ImportError::UnknownFormat);
    }
    if named_csv || known > 0 {
        return Ok(Format::GenericCsv);
    }
    Err(ImportError::UnknownFormat)
}

/// Whether a cell is something that no column is called: a web or mail address, a long number.
fn is_data(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    cell.contains("://")
        || cell
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        || digits >= 8
}

/// The program that writes such URIs, by the first line that is no comment.
fn detect_uris(text: &str) -> Option<Format> {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
    if google_auth::is_uri(first) {
        Some(Format::GoogleAuthenticator)
    } else if !otpauth_uris::is_uri(first) {
        None
    } else if first.contains("codeDisplay=") {
        Some(Format::EnteAuth)
    } else {
        Some(Format::OtpauthUris)
    }
}

/// The authenticator that writes such names.
fn detect_authenticator(head: &str, names: &[(usize, &str)]) -> Option<Format> {
    let has = |depth: usize, name: &str| names.contains(&(depth, name));
    let is_list = head.trim_start().starts_with('[');
    let is = [
        (has(1, "header") && has(2, "slots"), Format::Aegis),
        (has(1, "db") && has(2, "entries"), Format::Aegis),
        (has(1, "elements") && !has(1, "items"), Format::Cotp),
        (has(1, "salt") && has(1, "cipher"), Format::Cotp),
        (has(1, "kdfParams"), Format::EnteAuth),
        (has(1, "tokens") || has(1, "tokenOrder"), Format::FreeOtp),
        (
            (has(1, "entries") && has(3, "content")) || (has(1, "salt") && has(1, "content")),
            Format::ProtonAuthenticator,
        ),
        (
            // Without any entries.
            names.len() == 2 && has(1, "entries") && has(1, "version"),
            Format::ProtonAuthenticator,
        ),
        (
            is_list && has(2, "secret") && has(2, "timer"),
            Format::Raivo,
        ),
        (
            is_list && has(2, "secret") && has(2, "label"),
            Format::AndOtp,
        ),
        (
            has(1, "Authenticators") || has(1, "AuthenticatorCategories"),
            Format::Stratum,
        ),
        (
            has(1, "servicesEncrypted") || (has(1, "services") && has(1, "schemaVersion")),
            Format::TwoFas,
        ),
        (
            has(1, "services") && (has(3, "otp") || has(3, "secret")),
            Format::TwoFas,
        ),
    ];
    is.into_iter().find(|row| row.0).map(|row| row.1)
}

/// Whether a document of KeePass begins here: a comment or a declaration may stand before it.
fn is_keepass_xml(head: &str) -> bool {
    head.trim_start().starts_with('<') && head.contains("<KeePassFile")
}

/// The program that writes this first line, with commas.
fn detect_header(headers: &[String]) -> Option<Format> {
    if let Some(format) = keepassxc::detect_header(headers) {
        Some(format)
    } else if keepass1::is_header(headers) {
        Some(Format::KeePass1)
    } else if bitwarden_csv::is_header(headers) {
        Some(Format::BitwardenCsv)
    } else if chrome::is_header(headers) {
        Some(Format::Chrome)
    } else {
        None
    }
}

/// Whether the first visible character opens a JSON object or list.
pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The first kilobyte, cut between characters.
fn head(text: &str) -> &str {
    beginning(text, DETECTION_BYTES)
}

fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev();
    end.filter_map(|end| text.get(..end))
        .next()
        .unwrap_or_default()
}

/// The header of a delimited text; a header longer than detection looks is told from its beginning.
fn first_row(text: &str) -> (u8, Vec<String>) {
    let (delimiter, text) = detect_delimiter(beginning(text, HEADER_BYTES));
    let mut cells = Vec::new();
    let mut reader = Reader::new(text, delimiter, Quoting::Doubled);
    let headers = match reader.next_row(&mut cells) {
        Ok(_) => cells
            .iter()
            .map(|cell: &Cell<'_>| cell.as_str().trim().to_owned())
            .collect(),
        Err(_) => Vec::new(),
    };
    (delimiter, headers)
}

/// Looks at the names of the outer object and of the first objects in its lists.
fn detect_json(head: &str) -> Result<Format, ImportError> {
    let names = names_by_depth(head);
    let has = |depth: usize, name: &str| names.contains(&(depth, name));
    let outermost: Vec<&str> = names
        .iter()
        .filter(|row| row.0 == 1)
        .map(|row| row.1)
        .collect();
    if native::names_itself(head, &outermost) {
        return Ok(Format::Keyfold);
    }
    if let Some(format) = detect_authenticator(head, &names) {
        return Ok(format);
    }
    if has(1, "vaults") {
        return Ok(Format::ProtonPassJson);
    }
    let is_list = head.trim_start().starts_with('[');
    let listed = is_list && has(2, "title") && (has(2, "$type") || has(2, "custom_fields"));
    if has(1, "records") || has(1, "shared_folders") || listed {
        return Ok(Format::KeeperJson);
    }
    let outer = ["encrypted", "folders", "collections", "items"];
    if !outer.iter().any(|name| has(1, name)) {
        return Err(ImportError::UnknownFormat);
    }
    // Enpass has folders and items too.
    let foreign = [
        "uuid",
        "category",
        "parent_uuid",
        "template_type",
        "auto_submit",
    ];
    if foreign.iter().any(|name| has(3, name)) {
        return Ok(Format::EnpassJson);
    }
    Ok(Format::BitwardenJson)
}

/// Deepest brackets in which names tell a format.
const TELLING_DEPTH: usize = 3;

/// The member names in a beginning of a JSON text that are not deeper than those which tell a format, each once, with how many
/// brackets are open around it.
fn names_by_depth(head: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let mut known = HashSet::new();
    let mut depth = 0_usize;
    let mut rest = head;
    while let Some(at) = rest.find(['{', '[', '}', ']', '"']) {
        let (_, tail) = rest.split_at(at);
        let mut characters = tail.chars();
        match characters.next() {
            Some('{' | '[') => depth += 1,
            Some('}' | ']') => depth = depth.saturating_sub(1),
            _ => {
                let inside = characters.as_str();
                let mut escaped = false;
                let end = inside.find(|character| {
                    let closes = character == '"' && !escaped;
                    escaped = character == '\\' && !escaped;
                    closes
                });
                let Some((text, after)) = end.and_then(|end| inside.split_at_checked(end)) else {
                    break;
                };
                let after = after.strip_prefix('"').unwrap_or(after);
                let is_name = depth <= TELLING_DEPTH && after.trim_start().starts_with(':');
                if is_name && known.insert((depth, text)) {
                    names.push((depth, text));
                }
                rest = after;
                continue;
            }
        }
        rest = characters.as_str();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_formats_and_back() {
        for (format, name, others, _) in Format::TABLE {
            assert_eq!(format.name(), name);
            assert_eq!(Format::from_name(&name.to_uppercase()), Some(format));
            for other in others {
                assert_eq!(Format::from_name(other), Some(format));
            }
        }
        assert_eq!(Format::from_name("nothing"), None);
        assert_eq!(Format::names().len(), Format::TABLE.len());
    }

    #[test]
    fn content_tells_the_format() {
        for (text, format) in [
            ("name,url,username,password\n", Format::Chrome),
            (
                "\u{feff}name,url,username,password,note\r\n",
                Format::Chrome,
            ),
            ("name,url,username,password,otp\n", Format::GenericCsv),
            ("Title;Login;Password\n", Format::GenericCsv),
            ("name;url;username;password\n", Format::GenericCsv),
            (
                "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\"\n",
                Format::KeePassX,
            ),
            (
                "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"TOTP\",\"Icon\",\"Last Modified\",\"Created\"\n",
                Format::KeePassXc,
            ),
            (
                "\"Account\",\"Login Name\",\"Password\",\"Web Site\",\"Comments\"\n",
                Format::KeePass1,
            ),
            (
                "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n",
                Format::BitwardenCsv,
            ),
            (
                "{\n \"schema\": 1,\n \"format\": \"keyfold-export\",\n \"items\": []}",
                Format::Keyfold,
            ),
            (
                "{\n \"encrypted\": false, \"items\": []}",
                Format::BitwardenJson,
            ),
            (
                "{\"folders\":[{\"id\":\"x\",\"name\":\"a}\\\"b\"}],\"items\":[]}",
                Format::BitwardenJson,
            ),
            (
                "\"Shop\",\"Username\",\"me\",\"*Password\",\"s3cret\",\"\"\n\"Visa\",\"Cardholder\",\"J\",\"*CVC\",\"1\"\n",
                Format::EnpassCsv,
            ),
            ("Title,Username,URL,Password,Notes\n", Format::GenericCsv),
        ] {
            assert_eq!(detect(text.as_bytes(), None), Ok(format), "{text}");
        }
    }

    #[test]
    fn names_that_come_late_tell_the_format_too() {
        let long = "x".repeat(3000);
        let enpass = format!(
            "{{\"folders\":[],\"items\":[{{\"archived\":0,\"attachments\":[{{\"data\":\"{long}\"}}],\"uuid\":\"u\"}}]}}"
        );
        assert_eq!(detect(enpass.as_bytes(), None), Ok(Format::EnpassJson));
        let columns = (0..200).fold(String::new(), |text, n| format!("{text},\"{n}: NAME\""));
        let wide = format!("\"UUID\",\"TITLE\",\"SCOPE\",\"AUTOSUBMIT\"{columns}\n");
        assert_ne!(detect(wide.as_bytes(), None), Ok(Format::GenericCsv));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        // An item in the first line is no heading, though a word of it may be one elsewhere.
        let row = "Shop,me,s3cret,https://shop.example,note\nMail,me,x,https://m.example,\n";
        for name in [None, Some("x.csv")] {
            assert_eq!(
                detect(row.as_bytes(), name),
                Err(ImportError::UnknownFormat)
            );
        }
        for text in ["hello", "a,b,c\n1,2,3\n", "[1,2]", "{\"db\":{\"items\":1}}"] {
            let unknown = Err(ImportError::UnknownFormat);
            assert_eq!(detect(text.as_bytes(), None), unknown, "{text}");
        }
        assert_eq!(detect(b"a,b,c\n", Some("X.CSV")), Ok(Format::GenericCsv));
    }
}
