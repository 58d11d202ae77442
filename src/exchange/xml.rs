//! XML as a tree that is taken apart by ownership: whatever no rule takes is still there at the end, and can be kept.
//!
//! No document type is accepted, so no entity but the five and characters by number: nothing grows when it is read. Depth
//! and count have limits, and texts are wiped when dropped, since any may be a secret.

use super::{ImportError, MAX_JSON_DEPTH, MAX_VALUES};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroizing;

/// Deepest nesting: folders lie in folders.
const MAX_DEPTH: usize = 4 * MAX_JSON_DEPTH;

/// What is wrong with an XML text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum XmlProblem {
    /// The text ends too early.
    CutOff,
    /// Not XML.
    Syntax,
    /// A document type, or an entity that only one could explain.
    DocumentType,
    /// Deeper than any honest one.
    TooDeep,
    /// More than [`MAX_VALUES`].
    TooManyValues,
}

impl fmt::Display for XmlProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::CutOff => "the XML is cut off",
            Self::Syntax => "it is not XML",
            Self::DocumentType => "the XML defines entities, which no export needs",
            Self::TooDeep => "the XML is nested too deeply",
            Self::TooManyValues => "the XML has too many elements",
        })
    }
}

/// The names that nearly all elements and attributes of a database have: a copy of each would take longer than all the rest.
const COMMON: [&str; 20] = [
    "String",
    "Key",
    "Value",
    "Protected",
    "True",
    "False",
    "Entry",
    "UUID",
    "Times",
    "CreationTime",
    "LastModificationTime",
    "LastAccessTime",
    "ExpiryTime",
    "Expires",
    "UsageCount",
    "LocationChanged",
    "IconID",
    "Tags",
    "AutoType",
    "History",
];

fn name_of(text: &str) -> Cow<'static, str> {
    let known = COMMON.iter().find(|known| **known == text);
    known.map_or_else(
        || Cow::Owned(text.to_owned()),
        |known| Cow::Borrowed(*known),
    )
}

/// One element. White space between its children is not kept.
#[derive(Default)]
pub(super) struct Element {
    pub(super) name: Cow<'static, str>,
    attributes: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(super) text: Zeroizing<String>,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads the only element of a document.
    pub(super) fn parse(text: &str) -> Result<Self, ImportError> {
        Builder::default().read(text).map_err(ImportError::Xml)
    }

    /// An attribute's value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|row| row.0 == name);
        found.map(|row| &*row.1)
    }

    /// Whether an attribute says `True`, in any case.
    pub(super) fn flag(&self, name: &str) -> bool {
        let value = self.attribute(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Has an attribute say `True`, whatever it said.
    pub(super) fn set_flag(&mut self, name: &'static str) {
        self.attributes.retain(|row| row.0 != name);
        self.attributes.push((name.into(), "True".into()));
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Takes the first child of this name out.
    pub(super) fn take(&mut self, name: &str) -> Option<Self> {
        let at = self.children.iter().position(|child| child.name == name)?;
        Some(self.children.remove(at))
    }

    /// Takes all children of this name out, in their order.
    pub(super) fn take_all(&mut self, name: &str) -> Vec<Self> {
        // Most have none: what is there need not be moved.
        if self.child(name).is_none() {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.children);
        let (taken, left) = all.into_iter().partition(|child| child.name == name);
        self.children = left;
        taken
    }

    /// Takes the text of the first child of this name; `None` where it is empty or not there.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        let child = self.take(name)?;
        let text = child.into_text();
        (!text.is_empty()).then_some(text)
    }

    /// The text.
    pub(super) fn into_text(mut self) -> String {
        std::mem::take(&mut *self.text)
    }

    /// Visits all elements in the document's order, this one first.
    pub(super) fn visit(&mut self, visitor: &mut impl FnMut(&mut Self)) {
        visitor(self);
        for child in &mut self.children {
            child.visit(visitor);
        }
    }
}

#[derive(Default)]
struct Builder<'t> {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
    /// White space at the beginning of the innermost element: between children it is nothing, before a text or alone it is.
    space: Cow<'t, str>,
}

impl<'t> Builder<'t> {
    fn read(mut self, text: &'t str) -> Result<Element, XmlProblem> {
        let mut reader = Reader::from_str(text);
        loop {
            let event = reader.read_event().map_err(|error| problem_of(&error))?;
            match event {
                Event::Start(start) => self.begin(&start)?,
                Event::Empty(start) => {
                    self.begin(&start)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.add_text(text.xml10_content()),
                Event::CData(text) => self.add(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = resolve(&reference)?;
                    self.add(character.encode_utf8(&mut [0; 4]));
                }
                Event::DocType(_) => return Err(XmlProblem::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if !self.open.is_empty() {
            return Err(XmlProblem::CutOff);
        }
        self.root.ok_or(XmlProblem::CutOff)
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), XmlProblem> {
        if self.root.is_some() {
            return Err(XmlProblem::Syntax);
        }
        if self.open.len() == MAX_DEPTH {
            return Err(XmlProblem::TooDeep);
        }
        let mut element = Element {
            name: name_of(start.name().as_ref()),
            ..Element::default()
        };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| XmlProblem::Syntax)?;
            self.tally()?;
            let name = name_of(attribute.key.as_ref());
            element.attributes.push((name, name_of(&attribute.value)));
        }
        self.tally()?;
        self.space = Cow::default();
        self.open.push(element);
        Ok(())
    }

    fn tally(&mut self) -> Result<(), XmlProblem> {
        self.count += 1;
        if self.count > MAX_VALUES {
            return Err(XmlProblem::TooManyValues);
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some(mut element) = self.open.pop() else {
            return;
        };
        let space = std::mem::take(&mut self.space);
        if element.children.is_empty() {
            if element.text.is_empty() && !space.is_empty() {
                *element.text = space.into_owned();
            }
        } else if element.text.trim().is_empty() {
            element.text = Zeroizing::default();
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    /// Adds a text, or keeps in mind that it is white space before whatever comes.
    fn add_text(&mut self, text: Cow<'t, str>) {
        let is_first = self.open.last().is_some_and(|open| open.text.is_empty());
        if is_first && self.space.is_empty() && text.trim().is_empty() {
            self.space = text;
        } else {
            self.add(&text);
        }
    }

    fn add(&mut self, text: &str) {
        if !self.space.is_empty() {
            let space = std::mem::take(&mut self.space);
            if let Some(element) = self.open.last_mut() {
                element.text.push_str(&space);
            }
        }
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, XmlProblem> {
    if let Some(character) = reference
        .resolve_char_ref()
        .map_err(|_| XmlProblem::Syntax)?
    {
        return Ok(character);
    }
    Ok(match &*reference.xml10_content() {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return Err(XmlProblem::DocumentType),
    })
}

fn problem_of(error: &quick_xml::Error) -> XmlProblem {
    use quick_xml::errors::IllFormedError;
    match error {
        quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_))
        | quick_xml::Error::Syntax(_) => XmlProblem::CutOff,
        _ => XmlProblem::Syntax,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> XmlProblem {
        match Element::parse(text) {
            Err(ImportError::Xml(problem)) => problem,
            Err(_) => panic!("another error"),
            Ok(_) => panic!("it is read"),
        }
    }

    #[test]
    fn a_tree_is_taken_apart_and_the_rest_is_left() {
        let text = "<?xml version=\"1.0\"?>\n<!-- a --><a x=\"1\" Protected=\"TRUE\">\n <b>one &lt;&#38;&#x41;<![CDATA[<c>]]></b>\n <d/><b> two </b></a>\n";
        let mut root = Element::parse(text).unwrap();
        assert_eq!((&*root.name, root.attribute("x")), ("a", Some("1")));
        assert!(root.flag("Protected") && !root.flag("x"));
        assert_eq!(*root.text, "");
        assert_eq!(root.take_text("b").as_deref(), Some("one <&A<c>"));
        assert_eq!(root.take_text("b").as_deref(), Some(" two "));
        assert_eq!(root.take_text("d"), None);
        assert!(root.children.is_empty());
    }

    #[test]
    fn white_space_counts_in_a_text_and_alone_and_not_between_children() {
        for (text, expected) in [
            ("<a>  </a>", "  "),
            ("<a> \n&amp; x</a>", " \n& x"),
            ("<a> <!-- b --> </a>", "  "),
            ("<a> <![CDATA[ ]]></a>", "  "),
            ("<a>x \n </a>", "x \n "),
            ("<a> <b/> </a>", ""),
            ("<a> <b/> x</a>", "x"),
        ] {
            let root = Element::parse(text).unwrap();
            assert_eq!(
                root.text.trim_start_matches(' ').is_empty(),
                expected.trim_start_matches(' ').is_empty(),
                "{text}"
            );
            if root.children.is_empty() {
                assert_eq!(*root.text, expected, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_whole_document_is_refused() {
        for (text, expected) in [
            ("", XmlProblem::CutOff),
            ("<a>", XmlProblem::CutOff),
            ("<a><b></a>", XmlProblem::Syntax),
            ("<a", XmlProblem::CutOff),
            ("<a/><b/>", XmlProblem::Syntax),
            ("<a>&x;</a>", XmlProblem::DocumentType),
            (
                "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
                XmlProblem::DocumentType,
            ),
            ("<a x=\"1\" x=\"2\"/>", XmlProblem::Syntax),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
        assert_eq!(problem(&"<a>".repeat(MAX_DEPTH + 1)), XmlProblem::TooDeep);
    }
}
