//! Samples written by hand. Values that begin with `kept ` stand nowhere else in their sample, so a test can look for them.

use super::*;

/// Each format's sample.
pub(in crate::exchange::tests) const SAMPLES: [(Format, &str); 11] = [
    (Format::Aegis, AEGIS),
    (Format::AndOtp, ANDOTP),
    (Format::Cotp, COTP),
    (Format::EnteAuth, ENTE),
    (Format::FreeOtp, FREEOTP),
    (Format::GoogleAuthenticator, GOOGLE),
    (Format::OtpauthUris, URIS),
    (Format::ProtonAuthenticator, PROTON),
    (Format::Raivo, RAIVO),
    (Format::Stratum, STRATUM),
    (Format::TwoFas, TWO_FAS),
];

pub(in crate::exchange::tests) const AEGIS: &str = r#"{"version":1,"header":{"slots":null,"params":null},"db":{"version":3,
"entries":[
 {"type":"totp","uuid":"01-a","name":"ann@x.example","issuer":"Bank","note":"kept note","favorite":true,
  "icon":"aGVsbG8=","icon_mime":"image/jpeg","icon_hash":"00ff",
  "info":{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","algo":"SHA1","digits":8,"period":30},
  "groups":["g1"],"group":"Old way","later":"kept later"},
 {"type":"hotp","uuid":"02-b","name":"bob","issuer":"Shop & Co","note":"","favorite":false,"icon":null,
  "info":{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","algo":"SHA1","digits":6,"counter":5},"groups":["gone"]},
 {"type":"steam","uuid":"03-c","name":"player","issuer":"Steam","icon":null,
  "info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA1","digits":5,"period":30},"groups":[]},
 {"type":"yandex","uuid":"04-d","name":"y","issuer":"Yandex","icon":null,
  "info":{"secret":"kept yandex","algo":"SHA256","digits":8,"period":30,"pin":"kept 1111"}},
 {"type":"motp","uuid":"05-e","name":"m","issuer":"Office","icon":null,
  "info":{"secret":"JBSWY3DPEHPK3PXP","algo":"MD5","digits":6,"period":10,"pin":"kept 2222"}},
 {"type":"totp","uuid":"06-f","name":"alone","issuer":"","icon":null,
  "info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA1","digits":6,"period":30,"new":"kept new"},"groups":[]}
],"groups":[{"uuid":"g1","name":"Money"}],"icons_optimized":true}}"#;

pub(in crate::exchange::tests) const ANDOTP: &str = r#"[{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ====","issuer":"Bank",
"label":"ann@x.example","digits":8,"type":"TOTP","algorithm":"SHA1","thumbnail":"Default","last_used":1608146844162,
"used_frequency":3,"period":30,"tags":["kept tag","Money"]},
{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","label":"Shop & Co - bob","digits":6,"type":"HOTP","algorithm":"SHA1",
"thumbnail":"Default","last_used":0,"used_frequency":0,"counter":5,"tags":[],"later":"kept later"},
{"secret":"JBSWY3DPEHPK3PXP","issuer":"Office","label":"m","digits":6,"type":"MOTP","algorithm":"SHA1","pin":"kept 2222",
"thumbnail":"Default","tags":[]}]"#;

pub(in crate::exchange::tests) const COTP: &str = r#"{"version":2,"elements":[
{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","issuer":"Bank","label":"ann@x.example","digits":8,"type":"TOTP",
 "algorithm":"SHA1","period":30,"counter":null,"pin":null},
{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","issuer":"Shop & Co","label":"bob","digits":6,"type":"HOTP",
 "algorithm":"SHA1","period":30,"counter":5,"pin":null},
{"secret":"kept yandex","issuer":"Yandex","label":"y","digits":8,"type":"YANDEX","algorithm":"SHA256","period":30,
 "counter":null,"pin":"kept 1111"}]}"#;

pub(in crate::exchange::tests) const ENTE: &str = "\
otpauth://totp/Bank:ann%40x.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Bank&algorithm=SHA1&digits=8&period=30\
&codeDisplay=%7B%22pinned%22%3Atrue%2C%22trashed%22%3Afalse%2C%22lastUsedAt%22%3A1700000000000%2C%22tapCount%22%3A2%2C\
%22tags%22%3A%5B%22Money%22%2C%22a%2Cb%22%5D%2C%22note%22%3A%22two%5Cnlines%22%2C%22position%22%3A0%7D
otpauth://hotp/Shop%20%26%20Co:bob?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Shop+%26+Co&algorithm=SHA1&digits=6\
&counter=5&codeDisplay=%7B%22pinned%22%3Afalse%2C%22trashed%22%3Atrue%2C%22lastUsedAt%22%3A0%2C%22tapCount%22%3A0%2C\
%22tags%22%3A%5B%5D%7D
otpauth://steam/Steam:player?secret=JBSWY3DPEHPK3PXP&issuer=Steam&algorithm=SHA1&digits=5&period=30
";

pub(in crate::exchange::tests) const FREEOTP: &str = r#"{"tokenOrder":["Bank:ann@x.example","Shop & Co:bob"],"tokens":[
{"algo":"SHA1","counter":0,"digits":8,"issuerAlt":"Bank","issuerExt":"kept issuer","issuerInt":"kept issuer",
 "labelAlt":"ann@x.example","label":"kept label","period":30,"image":"content://x/1","type":"TOTP",
 "secret":[49,50,51,52,53,54,55,56,57,48,49,50,51,52,53,54,55,56,57,48]},
{"algo":"SHA1","counter":5,"digits":6,"issuerExt":"Shop & Co","issuerInt":"Shop & Co","label":"bob","period":30,
 "secret":[49,50,51,52,53,54,55,56,57,48,49,50,51,52,53,54,55,56,57,48],"type":"HOTP"},
{"algo":"SHA256","counter":-1,"digits":6,"issuerExt":"Fresh","label":"new","period":30,
 "secret":[-28,-110,112,-16,-46,31,54,92,-124,8,-8],"type":"HOTP","later":"kept later"}]}"#;

/// Two codes of one transfer of three; the second is what zbarimg prints. Their data are written by
/// `google::a_transfer`.
pub(in crate::exchange::tests) const GOOGLE: &str = "\
# two of three
otpauth-migration://offline?data=CjEKFDEyMzQ1Njc4OTAxMjM0NTY3ODkwEg1hbm5AeC5leGFtcGxlGgRCYW5rIAEoAjACEAEYAyAAKMDEBw%3D%3D
QR-Code:otpauth-migration://offline?data=CjkKFDEyMzQ1Njc4OTAxMjM0NTY3ODkwEg5TaG9wICYgQ286IGJvYhoJU2hvcCAmIENvIAEoATABOAUQARgDIAIowMQH
";

pub(in crate::exchange::tests) const URIS: &str = "\
otpauth://totp/Bank:ann%40x.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Bank&algorithm=SHA1&digits=8&period=30
otpauth://hotp/Shop%20%26%20Co:bob?secret=gezd%20gnbv%20gy3t%20qojq%20gezd%20gnbv%20gy3t%20qojq&counter=5
";

pub(in crate::exchange::tests) const PROTON: &str = r#"{"version":1,"entries":[
{"id":"p1","content":{"uri":"otpauth://totp/Bank:ann%40x.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Bank&algorithm=SHA1&digits=8&period=30",
 "entry_type":"Totp","name":"kept name"},"note":"kept note"},
{"id":"p2","content":{"uri":"steam://JBSWY3DPEHPK3PXP","entry_type":"Steam","name":"My Steam"},"note":null}]}"#;

pub(in crate::exchange::tests) const RAIVO: &str = r#"[{"issuer":"Bank","account":"ann@x.example",
"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","algorithm":"SHA1","digits":"8","kind":"TOTP","timer":"30","counter":"0",
"iconType":"raivo_repository","iconValue":"b/bank.png","pinned":"true"},
{"issuer":"Shop & Co","account":"bob","secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","algorithm":"SHA1","digits":"6",
"kind":"HOTP","timer":"0","counter":"5","iconType":"","iconValue":"","pinned":"false","later":"kept later"}]"#;

pub(in crate::exchange::tests) const STRATUM: &str = r#"{"Authenticators":[
{"Type":2,"Icon":"@1a2b","Issuer":"Bank","Username":"ann@x.example","Secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
 "Pin":null,"Algorithm":0,"Digits":8,"Period":30,"Counter":0,"Ranking":0,"CopyCount":4},
{"Type":1,"Icon":"shop","Issuer":"Shop & Co","Username":"bob","Secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ=",
 "Pin":null,"Algorithm":0,"Digits":6,"Period":30,"Counter":5,"Ranking":1},
{"Type":5,"Icon":null,"Issuer":"Yandex","Username":null,"Secret":"kept yandex","Pin":"kept 1111","Algorithm":1,
 "Digits":8,"Period":30,"Counter":0,"Ranking":2,"Later":"kept later"}],
"Categories":[{"Id":"a8","Name":"Money","Ranking":0},{"Id":"b9","Name":"Web","Ranking":1}],
"AuthenticatorCategories":[{"CategoryId":"a8","AuthenticatorSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","Ranking":0},
{"CategoryId":"b9","AuthenticatorSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","Ranking":0}],
"CustomIcons":[{"Id":"1a2b","Data":"aGVsbG8="}]}"#;

pub(in crate::exchange::tests) const TWO_FAS: &str = r#"{"services":[
{"name":"Bank","secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","updatedAt":1702934567518,"groupId":"g1",
 "otp":{"link":"otpauth://totp/x","label":"ann@x.example","account":"ann@x.example","issuer":"kept issuer","digits":8,
 "period":30,"algorithm":"SHA1","tokenType":"TOTP","source":"Link"},"order":{"position":0},"badge":{"color":"Red"},
 "icon":{"selected":"Label","label":{"text":"BA","backgroundColor":"Yellow"}}},
{"name":"Shop & Co","secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","updatedAt":1702934567518,
 "otp":{"label":"Shop & Co:bob","account":"bob","issuer":"Shop & Co","digits":6,"algorithm":"SHA1","counter":5,
 "tokenType":"HOTP","source":"Manual","later":"kept later"},"order":{"position":1}},
{"name":"Steam","secret":"JBSWY3DPEHPK3PXP","otp":{"account":"player","tokenType":"STEAM","source":"Manual"},
 "order":{"position":2}}],
"groups":[{"id":"g1","name":"Money","isExpanded":true}],"updatedAt":1702934782660,"schemaVersion":4,
"appVersionCode":5000009,"appVersionName":"5.1.0","appOrigin":"android"}"#;

/// Salt, header and message of an export of Ente Auth, in base64: sealed with libargon2 and libsodium.
pub(super) const ENTE_SEALED: (&str, &str, &str) = (
    "c2FsdCBvZiAxNiBieXRlcw==",
    "TRNjX6UDdKY0Y6x7qSC6QSQLAK6amRHe",
    "90GFSqVTrCzaVQK+/i7qHQ8zJVgRM5qZCqZEBU22RdXHF7/lZLrn47AWPSBf1F+vNVBJrL5PMv/5Nc8hTpHJLd2X4v2ffmFETDE122mEWPu0gz18bvDFFJhh18wHEFCpeY0apqa7kX++Tgh0vusdPGZ/AsRZXWOvc7EVEXaQ/3qsP6rtWceO7hmPBBw041PzaWua5Y40K9f0N/9m8bhHA8lNst8UyTNKYwun39EHVxeMUpp01Kta+xMIRJ4RI90q3OR77S21bI4+bFgKgfQmhPPzEA/UJ7kk1ucoqAhkVPRKTqFTy3ug5eqQKvS/qa2AMEHrNbespOeZxa4ymtdeueFsrxwKNIhbDGdj",
);
