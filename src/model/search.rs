//! Fuzzy search, as `find` does it, over titles, folders, user names, hosts, tags and notes.
//!
//! Rests on nucleo-matcher alone, knows of summaries only and so never sees a secret. It ranks; it never decides
//! which item a command means (that is [`super::query`]).

use std::borrow::Cow;
use std::cmp::Reverse;

use nucleo_matcher::chars::{is_upper_case, normalize, to_lower_case};
use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

use super::item::ItemRow;
use super::origin::host_text;

/// Longest text that is searched for, in bytes; nothing matches a longer one.
pub const TEXT_LIMIT: usize = 1024;

/// What a match counts in each place, title first.
const TITLE_WEIGHT: u32 = 4;
const NAME_WEIGHT: u32 = 3;
const FOLDER_WEIGHT: u32 = 2;
const NOTES_WEIGHT: u32 = 1;

/// A fuzzy match below this score a letter is letters strewn over a long text, and not what anybody meant. The
/// matcher gives 16 for a letter, more at the start of a word, and takes off up to 3 and the length of each gap.
const SCORE_A_LETTER_MIN: u32 = 12;

/// Score (higher is better) and row of every item in which each word of the text is found somewhere, best first, then
/// shorter titles, then by id. A text without words finds everything, each with 0.
///
/// A word with a capital in it is searched with case, another one without; accents never count. Letters may be
/// left out, but not in notes: a long text has nearly every word's letters somewhere. The trash is not left out here.
#[must_use]
pub fn find<'a>(
    text: &str,
    items: impl IntoIterator<Item = ItemRow<'a>>,
) -> Vec<(u32, ItemRow<'a>)> {
    if text.len() > TEXT_LIMIT {
        return Vec::new();
    }
    let words: Vec<Word> = text.split_whitespace().map(Word::new).collect();
    let mut search = Search {
        matcher: Matcher::new(Config::DEFAULT),
        letters: Vec::new(),
        notes: String::new(),
    };
    let mut found: Vec<(u32, ItemRow<'a>)> = items
        .into_iter()
        .filter_map(|item| Some((search.score(&words, &item)?, item)))
        .collect();
    found.sort_unstable_by_key(|(score, item)| (Reverse(*score), item.title.len(), item.id));
    found
}

/// One word that is searched for, ready for both ways of matching.
struct Word {
    fuzzy: Atom,
    least: u32,
    plain: String,
    has_capital: bool,
    /// What the word counts in notes.
    notes_score: u32,
}

impl Word {
    fn new(text: &str) -> Self {
        let mut plain = String::new();
        push_without_accents(text, |letter| plain.push(letter));
        let letters = u32::try_from(plain.chars().count()).unwrap_or(u32::MAX);
        let has_capital = plain.chars().any(is_upper_case);
        // Given with accents gone, so that the matcher's own rule (a letter with an accent means just that) is idle.
        let (case, accents) = (CaseMatching::Smart, Normalization::Smart);
        Self {
            fuzzy: Atom::new(&plain, case, accents, AtomKind::Fuzzy, false),
            least: letters.saturating_mul(SCORE_A_LETTER_MIN),
            plain,
            has_capital,
            notes_score: letters.saturating_mul(SCORE_A_LETTER_MIN * NOTES_WEIGHT),
        }
    }
}

struct Search {
    matcher: Matcher,
    /// Reused for every text that is not ASCII.
    letters: Vec<char>,
    /// Reused for every note.
    notes: String,
}

impl Search {
    /// The sum of the words' scores, `None` unless all are found.
    fn score(&mut self, words: &[Word], item: &ItemRow<'_>) -> Option<u32> {
        words.iter().try_fold(0_u32, |sum, word| {
            Some(sum.saturating_add(self.score_word(word, item)?))
        })
    }

    /// The best of a word's scores in the item's texts.
    fn score_word(&mut self, word: &Word, item: &ItemRow<'_>) -> Option<u32> {
        let hosts = item.urls.iter().map(|address| host_text(address));
        let tags = item.tags.iter().map(|tag| Cow::Borrowed(tag.as_ref()));
        let user = Cow::Borrowed(item.username.as_ref());
        let mut names = std::iter::once(user).chain(hosts).chain(tags);
        let (matcher, letters) = (&mut self.matcher, &mut self.letters);
        let mut fuzzy = |text: &str, weight| match_fuzzy(matcher, letters, word, text, weight);
        let title = fuzzy(&item.title, TITLE_WEIGHT);
        let folder = fuzzy(&item.folder, FOLDER_WEIGHT);
        // `None` is less than any score.
        let best = names.by_ref().map(|name| fuzzy(&name, NAME_WEIGHT)).max();
        let best = title.max(folder).max(best.flatten());
        best.or_else(|| self.match_notes(word, &item.notes))
    }

    /// A plain search, so that a long text costs no more than reading it; only for what is found nowhere else.
    fn match_notes(&mut self, word: &Word, notes: &str) -> Option<u32> {
        let folded = &mut self.notes;
        folded.clear();
        match (notes.is_ascii(), word.has_capital) {
            (true, true) => folded.push_str(notes),
            (true, false) => {
                folded.push_str(notes);
                folded.make_ascii_lowercase();
            }
            (false, true) => push_without_accents(notes, |letter| folded.push(letter)),
            (false, false) => {
                push_without_accents(notes, |letter| folded.push(to_lower_case(letter)));
            }
        }
        folded.contains(&word.plain).then_some(word.notes_score)
    }
}

fn match_fuzzy(
    matcher: &mut Matcher,
    letters: &mut Vec<char>,
    word: &Word,
    text: &str,
    weight: u32,
) -> Option<u32> {
    let text = if text.is_ascii() {
        Utf32Str::Ascii(text.as_bytes())
    } else {
        letters.clear();
        push_without_accents(text, |letter| letters.push(letter));
        Utf32Str::Unicode(letters)
    };
    let score = u32::from(word.fuzzy.score(text, matcher)?);
    (score >= word.least).then(|| score.saturating_mul(weight))
}

/// The text's letters without their accents, whether those were composed or not.
fn push_without_accents(text: &str, mut push: impl FnMut(char)) {
    for character in text.chars() {
        if character.is_ascii() {
            push(character);
        } else {
            decompose_canonical(character, |part| {
                if !is_combining_mark(part) {
                    push(normalize(part));
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::field::ItemKind;
    use crate::model::ids::ItemId;
    use crate::model::item::ItemSummary;
    use proptest::prelude::*;

    fn titled(title: &str) -> ItemSummary {
        ItemSummary {
            title: title.to_owned().into(),
            ..ItemSummary::empty(ItemId([0; 16]), ItemKind::Login)
        }
    }

    /// Positions of what was found.
    fn found(text: &str, items: &[ItemSummary]) -> Vec<usize> {
        let rows = items.iter().zip(0_u128..).map(|(item, at)| ItemSummary {
            id: ItemId(at.to_be_bytes()),
            ..item.clone()
        });
        let at = |row: ItemSummary| u128::from_be_bytes(row.id.0);
        let positions = find(text, rows).into_iter().map(|(_, row)| at(row));
        positions.map(|at| usize::try_from(at).unwrap()).collect()
    }

    fn titles(text: &str, titles: &[&str]) -> Vec<usize> {
        let items: Vec<_> = titles.iter().map(|title| titled(title)).collect();
        found(text, &items)
    }

    /// Six items with the same word, each in another place, worst place first.
    fn places() -> Vec<ItemSummary> {
        let mut items = vec![titled("x"); 6];
        items[0].notes = "my acme notes".into();
        items[1].folder = "work/acme".into();
        items[2].tags = vec!["tv".into(), "acme".into()];
        items[3].urls = vec!["https://acme/login".into()];
        items[4].username = "acme".into();
        items[5].title = "acme".into();
        items
    }

    #[test]
    fn every_place_is_searched_and_titles_count_most() {
        let order = found("acme", &places());
        assert_eq!(order.first(), Some(&5));
        assert_eq!(order.get(4..), Some(&[1, 0][..]));
        assert_eq!(order.len(), 6);
    }

    #[test]
    fn all_words_must_be_found_each_anywhere() {
        let mut items = places();
        items[5].username = "bob@example.org".into();
        assert_eq!(found("bob acme", &items), [5]);
        assert_eq!(found("acme bob", &items), [5]);
        assert_eq!(found("acme zzz", &items), [0_usize; 0]);
        assert_eq!(found("  \t", &items).len(), items.len());
    }

    #[test]
    fn letters_may_be_left_out() {
        assert_eq!(titles("gthb", &["GitHub", "GitLab"]), [0]);
        assert_eq!(
            titles("ghub", &["bagpipes with thrushes and a plumber", "GitHub"]),
            [1]
        );
    }

    #[test]
    fn the_nearer_title_comes_first() {
        assert_eq!(
            titles("git", &["github mirror", "my git", "git"]),
            [2, 1, 0]
        );
        assert_eq!(titles("bank", &["b a n k", "bank"]).first(), Some(&1));
    }

    #[test]
    fn capitals_are_searched_with_case() {
        assert_eq!(titles("bank", &["Bank", "bank"]), [0, 1]);
        assert_eq!(titles("Bank", &["Bank", "bank"]), [0]);
        assert_eq!(titles("É", &["é", "É"]), [1]);
    }

    #[test]
    fn accents_never_count() {
        let all = ["Café", "Cafe", "Cafe\u{301}"];
        for text in ["cafe", "café", "cafe\u{301}"] {
            let mut order = titles(text, &all);
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2], "{text}");
        }
        assert_eq!(titles("zolc", &["Żółć"]), [0]);
        assert_eq!(titles("søren", &["Soren"]), [0]);
        assert_eq!(titles("привет", &["Привет"]), [0]);
    }

    #[test]
    fn notes_and_hosts_are_not_matched_by_strewn_letters() {
        let mut item = titled("x");
        item.notes = "a note that has nothing to do with it, kept for years".into();
        item.urls = vec!["https://xn--bcher-kva.de/acme".into()];
        let items = [item];
        assert_eq!(found("nothing", &items), [0]);
        assert_eq!(found("nthng", &items), [0_usize; 0]);
        assert_eq!(found("bucher", &items), [0]);
        assert_eq!(found("acme", &items), [0_usize; 0]);
    }

    #[test]
    fn a_text_over_the_limit_finds_nothing() {
        let title = "a".repeat(TEXT_LIMIT + 1);
        assert_eq!(titles(&title, &[&title]), [0_usize; 0]);
        assert_eq!(titles("aaa", &[&"a".repeat(1 << 20)]), [0]);
    }

    proptest! {
        #[test]
        fn nothing_makes_the_search_panic(
            text in "([ae\u{301}\u{308}é ]|.){0,12}",
            title in "([ae\u{301}é\r\n ]|.){0,24}",
            notes in "([ae\u{301}é]|.){0,24}",
            url in ".{0,12}",
        ) {
            let mut item = titled(&title);
            item.notes = notes.into();
            item.urls = vec![url.into()];
            prop_assert!(find(&text, [item]).len() <= 1);
        }

        #[test]
        fn a_part_of_a_title_is_always_found(before in "[a-zé ]{0,30}", word in "[a-zé]{1,20}", after in "[a-zé ]{0,30}") {
            let title = format!("{before}{word}{after}");
            prop_assert_eq!(titles(&word, &[&title]), [0]);
        }
    }
}
