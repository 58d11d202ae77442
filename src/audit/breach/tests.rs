//! Every form of a list against a naive look at its hashes, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use super::hash::{Hash, leading};
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

/// Passwords that a list has: `0`, `1` … Those that it has not begin with a letter.
fn hashes(kind: HashKind, count: usize) -> BTreeSet<Hash> {
    let passwords = (0..count).map(|number| Secret::new(number.to_string()));
    passwords
        .map(|password| *PasswordHash::of(kind, &password).0)
        .collect()
}

fn hex(kind: HashKind, hash: &Hash) -> String {
    data_encoding::HEXUPPER.encode(hash.get(..kind.length()).unwrap())
}

/// How a count is written in binary.
type Count = fn(u32) -> [u8; 4];

/// How a text is written.
#[derive(Clone, Copy, Debug)]
struct Style {
    lower_case: bool,
    counts: bool,
    ending: &'static str,
    mark: bool,
    last_ending: bool,
}

const PLAIN: Style = Style {
    lower_case: false,
    counts: true,
    ending: "\r\n",
    mark: false,
    last_ending: true,
};

fn text(kind: HashKind, hashes: &BTreeSet<Hash>, style: Style) -> Vec<u8> {
    let lines = hashes.iter().enumerate().map(|(at, hash)| {
        let mut line = hex(kind, hash);
        if style.lower_case {
            line.make_ascii_lowercase();
        }
        if style.counts {
            line += &format!(":{}", at % 977 + 1);
        }
        line
    });
    let lines: Vec<String> = lines.collect();
    let mut text = lines.join(style.ending);
    if style.last_ending {
        text += style.ending;
    }
    let mark = if style.mark { "\u{feff}" } else { "" };
    format!("{mark}{text}").into_bytes()
}

fn binary(hashes: &BTreeSet<Hash>, kept: usize, count: Option<Count>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, hash) in hashes.iter().enumerate() {
        bytes.extend_from_slice(&hash[..kept]);
        if let Some(count) = count {
            bytes.extend_from_slice(&count(u32::try_from(at).unwrap() % 5000 + 1));
        }
    }
    bytes
}

/// A folder in memory; every file that was not put in is there and has the same lines, unless it is to be missing.
struct Folder {
    files: BTreeMap<String, Vec<u8>>,
    other: Vec<u8>,
    extension: &'static str,
    lower_case: bool,
    missing: Option<String>,
}

impl Folder {
    fn of(kind: HashKind, hashes: &BTreeSet<Hash>) -> Self {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for hash in hashes.iter().rev() {
            let line = hex(kind, hash);
            let (name, rest) = line.split_at(5);
            let file = files.entry(name.to_owned()).or_default();
            file.extend_from_slice(format!("{rest}:3\r\n").as_bytes());
        }
        Self {
            files,
            // A line that only fills the file: the other files have no hash.
            other: format!("{}:0\r\n", "0".repeat(2 * kind.length() - 5)).into_bytes(),
            extension: "",
            lower_case: false,
            missing: None,
        }
    }
}

impl ListFolder for Folder {
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn ListFile>>> {
        let bare = name.strip_suffix(self.extension);
        let Some(bare) = bare.filter(|bare| bare.len() == 5) else {
            return Ok(None);
        };
        let other = if self.lower_case { "ABCDEF" } else { "abcdef" };
        let upper = bare.to_uppercase();
        if bare.contains(|letter| other.contains(letter)) || self.missing.as_ref() == Some(&upper) {
            return Ok(None);
        }
        Ok(Some(Box::new(
            self.files.get(&upper).unwrap_or(&self.other).clone(),
        )))
    }
}

fn open(bytes: Vec<u8>) -> Result<BreachList, BreachError> {
    BreachList::open(Place::File(Box::new(bytes)))
}

fn filter_of(list: &BreachList) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let built = build(list, &mut out, Moment(7), &mut |_| ()).unwrap();
    let bytes = out.into_inner();
    assert_eq!(built.bytes, u64::try_from(bytes.len()).unwrap());
    bytes
}

/// The list has exactly the passwords `0` to `count`, and none of as many others.
#[track_caller]
fn assert_has(list: &BreachList, count: usize) {
    for number in 0..count {
        let has = |text: String| list.contains(&Secret::new(text)).unwrap();
        assert!(has(number.to_string()), "{number} is missed");
        assert!(!has(format!("x{number}")), "x{number} is made up");
    }
}

#[track_caller]
fn assert_refused(bytes: Vec<u8>, expected: fn(&BreachError) -> bool) {
    match open(bytes) {
        Ok(_) => panic!("it was taken"),
        Err(error) => assert!(expected(&error), "{error:?}"),
    }
}

#[test]
fn ordered_text_is_read_however_it_is_written() {
    for kind in [HashKind::Sha1, HashKind::Ntlm] {
        let all = hashes(kind, 2000);
        for bits in 0..32_u8 {
            let style = Style {
                lower_case: bits & 1 != 0,
                counts: bits & 2 != 0,
                ending: if bits & 4 != 0 { "\n" } else { "\r\n" },
                mark: bits & 8 != 0,
                last_ending: bits & 16 != 0,
            };
            let list = open(text(kind, &all, style)).unwrap();
            assert_eq!((list.form(), list.hash_kind()), ("text", kind));
            assert_has(&list, 2000);
        }
    }
}

#[test]
fn lists_of_any_size_are_searched_to_their_ends() {
    for count in (1..70).chain([100, 1000, 5000]) {
        let all = hashes(HashKind::Sha1, count);
        let list = open(text(HashKind::Sha1, &all, PLAIN)).unwrap();
        assert_has(&list, count);
        let count = u64::try_from(count).unwrap();
        assert!(list.entries().abs_diff(count) <= count / 10 + 1);
    }
}

#[test]
fn sorted_binary_is_read_in_every_layout() {
    let (sha1, ntlm) = (hashes(HashKind::Sha1, 3000), hashes(HashKind::Ntlm, 3000));
    let counts: [Option<Count>; 3] = [None, Some(u32::to_le_bytes), Some(u32::to_be_bytes)];
    for count in counts {
        for (all, kept, kind) in [
            (&sha1, 20, HashKind::Sha1),
            (&sha1, 8, HashKind::Sha1),
            (&ntlm, 16, HashKind::Ntlm),
        ] {
            let list = open(binary(all, kept, count)).unwrap();
            assert_eq!(
                (list.form(), list.hash_kind(), list.entries()),
                ("binary", kind, 3000)
            );
            assert_has(&list, 3000);
        }
    }
}

#[test]
fn range_files_are_read_in_any_order_and_under_every_name() {
    for kind in [HashKind::Sha1, HashKind::Ntlm] {
        for (lower_case, extension) in [(false, ""), (false, ".txt"), (true, ""), (true, ".txt")] {
            let mut folder = Folder::of(kind, &hashes(kind, 500));
            // The first files tell what the hashes are.
            let digits = kind.length() * 2 - 5;
            folder.files.insert(
                "00000".to_owned(),
                format!("{}:1\n", "0".repeat(digits)).into_bytes(),
            );
            (folder.lower_case, folder.extension) = (lower_case, extension);
            let list = BreachList::open(Place::Folder(Box::new(folder))).unwrap();
            assert_eq!((list.form(), list.hash_kind()), ("ranges", kind));
            assert_has(&list, 500);
        }
    }
}

fn range_of(password: &str) -> (String, String) {
    let hash = PasswordHash::of(HashKind::Sha1, &Secret::new(password.to_owned()));
    let line = hex(HashKind::Sha1, &hash.0);
    let (name, rest) = line.split_at(5);
    (name.to_owned(), rest.to_owned())
}

fn folder_with(name: &str, content: &str) -> Folder {
    let mut folder = Folder::of(HashKind::Sha1, &BTreeSet::new());
    folder.files.insert(
        "00000".to_owned(),
        format!("{}:1\n", "0".repeat(35)).into_bytes(),
    );
    folder
        .files
        .insert(name.to_owned(), content.as_bytes().to_vec());
    folder
}

#[test]
fn what_was_never_seen_only_fills_a_range_file() {
    let (name, rest) = range_of("hunter2");
    for (count, expected) in [(0, false), (1, true)] {
        let folder = folder_with(&name, &format!("{rest}:{count}\r\n"));
        let list = BreachList::open(Place::Folder(Box::new(folder))).unwrap();
        let hunter2 = Secret::new("hunter2".to_owned());
        assert_eq!(list.contains(&hunter2).unwrap(), expected);
    }
}

#[test]
fn a_range_file_that_is_missing_or_something_else_is_an_error_and_no_answer() {
    let (name, rest) = range_of("hunter2");
    let hunter2 = Secret::new("hunter2".to_owned());
    let mut folder = folder_with(&name, &format!("{rest}:1\n"));
    folder.missing = Some(name.clone());
    let list = BreachList::open(Place::Folder(Box::new(folder))).unwrap();
    let error = list.contains(&hunter2).unwrap_err();
    assert!(matches!(error, BreachError::NoRange { prefix } if prefix == name));
    let folder = folder_with(&name, "<html>too many requests</html>");
    let list = BreachList::open(Place::Folder(Box::new(folder))).unwrap();
    let error = list.contains(&hunter2).unwrap_err();
    assert!(matches!(error, BreachError::Line { .. }));
    let mut folder = folder_with(&name, "");
    folder.missing = Some("FFFFF".to_owned());
    let opened = BreachList::open(Place::Folder(Box::new(folder)));
    assert!(matches!(opened, Err(BreachError::NoRange { .. })));
}

/// A folder whose files have so many lines each.
fn dense_folder(lines: u32) -> Folder {
    let lines = (0..lines).map(|at| format!("{:035X}:3\r\n", u128::from(at) << 90));
    let mut folder = Folder::of(HashKind::Sha1, &BTreeSet::new());
    folder.other = lines.collect::<String>().into_bytes();
    folder
}

#[test]
fn a_range_file_that_is_empty_or_cut_off_is_an_error_and_no_answer() {
    let (name, _) = range_of("hunter2");
    let hunter2 = Secret::new("hunter2".to_owned());
    let whole = dense_folder(100).other;
    let line = whole.len() / 100;
    let (by_name, by_line) = ("not finished", "cut off there");
    for (kept, told) in [
        (0, by_name),
        (line, by_name),
        (10 * line, by_name),
        // In the hash, before the colon, after it.
        (99 * line + 20, by_line),
        (99 * line + 35, by_line),
        (99 * line + 36, by_line),
    ] {
        let cut = |name: &str| {
            let mut folder = dense_folder(100);
            folder.files.insert(name.to_owned(), whole[..kept].to_vec());
            BreachList::open(Place::Folder(Box::new(folder)))
        };
        let error = cut(&name).unwrap().contains(&hunter2).unwrap_err();
        assert!(error.to_string().contains(told), "{kept}: {error}");
        let list = cut("00001").unwrap();
        let mut out = Cursor::new(Vec::new());
        let error = build(&list, &mut out, Moment(0), &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains(told), "{kept}: {error}");
        // One of those by which the size of all is reckoned.
        assert!(cut("04000").is_err(), "{kept} bytes");
    }
    // As many more or fewer as chance has it, with the last line's end or without it.
    for kept in [60 * line, 100 * line - 2] {
        let mut folder = dense_folder(100);
        folder.files.insert(name.clone(), whole[..kept].to_vec());
        let list = BreachList::open(Place::Folder(Box::new(folder))).unwrap();
        assert!(!list.contains(&hunter2).unwrap());
    }
}

#[test]
fn lines_that_only_fill_a_range_file_do_not_make_up_for_those_that_are_missing() {
    let (name, _) = range_of("hunter2");
    let mut folder = dense_folder(100);
    let filled = String::from_utf8(folder.other.clone()).unwrap();
    let filled = filled.replace(":3\r", ":0\r").into_bytes();
    folder.files.insert(name, filled);
    let list = BreachList::open(Place::Folder(Box::new(folder))).unwrap();
    assert!(list.contains(&Secret::new("hunter2".to_owned())).is_err());
}

#[test]
fn a_list_by_count_is_refused_and_not_searched_in_vain() {
    let all = hashes(HashKind::Sha1, 1000);
    let mut lines: Vec<Hash> = all.into_iter().collect();
    // As hashes of other hashes fall: no order at all.
    lines.sort_by_key(|hash| leading(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let lines = lines.iter().enumerate();
    let lines = lines.map(|(at, hash)| format!("{}:{}\n", hex(HashKind::Sha1, hash), 1000 - at));
    let text: String = lines.collect();
    assert_refused(text.into_bytes(), |error| {
        matches!(error, BreachError::Unordered | BreachError::Uneven)
    });
}

#[test]
fn a_disorder_that_no_sample_shows_is_an_error_when_it_matters() {
    let all: Vec<Hash> = hashes(HashKind::Sha1, 20_000).into_iter().collect();
    let mut bytes: Vec<u8> = all.iter().flat_map(|hash| hash.iter().copied()).collect();
    // Two records that lie between two samples change places.
    let (from, to) = (20 * 10_001, 20 * 10_009);
    for at in 0..20 {
        bytes.swap(from + at, to + at);
    }
    let list = open(bytes).unwrap();
    let mut out = Cursor::new(Vec::new());
    let built = build(&list, &mut out, Moment(0), &mut |_| ());
    assert!(matches!(built, Err(BreachError::Unordered)));
}

#[test]
fn a_list_that_is_cut_off_is_refused() {
    let all = hashes(HashKind::Sha1, 5000);
    let whole = text(HashKind::Sha1, &all, PLAIN);
    // In the middle of a line.
    assert_refused(whole[..whole.len() - 20].to_vec(), |error| {
        matches!(error, BreachError::Line { .. })
    });
    // Between two lines, where nothing is wrong with what is left but that it ends too early.
    let half: BTreeSet<Hash> = all.iter().take(3500).copied().collect();
    assert_refused(text(HashKind::Sha1, &half, PLAIN), |error| {
        matches!(error, BreachError::Uneven)
    });
    let hole: BTreeSet<Hash> = all
        .iter()
        .enumerate()
        .filter(|(at, _)| !(1000..4000).contains(at))
        .map(|(_, hash)| *hash)
        .collect();
    assert_refused(binary(&hole, 20, None), |error| {
        matches!(error, BreachError::Uneven)
    });
    let bytes = binary(&all, 20, None);
    assert_refused(bytes[..bytes.len() - 7].to_vec(), |error| {
        matches!(error, BreachError::Unknown)
    });
}

#[test]
fn what_is_no_list_is_refused_by_name() {
    assert_refused(Vec::new(), |error| matches!(error, BreachError::Empty));
    assert_refused(b"7z\xBC\xAF\x27\x1C and more".to_vec(), |error| {
        matches!(error, BreachError::Packed)
    });
    assert_refused(b"password\nletmein\nqwerty\n".to_vec(), |error| {
        matches!(error, BreachError::Unknown)
    });
    assert_refused(b"abcdef\n".to_vec(), |error| {
        matches!(error, BreachError::Line { .. })
    });
    assert_refused(b"\n\n\n".to_vec(), |error| {
        matches!(error, BreachError::Line { .. })
    });
    assert_refused(vec![0; 4000], |error| matches!(error, BreachError::Unknown));
    let noise: Vec<u8> = (0..24_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0])
        .collect();
    assert_refused(noise, |error| {
        matches!(error, BreachError::Unknown | BreachError::Uneven)
    });
    let none = Folder {
        files: BTreeMap::new(),
        other: Vec::new(),
        extension: ".gz",
        lower_case: false,
        missing: None,
    };
    let opened = BreachList::open(Place::Folder(Box::new(none)));
    assert!(matches!(opened, Err(BreachError::Unknown)));
}

#[test]
fn a_broken_line_between_two_good_ones_is_told_where_it_matters() {
    let all = hashes(HashKind::Sha1, 4000);
    let mut bytes = text(HashKind::Sha1, &all, PLAIN);
    let middle = bytes.len() / 2;
    bytes[middle..middle + 60].fill(b'x');
    let list = open(bytes);
    let failed = match list {
        Err(error) => error,
        Ok(list) => {
            let mut out = Cursor::new(Vec::new());
            build(&list, &mut out, Moment(0), &mut |_| ()).unwrap_err()
        }
    };
    assert!(matches!(failed, BreachError::Line { .. }), "{failed:?}");
}

#[test]
fn a_filter_of_every_form_has_all_its_hashes() {
    for kind in [HashKind::Sha1, HashKind::Ntlm] {
        let all = hashes(kind, 3000);
        let forms = [
            open(text(kind, &all, PLAIN)).unwrap(),
            open(binary(&all, kind.length(), None)).unwrap(),
        ];
        let filters: Vec<Vec<u8>> = forms.iter().map(filter_of).collect();
        assert_eq!(filters[0], filters[1]);
        let list = open(filters[0].clone()).unwrap();
        assert_eq!(
            (list.form(), list.hash_kind(), list.entries()),
            ("filter", kind, 3000)
        );
        assert_eq!(list.made(), Some(Moment(7)));
        for number in 0..3000 {
            assert!(list.contains(&Secret::new(number.to_string())).unwrap());
        }
        let mut out = Cursor::new(Vec::new());
        let again = build(&list, &mut out, Moment(0), &mut |_| ());
        assert!(matches!(again, Err(BreachError::IsFilter)));
    }
}

#[test]
fn filters_of_every_small_size_can_be_made_and_asked() {
    for count in (1..40).chain([63, 64, 65, 200]) {
        let list = open(text(HashKind::Sha1, &hashes(HashKind::Sha1, count), PLAIN)).unwrap();
        let filter = open(filter_of(&list)).unwrap();
        for number in 0..count {
            assert!(filter.contains(&Secret::new(number.to_string())).unwrap());
        }
    }
}

#[test]
fn a_filter_of_several_shards_misses_nothing_and_is_small() {
    let all = hashes(HashKind::Sha1, 60_000);
    let list = open(binary(&all, 20, None)).unwrap();
    let bytes = filter_of(&list);
    let bits_each = 8.0 * f64::from(u32::try_from(bytes.len()).unwrap()) / 60_000.0;
    assert!(bits_each < 21.0, "{bits_each} bits");
    let filter = open(bytes).unwrap();
    for hash in all.iter().step_by(37) {
        assert!(
            filter
                .contains_hash(&PasswordHash(zeroize::Zeroizing::new(*hash)))
                .unwrap()
        );
    }
}

#[test]
fn a_filter_is_wrong_as_often_as_it_says() {
    let list = open(binary(&hashes(HashKind::Sha1, 300), 20, None)).unwrap();
    let filter = open(filter_of(&list)).unwrap();
    let mut wrong = 0_u32;
    for number in 0..400_000_u64 {
        let mut hash: Hash = [0; 20];
        let key = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash[..8].copy_from_slice(&key.to_be_bytes());
        let is_there = filter
            .contains_hash(&PasswordHash(zeroize::Zeroizing::new(hash)))
            .unwrap();
        wrong += u32::from(is_there);
    }
    let expected = 400_000.0 * filter.false_positive_rate();
    let rate = f64::from(wrong) / expected;
    assert!(
        rate > 0.1 && rate < 4.0,
        "{wrong}, where {expected} were expected"
    );
}

#[test]
fn a_filter_that_was_changed_or_cut_off_anywhere_is_refused_or_an_error() {
    let all = hashes(HashKind::Sha1, 300);
    let whole = filter_of(&open(binary(&all, 20, None)).unwrap());
    let asked = |bytes: Vec<u8>| -> Result<(), BreachError> {
        let filter = open(bytes)?;
        for number in 0..5 {
            filter.contains(&Secret::new(number.to_string()))?;
        }
        Ok(())
    };
    asked(whole.clone()).unwrap();
    for at in (0..whole.len()).step_by(3) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        assert!(asked(changed).is_err(), "byte {at}");
    }
    for length in (0..whole.len()).step_by(11) {
        assert!(asked(whole[..length].to_vec()).is_err(), "{length} bytes");
    }
    let mut newer = whole;
    newer[8] = 2;
    assert!(matches!(asked(newer), Err(BreachError::Newer)));
}

#[test]
fn hostile_numbers_in_a_filter_are_refused_before_anything_is_allocated() {
    let shard = filter::Shard {
        offset: u64::MAX - 10,
        seed: 0,
        segment: 1 << 18,
        segments: u32::MAX - (1 << 18) + 1,
        fingerprints: u32::MAX,
        checksum: 0,
    };
    let hostile = [
        shard,
        filter::Shard {
            segment: 0,
            segments: 1,
            fingerprints: 1,
            offset: 64,
            ..shard
        },
        filter::Shard {
            segment: 3,
            segments: 3,
            fingerprints: 9,
            offset: 64,
            ..shard
        },
        filter::Shard {
            segment: 4,
            segments: 6,
            fingerprints: 14,
            offset: 64,
            ..shard
        },
        filter::Shard {
            segment: 4,
            segments: 4,
            fingerprints: 11,
            offset: 64,
            ..shard
        },
        filter::Shard {
            segment: 4,
            segments: 4,
            fingerprints: 12,
            offset: 1 << 40,
            ..shard
        },
    ];
    for shard in hostile {
        let head = filter::Head {
            kind: HashKind::Sha1,
            shard_bits: 0,
            entries: 1,
            made: Moment(0),
        };
        let mut bytes = filter::write_head(&head, &[shard]);
        bytes.extend_from_slice(&[0; 400]);
        assert_refused(bytes, |error| matches!(error, BreachError::Damaged));
    }
    let head = filter::Head {
        kind: HashKind::Sha1,
        shard_bits: 63,
        entries: 1,
        made: Moment(0),
    };
    assert_refused(filter::write_head(&head, &[]), |error| {
        matches!(error, BreachError::Damaged)
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_list_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), form in 0..3_u8) {
        match form {
            0 => bytes.splice(0..0, b"KFBREACH\x01\0\x01\0\0\0\0\0".iter().copied()).for_each(drop),
            1 => bytes.iter_mut().for_each(|byte| *byte = b"0123456789ABCDEF:\r\n"[usize::from(*byte) % 19]),
            _ => {}
        }
        if let Ok(list) = open(bytes) {
            let _ = list.contains(&Secret::new("hunter2".to_owned()));
            let mut out = Cursor::new(Vec::new());
            let _ = build(&list, &mut out, Moment(0), &mut |_| ());
        }
    }

    #[test]
    fn a_search_says_what_a_look_at_every_line_says(asked in proptest::collection::btree_set(any::<[u8; 8]>(), 1..40), count in 20..400_usize) {
        let all = hashes(HashKind::Sha1, count);
        let list = open(text(HashKind::Sha1, &all, PLAIN)).unwrap();
        for start in asked {
            let mut hash: Hash = [0; 20];
            hash[..8].copy_from_slice(&start);
            let hash = PasswordHash(zeroize::Zeroizing::new(hash));
            prop_assert_eq!(list.contains_hash(&hash).unwrap(), all.contains(&*hash.0));
        }
    }
}
