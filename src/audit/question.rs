//! Answers to recovery questions that stand where every listing and search sees them: in the notes and in plain fields. Whoever
//! knows one comes in without the password. They belong into a secret field.

use super::{Audit, Finding, FindingKind};
use crate::model::field::{self, FieldKind};
use crate::model::ids::FieldId;
use crate::state::view::{ItemView, Value};

/// What such questions have in common, in lower case.
const WORDS: [&str; 34] = [
    "security question",
    "security answer",
    "secret question",
    "secret answer",
    "recovery question",
    "recovery answer",
    "challenge question",
    "memorable word",
    "maiden name",
    "first pet",
    "pet's name",
    "name of your pet",
    "first school",
    "first car",
    "favourite teacher",
    "favorite teacher",
    "childhood friend",
    "childhood nickname",
    "city were you born",
    "street did you grow up",
    "street you grew up",
    "sicherheitsfrage",
    "sicherheitsantwort",
    "geheimfrage",
    "geheime frage",
    "mädchenname",
    "geburtsname der mutter",
    "erstes haustier",
    "question secrète",
    "question de sécurité",
    "nom de jeune fille",
    "pregunta secreta",
    "pregunta de seguridad",
    "domanda segreta",
];

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for subject in &audit.subjects {
        for name in &subject.questions {
            let what =
                "reads like the answer to a recovery question, which belongs into a secret field";
            let field = Some(name.clone());
            findings.push(Finding::new(
                FindingKind::RecoveryQuestion,
                subject,
                field,
                what,
            ));
        }
    }
}

/// Names of the plain fields in which something about recovery questions stands.
pub(super) fn fields_of(view: &ItemView) -> Vec<String> {
    let plain = view.fields.iter().filter(|view| !view.kind.is_secret());
    let about = plain.filter(|view| {
        // Titles and folders are what an item is called; a person's own papers name their mother.
        let is_looked_at = match view.id {
            FieldId::Standard(number) => number == field::NOTES,
            FieldId::Custom(_) => view.kind != FieldKind::Date,
        };
        let Value::Plain(text) = &view.current.value else {
            return false;
        };
        is_looked_at && (is_about_one(&view.name) || is_about_one(text))
    });
    about.map(|view| view.name.clone()).collect()
}

fn is_about_one(text: &str) -> bool {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_known_by_their_words() {
        assert!(is_about_one("Mother's MAIDEN name: Smith"));
        assert!(is_about_one("Pet\u{2019}s name"));
        assert!(is_about_one("Geburtsname der Mutter?"));
        assert!(!is_about_one("the carpet's colour"));
        assert!(!is_about_one(""));
    }
}
