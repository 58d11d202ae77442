//! JSON as a tree that is taken apart by ownership: texts move out of it into drafts and what stays is wiped.
//!
//! Unlike serde_json's own value it refuses a name that stands twice in an object (which of the two is the password?),
//! and counts depth, values and lengths while it reads.

use super::{
    ImportError, JsonProblem, MAX_FILE_BYTES, MAX_JSON_DEPTH, MAX_VALUE_BYTES, MAX_VALUES,
};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use zeroize::Zeroizing;

/// One value; names without escapes are borrowed from the text.
pub(super) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number; beyond 64 bits it has the precision of a double.
    Number(serde_json::Number),
    /// A text, wiped when dropped.
    Text(Zeroizing<String>),
    /// A list.
    List(Vec<Self>),
    /// Names and values in the file's order.
    Object(Object<'a>),
}

/// An object whose members are taken out one by one; null stays where one was.
#[derive(Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    /// Reads one JSON text with nothing after it.
    pub(super) fn parse(text: &'a str) -> Result<Self, ImportError> {
        Self::parse_up_to(text, MAX_VALUE_BYTES)
    }

    /// The same where one text may be as long as a file: the whole of an encrypted export.
    pub(super) fn parse_long(text: &'a str) -> Result<Self, ImportError> {
        Self::parse_up_to(text, MAX_FILE_BYTES)
    }

    fn parse_up_to(text: &'a str, longest: usize) -> Result<Self, ImportError> {
        let limits = Limits {
            longest,
            values: Cell::new(0),
            problem: Cell::new(None),
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let seed = Seed {
            limits: &limits,
            depth: 0,
        };
        seed.deserialize(&mut reader)
            .and_then(|value| reader.end().map(|()| value))
            .map_err(|error| ImportError::Json {
                line: error.line(),
                column: error.column(),
                problem: match limits.problem.get() {
                    Some(problem) => problem,
                    None if error.is_eof() => JsonProblem::CutOff,
                    None => JsonProblem::Syntax,
                },
            })
    }

    /// Whether it says nothing: null, an empty text, or nothing but such in a list or object.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.iter().all(Self::is_nothing),
            Self::Object(object) => object.is_nothing(),
            Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// A text, number or truth value as text; `Err` gives anything else back.
    pub(super) fn into_text(self) -> Result<String, Self> {
        match self {
            Self::Text(mut text) => Ok(std::mem::take(&mut *text)),
            Self::Number(number) => Ok(number.to_string()),
            Self::Bool(value) => Ok(value.to_string()),
            other => Err(other),
        }
    }

    /// The whole value as compact JSON, in one buffer that never grows.
    pub(super) fn to_compact(&self) -> String {
        let mut buffer = Vec::with_capacity(self.longest_compact());
        match serde_json::to_writer(&mut buffer, self) {
            Ok(()) => String::from_utf8(buffer).unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// An upper bound on the compact form's length: a byte takes six at most (`\u0000`).
    fn longest_compact(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 5,
            Self::Number(_) => 32,
            Self::Text(text) => text.len() * 6 + 2,
            Self::List(values) => {
                2 + values
                    .iter()
                    .map(|v| v.longest_compact() + 1)
                    .sum::<usize>()
            }
            Self::Object(object) => {
                let members = object.0.iter();
                2 + members
                    .map(|(name, value)| name.len() * 6 + 4 + value.longest_compact())
                    .sum::<usize>()
            }
        }
    }
}

impl<'a> Object<'a> {
    /// Takes a member out; `None` where it is absent or null.
    pub(super) fn take(&mut self, name: &str) -> Option<Json<'a>> {
        self.take_as(name, Ok)
    }

    /// Takes a text, number or truth value out, as text; an empty one is `None`, anything else stays.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        self.take_as(name, Json::into_text)
            .filter(|text| !text.is_empty())
    }

    /// Takes a list out; anything else stays.
    pub(super) fn take_list(&mut self, name: &str) -> Option<Vec<Json<'a>>> {
        self.take_as(name, |value| match value {
            Json::List(values) => Ok(values),
            other => Err(other),
        })
    }

    /// Takes an object out; anything else stays.
    pub(super) fn take_object(&mut self, name: &str) -> Option<Self> {
        self.take_as(name, |value| match value {
            Json::Object(object) => Ok(object),
            other => Err(other),
        })
    }

    /// Takes `true` or `false` out, absent is `false`; anything else stays.
    pub(super) fn take_flag(&mut self, name: &str) -> bool {
        let flag = self.take_as(name, |value| match value {
            Json::Bool(value) => Ok(value),
            other => Err(other),
        });
        flag.unwrap_or(false)
    }

    fn take_as<T>(
        &mut self,
        name: &str,
        convert: impl FnOnce(Json<'a>) -> Result<T, Json<'a>>,
    ) -> Option<T> {
        let (_, place) = self.0.iter_mut().find(|member| member.0 == name)?;
        if matches!(place, Json::Null) {
            return None;
        }
        match convert(std::mem::replace(place, Json::Null)) {
            Ok(value) => Some(value),
            Err(other) => {
                *place = other;
                None
            }
        }
    }

    /// Whether a member of this name is there, null or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|member| member.0 == name)
    }

    /// A member as it is, which stays.
    pub(super) fn member(&self, name: &str) -> Option<&Json<'a>> {
        let mut members = self.0.iter();
        members
            .find(|member| member.0 == name)
            .map(|member| &member.1)
    }

    /// Whether a member of this name says something.
    pub(super) fn says(&self, name: &str) -> bool {
        let mut members = self.0.iter();
        members.any(|member| member.0 == name && !member.1.is_nothing())
    }

    /// Whether nothing is left that says anything.
    pub(super) fn is_nothing(&self) -> bool {
        self.0.iter().all(|member| member.1.is_nothing())
    }

    /// What is left, and null for what was taken.
    pub(super) fn into_members(self) -> Vec<(Cow<'a, str>, Json<'a>)> {
        self.0
    }

    fn has_repeated_name(&self) -> bool {
        if self.0.len() < 12 {
            let mut names = self.0.iter().map(|member| &member.0).enumerate();
            return names.any(|(at, name)| self.0.iter().take(at).any(|other| other.0 == *name));
        }
        let mut names: Vec<&str> = self.0.iter().map(|member| member.0.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair.first() == pair.last())
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(values) => serializer.collect_seq(values),
            Self::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.0.len()))?;
                for (name, value) in &object.0 {
                    map.serialize_entry(name.as_ref(), value)?;
                }
                map.end()
            }
        }
    }
}

struct Limits {
    longest: usize,
    values: Cell<usize>,
    problem: Cell<Option<JsonProblem>>,
}

impl Limits {
    fn refuse<E: Error>(&self, problem: JsonProblem) -> E {
        self.problem.set(Some(problem));
        E::custom("limit")
    }

    fn count<E: Error>(&self) -> Result<(), E> {
        let values = self.values.get() + 1;
        self.values.set(values);
        if values > MAX_VALUES {
            return Err(self.refuse(JsonProblem::TooManyValues));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Seed<'s> {
    limits: &'s Limits,
    depth: usize,
}

impl Seed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_JSON_DEPTH {
            return Err(self.limits.refuse(JsonProblem::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        self.limits.count()?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
        if value.len() > self.limits.longest {
            return Err(self.limits.refuse(JsonProblem::ValueTooLong));
        }
        Ok(Json::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(seed)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut object = Object::default();
        while let Some(name) = access.next_key_seed(Name)? {
            object.0.push((name, access.next_value_seed(seed)?));
        }
        if object.has_repeated_name() {
            return Err(self.limits.refuse(JsonProblem::RepeatedName));
        }
        Ok(Json::Object(object))
    }
}

/// Reads a member's name, borrowed wherever the text allows.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<JsonProblem> {
        match Json::parse(text) {
            Err(ImportError::Json { problem, .. }) => Some(problem),
            _ => None,
        }
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        let text =
            r#"{"b":[1,-2,0.5,null,true],"a":{"x":"\"\\\n\u0000é𝄞"},"18446744073709551615":""}"#;
        assert_eq!(Json::parse(text).unwrap().to_compact(), text);
    }

    #[test]
    fn every_cut_is_refused_as_cut_off() {
        let text = r#"{"a":[{"b":"c"},12.5],"d":null}"#;
        for cut in 1..text.len() {
            assert_eq!(problem(&text[..cut]), Some(JsonProblem::CutOff), "{cut}");
        }
    }

    #[test]
    fn second_meanings_and_floods_are_refused() {
        assert_eq!(problem(r#"{"a":1,"a":2}"#), Some(JsonProblem::RepeatedName));
        let many: Vec<String> = (0..40).map(|n| format!("\"k{}\":0", n % 39)).collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(problem(&many), Some(JsonProblem::RepeatedName));
        assert_eq!(problem(&"[".repeat(100_000)), Some(JsonProblem::TooDeep));
        assert_eq!(problem("{} {}"), Some(JsonProblem::Syntax));
        assert_eq!(problem("[1,]"), Some(JsonProblem::Syntax));
        let long = format!("\"{}\"", "x".repeat(MAX_VALUE_BYTES + 1));
        assert_eq!(problem(&long), Some(JsonProblem::ValueTooLong));
        assert!(Json::parse_long(&long).is_ok());
        let floods = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert_eq!(problem(&floods), Some(JsonProblem::TooManyValues));
    }

    #[test]
    fn taking_leaves_what_does_not_fit() {
        let Ok(Json::Object(mut object)) =
            Json::parse(r#"{"a":null,"b":3,"c":[1],"d":"","e":true}"#)
        else {
            panic!("an object");
        };
        assert!(object.take_text("a").is_none());
        assert_eq!(object.take_text("b").as_deref(), Some("3"));
        assert!(object.take_text("c").is_none());
        assert!(object.take_text("d").is_none());
        assert!(object.take_flag("e"));
        let left = object.into_members().into_iter();
        let left: Vec<String> = left
            .filter(|member| !member.1.is_nothing())
            .map(|member| member.0.into_owned())
            .collect();
        assert_eq!(left, ["c"]);
    }
}
