//! Ente Auth's encrypted export (its docs/auth/migration/export.md): `{version, kdfParams: {memLimit, opsLimit, salt},
//! encryptedData, encryptionNonce}`. Argon2id with one lane makes the key of one secretstream message, which is the list
//! of URIs that it exports in clear.

use super::json::Json;
use super::unlock::{ArgonCost, Credentials, Opener};
use super::{Format, ImportError};
use zeroize::Zeroizing;

/// Opens the list.
pub(super) fn open(
    text: &str,
    credentials: &Credentials<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::EnteAuth,
        reason,
    };
    let Json::Object(mut root) = Json::parse_long(text)? else {
        return Err(not_this("it is neither a list of URIs nor a JSON object"));
    };
    let parts = (
        root.take_object("kdfParams"),
        root.take_text("encryptedData"),
        root.take_text("encryptionNonce"),
    );
    let (Some(mut params), Some(sealed), Some(nonce)) = parts else {
        return Err(not_this(
            "it lacks kdfParams, encryptedData or encryptionNonce",
        ));
    };
    if root.take_text("version").as_deref() != Some("1") {
        return Err(not_this("its version is not 1"));
    }
    let opener = Opener::new(Format::EnteAuth, credentials)?;
    let mut number = |name| {
        let text = params.take_text(name);
        text.and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| opener.damaged())
    };
    let cost = ArgonCost {
        memory_kib: number("memLimit")? / 1024,
        passes: number("opsLimit")?,
        lanes: 1,
    };
    let salt = opener.decode_base64(&params.take_text("salt").unwrap_or_default())?;
    let sealed = opener.decode_base64(&sealed)?;
    let nonce = opener.decode_base64(&nonce)?;
    let key = opener.derive_argon2id(&salt, &cost)?;
    opener.open_stream(&key, &nonce, &sealed)
}
