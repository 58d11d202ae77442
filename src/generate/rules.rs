//! What a password must look like: length, classes with minimums, and the `passwordrules` text that sites publish.
//!
//! Source: Apple, "Customizing Password AutoFill Rules". Reading is lenient about order, case and spaces; a property
//! that is not understood is refused, since a password that ignores it would be refused by the site instead.

use core::fmt;

/// Longest password, in characters.
pub const MAX_LENGTH: usize = 1024;
/// Length where nothing says otherwise: 131 bits with all classes.
pub const DEFAULT_LENGTH: usize = 20;
/// Longest rules text, in bytes.
const MAX_TEXT_BYTES: usize = 2048;
/// Most different `required` rules.
const MAX_REQUIREMENTS: usize = 8;
/// How much of a rules text an error repeats, in characters.
const SHOWN_CHARACTERS: usize = 40;

/// A set of ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Alphabet(u128);

impl Alphabet {
    /// Characters that are taken for one another on paper or in a poor font.
    pub const SIMILAR: Self = Self::of(b"Il1|O0oS5Z2B8");
    /// Everything printable but the space, which too many forms cut off.
    pub const PRINTABLE: Self = Self(
        Class::Lower.alphabet().0
            | Class::Upper.alphabet().0
            | Class::Digit.alphabet().0
            | Class::Symbol.alphabet().0,
    );

    /// The characters of a text; what is not ASCII is left out.
    #[must_use]
    pub const fn of(mut characters: &[u8]) -> Self {
        let mut set = 0;
        while let [first, rest @ ..] = characters {
            if first.is_ascii() {
                set |= 1_u128 << (*first as u32);
            }
            characters = rest;
        }
        Self(set)
    }

    /// The characters of a text that a person wrote.
    ///
    /// # Errors
    /// [`RulesError::Characters`] where there is none, or one that is not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.is_empty() || !printable {
            return Err(RulesError::Characters);
        }
        Ok(Self::of(text.as_bytes()))
    }

    /// Whether the character is in it.
    #[must_use]
    pub fn contains(self, character: u8) -> bool {
        character.is_ascii() && self.0 >> character & 1 == 1
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The characters in order.
    pub fn characters(self) -> impl Iterator<Item = u8> {
        (0..128_u8).filter(move |character| self.contains(*character))
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A class of characters that a minimum can be asked of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// a to z.
    Lower,
    /// A to Z.
    Upper,
    /// 0 to 9.
    Digit,
    /// The 32 other printable ASCII characters, without the space.
    Symbol,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Lower, Self::Upper, Self::Digit, Self::Symbol];

    /// Its characters.
    #[must_use]
    pub const fn alphabet(self) -> Alphabet {
        match self {
            Self::Lower => Alphabet::of(b"abcdefghijklmnopqrstuvwxyz"),
            Self::Upper => Alphabet::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            Self::Digit => Alphabet::of(b"0123456789"),
            Self::Symbol => Alphabet::of(b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        }
    }
}

/// Why no password is generated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RulesError {
    /// Not 1 to [`MAX_LENGTH`] characters.
    Length,
    /// The length asked for is not one that the rules text allows.
    LengthOutsideRules {
        /// Shortest that it allows.
        min: usize,
        /// Longest that it allows.
        max: usize,
    },
    /// The rules text, or its number of requirements, is over its limit.
    TooLong,
    /// A piece of the rules text is no `property: value`, or a `[` is never closed.
    Syntax(String),
    /// A property whose value is no number where one is needed.
    Number(String),
    /// A property that is not understood.
    UnknownProperty(String),
    /// A class that is not understood.
    UnknownClass(String),
    /// No character is allowed at all, or none that a requirement could take.
    NothingAllowed,
    /// No password meets all requirements at this length.
    Impossible,
    /// Counting the passwords would take too long: high minimums or a high `max-consecutive` with a great length.
    TooComplex,
    /// A set of characters is empty or has one that is not printable ASCII.
    Characters,
    /// Not 1 to [`super::MAX_WORDS`] words.
    Words,
    /// The separator is longer than [`super::MAX_SEPARATOR_BYTES`] or has control characters.
    Separator,
}

impl fmt::Display for RulesError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => formatter.write_str("the length must be 1 to 1024 characters"),
            Self::LengthOutsideRules { min, max } => {
                write!(formatter, "the rules allow {min} to {max} characters")
            }
            Self::TooLong => formatter.write_str("the rules are too long"),
            Self::Syntax(text) => write!(formatter, "not a rule: {text}"),
            Self::Number(text) => write!(formatter, "not a number: {text}"),
            Self::UnknownProperty(name) => write!(formatter, "unknown rule: {name}"),
            Self::UnknownClass(name) => write!(formatter, "unknown class of characters: {name}"),
            Self::NothingAllowed => formatter.write_str("the rules leave no character to choose"),
            Self::Impossible => {
                formatter.write_str("no password of this length meets all the rules")
            }
            Self::TooComplex => formatter
                .write_str("too long for so many minimums; make it shorter or ask for less"),
            Self::Characters => {
                formatter.write_str("a set of characters is one or more of printable ASCII")
            }
            Self::Words => formatter.write_str("a passphrase has 1 to 64 words"),
            Self::Separator => formatter
                .write_str("the separator must be at most 16 bytes without control characters"),
        }
    }
}

impl core::error::Error for RulesError {}

/// At least so many characters out of a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Requirement {
    pub(super) alphabet: Alphabet,
    pub(super) at_least: usize,
}

/// What a password must look like. The default is 20 characters with at least one of each class.
#[derive(Clone, Debug)]
pub struct Rules {
    length: usize,
    shortest: usize,
    longest: usize,
    allowed: Alphabet,
    required: Vec<Requirement>,
    max_consecutive: Option<usize>,
}

impl Default for Rules {
    fn default() -> Self {
        Class::ALL
            .into_iter()
            .fold(Self::free(DEFAULT_LENGTH), |rules, class| {
                rules.with_class(class, 1)
            })
    }
}

impl Rules {
    /// A length, all classes allowed, no minimums.
    #[must_use]
    pub fn free(length: usize) -> Self {
        Self {
            length,
            shortest: 1,
            longest: MAX_LENGTH,
            allowed: Alphabet::PRINTABLE,
            required: Vec::new(),
            max_consecutive: None,
        }
    }

    /// Exactly the characters of a set, no minimums.
    #[must_use]
    pub fn only(length: usize, allowed: Alphabet) -> Self {
        Self {
            allowed,
            ..Self::free(length)
        }
    }

    /// Reads `passwordrules` text: `minlength: 20; maxlength: 32; required: lower; required: [-]; max-consecutive: 2`.
    ///
    /// The length is [`DEFAULT_LENGTH`], or the nearest one that the text allows. What is required is allowed; with
    /// neither, everything printable is.
    ///
    /// # Errors
    /// [`RulesError`] with the piece that was not understood.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(RulesError::TooLong);
        }
        let mut rules = Self::only(DEFAULT_LENGTH, Alphabet::default());
        for piece in split_outside_brackets(text, ';')? {
            let piece = piece.trim();
            if piece.is_empty() {
                continue;
            }
            let (name, value) = piece
                .split_once(':')
                .ok_or_else(|| RulesError::Syntax(shown(piece)))?;
            rules.apply(&name.trim().to_ascii_lowercase(), value.trim())?;
        }
        if rules.allowed.is_empty() {
            rules.allowed = Alphabet::PRINTABLE;
        }
        if rules.shortest > MAX_LENGTH || rules.longest == 0 {
            return Err(RulesError::Length);
        }
        if rules.shortest > rules.longest {
            return Err(RulesError::Impossible);
        }
        rules.length = DEFAULT_LENGTH.clamp(rules.shortest, rules.longest);
        Ok(rules)
    }

    /// Another length.
    #[must_use]
    pub fn with_length(self, length: usize) -> Self {
        Self { length, ..self }
    }

    /// Allows a class and asks for so many characters of it; 0 allows it without asking.
    #[must_use]
    pub fn with_class(mut self, class: Class, at_least: usize) -> Self {
        let alphabet = class.alphabet();
        self.allowed = self.allowed.or(alphabet);
        self.required.retain(|row| row.alphabet != alphabet);
        self.required.push(Requirement { alphabet, at_least });
        self
    }

    /// Forbids a class.
    #[must_use]
    pub fn without_class(mut self, class: Class) -> Self {
        let alphabet = class.alphabet();
        self.allowed = self.allowed.without(alphabet);
        self.required.retain(|row| row.alphabet != alphabet);
        self
    }

    /// Allows a set and asks for one character of it at least.
    #[must_use]
    pub fn with_one_of(mut self, alphabet: Alphabet) -> Self {
        self.allowed = self.allowed.or(alphabet);
        if self.required.iter().all(|row| row.alphabet != alphabet) {
            self.required.push(Requirement {
                alphabet,
                at_least: 1,
            });
        }
        self
    }

    /// Forbids a set.
    #[must_use]
    pub fn without(mut self, alphabet: Alphabet) -> Self {
        self.allowed = self.allowed.without(alphabet);
        self
    }

    /// Forbids [`Alphabet::SIMILAR`].
    #[must_use]
    pub fn without_similar(self) -> Self {
        self.without(Alphabet::SIMILAR)
    }

    /// At most so many equal characters in a row.
    #[must_use]
    pub fn with_max_consecutive(mut self, most: usize) -> Self {
        self.max_consecutive = Some(self.max_consecutive.map_or(most, |old| old.min(most)));
        self
    }

    /// How many characters the password has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The rules with every limit checked.
    pub(super) fn check(&self) -> Result<Checked, RulesError> {
        if !(1..=MAX_LENGTH).contains(&self.length) {
            return Err(RulesError::Length);
        }
        if !(self.shortest..=self.longest).contains(&self.length) {
            return Err(RulesError::LengthOutsideRules {
                min: self.shortest,
                max: self.longest,
            });
        }
        let required: Vec<Requirement> = self
            .required
            .iter()
            .filter(|row| row.at_least > 0)
            .map(|row| Requirement {
                alphabet: row.alphabet.and(self.allowed),
                at_least: row.at_least,
            })
            .collect();
        if self.allowed.is_empty() || required.iter().any(|row| row.alphabet.is_empty()) {
            return Err(RulesError::NothingAllowed);
        }
        if required.len() > MAX_REQUIREMENTS {
            return Err(RulesError::TooLong);
        }
        if self.max_consecutive == Some(0) || required.iter().any(|row| row.at_least > self.length)
        {
            return Err(RulesError::Impossible);
        }
        Ok(Checked {
            length: self.length,
            allowed: self.allowed,
            required,
            max_consecutive: self.max_consecutive.filter(|most| *most < self.length),
        })
    }

    fn apply(&mut self, name: &str, value: &str) -> Result<(), RulesError> {
        match name {
            "required" => {
                *self = self.clone().with_one_of(parse_classes(value)?);
            }
            "allowed" => self.allowed = self.allowed.or(parse_classes(value)?),
            "minlength" => self.shortest = self.shortest.max(parse_number(value)?),
            "maxlength" => self.longest = self.longest.min(parse_number(value)?),
            "max-consecutive" => {
                let most = parse_number(value)?;
                self.max_consecutive = Some(self.max_consecutive.map_or(most, |old| old.min(most)));
            }
            _ => return Err(RulesError::UnknownProperty(shown(name))),
        }
        Ok(())
    }
}

/// Rules whose numbers are within their limits and whose sets are not empty.
pub(super) struct Checked {
    pub(super) length: usize,
    pub(super) allowed: Alphabet,
    pub(super) required: Vec<Requirement>,
    pub(super) max_consecutive: Option<usize>,
}

fn parse_number(value: &str) -> Result<usize, RulesError> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RulesError::Number(shown(value)));
    }
    // More digits than a number can have mean "a lot"; the limits on length judge that.
    Ok(value.parse().unwrap_or(usize::MAX))
}

/// Classes by name or as `[characters]`, separated by commas; any of them will do.
fn parse_classes(value: &str) -> Result<Alphabet, RulesError> {
    let mut set = Alphabet::default();
    for class in split_outside_brackets(value, ',')? {
        let class = class.trim();
        let own = class
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        set = set.or(match (own, class.to_ascii_lowercase().as_str()) {
            (Some(characters), _) => Alphabet::of(characters.as_bytes()).and(with_space()),
            (None, "lower") => Class::Lower.alphabet(),
            (None, "upper") => Class::Upper.alphabet(),
            (None, "digit") => Class::Digit.alphabet(),
            (None, "special") => Class::Symbol.alphabet().without(Alphabet::of(b"\\/")),
            (None, "ascii-printable" | "unicode") => Alphabet::PRINTABLE,
            (None, _) => return Err(RulesError::UnknownClass(shown(class))),
        });
    }
    if set.is_empty() {
        return Err(RulesError::NothingAllowed);
    }
    Ok(set)
}

/// What a class of one's own may name: a space too, if the site asks for it by name.
fn with_space() -> Alphabet {
    Alphabet::PRINTABLE.or(Alphabet::of(b" "))
}

/// Splits where the separator stands outside `[...]`. Inside, `]` is a character only as the last one: `[a]]`.
fn split_outside_brackets(text: &str, separator: char) -> Result<Vec<&str>, RulesError> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut inside = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '[' if !inside => inside = true,
            ']' if inside => {
                characters.next_if(|(_, next)| *next == ']');
                inside = false;
            }
            _ if character == separator && !inside => {
                pieces.push(text.get(start..at).unwrap_or_default());
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    let last = text.get(start..).unwrap_or_default();
    if inside {
        return Err(RulesError::Syntax(shown(last.trim())));
    }
    pieces.push(last);
    Ok(pieces)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checked(text: &str) -> Checked {
        Rules::parse(text).unwrap().check().unwrap()
    }

    #[test]
    fn apples_own_example_is_read() {
        let rules = checked(
            "minlength: 20; maxlength: 32; required: lower; required: upper; required: digit; required: [-]; allowed: ascii-printable; max-consecutive: 2",
        );
        assert_eq!((rules.length, rules.max_consecutive), (20, Some(2)));
        assert_eq!(rules.allowed, Alphabet::PRINTABLE);
        assert_eq!(rules.required.len(), 4);
        assert_eq!(rules.required[3].alphabet, Alphabet::of(b"-"));
    }

    #[test]
    fn required_alone_is_also_all_that_is_allowed() {
        let rules = checked(" Required : lower , [$]] ;; REQUIRED: digit;");
        let first = Class::Lower.alphabet().or(Alphabet::of(b"$]"));
        assert_eq!(rules.required[0].alphabet, first);
        assert_eq!(rules.allowed, first.or(Class::Digit.alphabet()));
        assert_eq!(checked("").allowed, Alphabet::PRINTABLE);
    }

    #[test]
    fn brackets_hide_separators_and_drop_what_is_not_ascii() {
        let rules = checked("allowed: [;,:[é\u{7}]; required: [ab], digit");
        assert_eq!(rules.required[0].alphabet, Alphabet::of(b"ab0123456789"));
        assert_eq!(rules.allowed, Alphabet::of(b";,:[ab0123456789"));
    }

    #[test]
    fn length_is_the_nearest_that_the_text_allows() {
        assert_eq!(checked("maxlength: 12").length, 12);
        assert_eq!(checked("minlength: 30; minlength: 25").length, 30);
        assert_eq!(
            checked("minlength: 8; maxlength: 99999999999999999999").length,
            20
        );
        let outside = Rules::parse("minlength: 8; maxlength: 12").unwrap();
        assert_eq!(
            outside.with_length(13).check().err(),
            Some(RulesError::LengthOutsideRules { min: 8, max: 12 })
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (text, error) in [
            (
                "minlenght: 8",
                RulesError::UnknownProperty("minlenght".to_owned()),
            ),
            (
                "allowed: emoji",
                RulesError::UnknownClass("emoji".to_owned()),
            ),
            ("minlength: ten", RulesError::Number("ten".to_owned())),
            ("minlength: -1", RulesError::Number("-1".to_owned())),
            ("lower", RulesError::Syntax("lower".to_owned())),
            (
                "allowed: [abc",
                RulesError::Syntax("allowed: [abc".to_owned()),
            ),
            ("required: []", RulesError::NothingAllowed),
            ("allowed: [é]", RulesError::NothingAllowed),
            ("minlength: 9; maxlength: 8", RulesError::Impossible),
            ("minlength: 1025", RulesError::Length),
            ("maxlength: 0", RulesError::Length),
        ] {
            assert_eq!(Rules::parse(text).err(), Some(error), "{text}");
        }
        let long = "allowed: lower;".repeat(200);
        assert_eq!(Rules::parse(&long).err(), Some(RulesError::TooLong));
    }

    #[test]
    fn lengths_and_sets_have_limits() {
        for (rules, error) in [
            (Rules::free(0), RulesError::Length),
            (Rules::free(MAX_LENGTH + 1), RulesError::Length),
            (
                Rules::only(8, Alphabet::default()),
                RulesError::NothingAllowed,
            ),
            (
                Rules::only(8, Alphabet::of(b"0O")).without_similar(),
                RulesError::NothingAllowed,
            ),
            (
                Rules::free(8).with_max_consecutive(0),
                RulesError::Impossible,
            ),
            (
                Rules::free(8).with_class(Class::Digit, 9),
                RulesError::Impossible,
            ),
        ] {
            assert_eq!(rules.check().err(), Some(error.clone()), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(allowed|required|minlength|max-consecutive|[a-z]{0,3})[:; ]{0,2}[\\[\\]a-z0-9,;:é]{0,12}") {
            if let Ok(rules) = Rules::parse(&text) {
                let _ = rules.check();
            }
        }
    }
}
