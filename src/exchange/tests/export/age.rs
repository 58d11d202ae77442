//! keyfold's own document in a file of age: as complete as without one.

use super::*;
use crate::exchange::export::Recipient;
use crate::exchange::{Source, read as read_source};

const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const RECIPIENT: &str = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";

fn document() -> Document {
    let mut draft = titled("Mail");
    draft.push_standard(field::PASSWORD, "p2".to_owned());
    let mut document = document_of(&[draft]);
    document.items[0]
        .history
        .push(former(field::PASSWORD, "p1", 1000));
    document
}

fn reread(bytes: &[u8], credentials: &Credentials<'_>) -> Document {
    assert_eq!(detect(bytes, None), Ok(Format::Age));
    match read_source(bytes, None, None, credentials) {
        Ok(Source::Native(document)) => document,
        Ok(Source::Foreign(_)) => panic!("it is another program's"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_document_comes_back_to_the_byte_from_under_a_passphrase_and_from_recipients() {
    let document = document();
    let password = Secret::new("correct horse".to_owned());
    let recipients = [Recipient::parse(RECIPIENT).unwrap()];
    let plain = Order {
        password: Some(&password),
        ..order(&document, ExportFormat::Age)
    };
    let sealed = Order {
        recipients: &recipients,
        ..order(&document, ExportFormat::Age)
    };
    for order in [plain, sealed] {
        let exported = written(&order);
        assert_eq!(said(&exported), []);
        let by_key = order.password.is_none().then_some(IDENTITY.as_bytes());
        let credentials = Credentials {
            password: order.password,
            key_file: by_key,
        };
        let back = reread(&exported.bytes, &credentials);
        assert_eq!(*write_document(&back), *write_document(&document));
    }
    let refused = write(
        &order(&document, ExportFormat::Age),
        &mut StdRng::seed_from_u64(1),
    );
    assert_eq!(refused.err(), Some(WriteError::PasswordNeeded));
}

#[test]
fn a_file_of_age_may_hold_any_export_but_another_one() {
    let inner = "name,url,username,password\na,https://a.example,me,p\n";
    let mut rng = StdRng::seed_from_u64(2);
    let recipients = [Recipient::parse(RECIPIENT).unwrap()];
    let seal = |text: &[u8], rng: &mut StdRng| {
        crate::exchange::age::seal_for(text, &recipients, rng).unwrap()
    };
    let sealed = seal(inner.as_bytes(), &mut rng);
    let credentials = Credentials {
        password: None,
        key_file: Some(IDENTITY.as_bytes()),
    };
    match read_source(&sealed, None, None, &credentials) {
        Ok(Source::Foreign(imported)) => assert_eq!(imported.drafts.len(), 1),
        _ => panic!("it is read as something else"),
    }
    let twice = seal(&sealed, &mut rng);
    assert!(read_source(&twice, None, None, &credentials).is_err());
}
