//! Addresses that only look like a stored one: what a page, a mail or an import makes people take for another host.
//!
//! What is found here is never answered with a secret, it is only a reason to warn (attack B18). Nothing here decides
//! that two addresses do belong together; that is [`super::origin`].

use std::sync::LazyLock;

use super::origin::Origin;

/// More looks than an honest address has; one that has more is held against every stored address instead.
const LOOKS_LIMIT: usize = 1024;

/// What makes an address look like another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disguise {
    /// Something stands before an `@`, where a host is easily read into: `https://google.com@evil.net`.
    UserInfo,
    /// The letters only look the same: `gооgle.com` in Cyrillic, its `xn--` form, `paypa1.com`.
    Confusable,
    /// The stored domain stands inside another one: `google.com.evil.net`.
    Embedded,
}

impl Disguise {
    /// What to tell the user, as the end of a sentence about the address.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::UserInfo => "has text before an @, which is not the host",
            Self::Confusable => "has letters that only look like it",
            Self::Embedded => "has it as a part of another domain",
        }
    }
}

/// A query that nothing answered, made ready to be held against many stored addresses.
pub struct Suspect<'a> {
    query: &'a Origin,
    host: String,
    site: String,
    user: Option<String>,
}

impl<'a> Suspect<'a> {
    pub(super) fn new(query: &'a Origin) -> Self {
        Self {
            query,
            host: skeleton(&query.host()),
            site: skeleton(&query.site_or_host()),
            user: query.user().map(skeleton),
        }
    }

    /// How the query is made to look like the stored address, if it is.
    pub(super) fn imitates(&self, stored: &Origin) -> Option<Disguise> {
        let related = self.query.site_or_host() == stored.site_or_host();
        if !self.query.is_web() || !stored.is_web() || related {
            return None;
        }
        let site = skeleton(&stored.site_or_host());
        if self.user.as_deref().is_some_and(|user| {
            user == site || user.ends_with(&format!(".{site}")) || embeds(user, &site)
        }) {
            return Some(Disguise::UserInfo);
        }
        if self.site == site || self.host == skeleton(&stored.host()) {
            return Some(Disguise::Confusable);
        }
        embeds(&self.host, &site).then_some(Disguise::Embedded)
    }

    /// The address that is asked for.
    #[must_use]
    pub fn query(&self) -> &Origin {
        self.query
    }

    /// What the site or the host of every imitated address looks like, and other texts; `None` where there are too many.
    pub(super) fn looks(&self) -> Option<Vec<&str>> {
        let mut looks = vec![self.site.as_str(), self.host.as_str()];
        add_embedded(&self.host, &mut looks)?;
        if let Some(user) = &self.user {
            looks.push(user);
            looks.extend(
                user.match_indices('.')
                    .filter_map(|(at, _)| user.get(at + 1..)),
            );
            add_embedded(user, &mut looks)?;
        }
        (looks.len() <= LOOKS_LIMIT).then_some(looks)
    }
}

/// Adds every text that [`embeds`] could find in a host; `None` where that makes too many.
fn add_embedded<'a>(host: &'a str, looks: &mut Vec<&'a str>) -> Option<()> {
    let mut starts = vec![0];
    let mut before = None;
    for (at, character) in host.char_indices() {
        if before.is_some_and(|before| !is_part(before)) {
            starts.push(at);
        }
        before = Some(character);
        if !is_part(character) {
            let found = starts.iter().filter_map(|start| host.get(*start..at));
            looks.extend(found.filter(|found| found.contains('.')));
            if looks.len() > LOOKS_LIMIT {
                return None;
            }
        }
    }
    Some(())
}

/// What a host looks like (UTS #39, section 4), without case: equal for hosts that can be taken for each other.
pub(super) fn skeleton(host: &str) -> String {
    if host.is_ascii() && !host.contains("xn--") {
        let table = &*ASCII_SKELETONS;
        return host
            .bytes()
            .filter_map(|byte| table.get(usize::from(byte)))
            .map(String::as_str)
            .collect();
    }
    skeleton_of_text(&idna::domain_to_unicode(host).0)
}

fn skeleton_of_text(text: &str) -> String {
    // Prototypes may be capitals, as `O` is that of `0`.
    unicode_security::skeleton(&text.to_lowercase())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The skeleton of each ASCII character. Nearly all stored hosts are ASCII, and one by one is ten times quicker.
static ASCII_SKELETONS: LazyLock<Vec<String>> = LazyLock::new(|| {
    (0..128_u8)
        .map(|byte| skeleton_of_text(char::from(byte).encode_utf8(&mut [0; 4])))
        .collect()
});

/// Whether `site` stands in `host` from a label's start to a label's end, and something else after it.
fn embeds(host: &str, site: &str) -> bool {
    site.contains('.')
        && host.match_indices(site).any(|(start, found)| {
            let before = host.get(..start).and_then(|text| text.chars().next_back());
            let after = host
                .get(start + found.len()..)
                .and_then(|text| text.chars().next());
            !before.is_some_and(is_part) && after.is_some_and(|character| !is_part(character))
        })
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::origin::{Match, matches};
    use proptest::prelude::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Attack B18: look-alike hosts, userinfo, suffix confusion.
    #[test]
    fn look_alikes_get_nothing_but_a_warning() {
        use Disguise::{Confusable, Embedded, UserInfo};
        for (query, stored, disguise) in [
            ("https://google.com@evil.net", "google.com", UserInfo),
            ("https://google.com:443@evil.net/", "google.com", UserInfo),
            (
                "https://www.google.com%2Flogin@evil.net",
                "google.com",
                UserInfo,
            ),
            (
                "google.com@evil.net",
                "https://accounts.google.com",
                UserInfo,
            ),
            ("https://gооgle.com@evil.net", "google.com", UserInfo),
            // The honest host of a query with userinfo is not served either.
            ("https://google.com@evil.net", "evil.net", UserInfo),
            ("https://me@example.com", "example.com", UserInfo),
            // Cyrillic о, also as it travels.
            ("https://gооgle.com", "google.com", Confusable),
            ("https://xn--ggle-55da.com", "google.com", Confusable),
            (
                "https://www.gооgle.com",
                "https://accounts.google.com",
                Confusable,
            ),
            // A whole label in Cyrillic: no script is mixed.
            ("https://аррӏе.com", "apple.com", Confusable),
            ("https://apple.com", "https://аррӏе.com", Confusable),
            ("http://gооgle.com", "google.com", Confusable),
            ("https://paypa1.com", "paypal.com", Confusable),
            ("https://g00gle.com", "google.com", Confusable),
            ("https://rnicrosoft.com", "microsoft.com", Confusable),
            ("https://google.com.evil.net", "google.com", Embedded),
            ("https://www.google.com.evil.net", "google.com", Embedded),
            ("https://google.com-login.evil.net", "google.com", Embedded),
            ("https://login-google.com.evil.net", "google.com", Embedded),
            ("https://gооgle.com.evil.net", "google.com", Embedded),
            ("https://google.com.github.io", "google.com", Embedded),
            ("https://a.github.io.evil.net", "a.github.io", Embedded),
            ("https://10.0.0.1.evil.net", "http://10.0.0.1", Embedded),
        ] {
            assert_eq!(
                matches(&origin(query), &origin(stored)),
                Match::LookAlike(disguise),
                "{query} for {stored}"
            );
        }
    }

    #[test]
    fn strangers_are_not_called_look_alikes() {
        for (query, stored) in [
            ("https://evilgoogle.com", "google.com"),
            ("https://google.com.evil.net", "evil.com"),
            ("https://google.com@evil.net", "example.com"),
            ("https://bücher.de", "https://buecher.de"),
            ("https://router.example.com", "router"),
            ("https://git.corp.internal", "corp.internal"),
            ("https://amazon.co.uk", "co.uk"),
            ("https://google.com:8443", "https://google.com:9443"),
            ("http://google.com", "https://google.com"),
            ("ssh://gооgle.com", "google.com"),
        ] {
            assert_eq!(
                matches(&origin(query), &origin(stored)),
                Match::No,
                "{query} for {stored}"
            );
        }
    }

    proptest! {
        #[test]
        fn ascii_skeletons_are_the_same_by_table(host in "[ -~]{0,20}") {
            prop_assume!(!host.contains("xn--"));
            prop_assert_eq!(skeleton(&host), skeleton_of_text(&host));
        }
    }
}
