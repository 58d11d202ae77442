//! Web origins: which stored address an address belongs to, and which address only looks as if it did.
//!
//! A host is compared whole or by registrable domain, never as a substring. Whatever two programs could read in two
//! ways (a backslash, `0x7f.1`, a tab inside the host) is refused and not repaired, since the browser that shows a
//! page and this parser must never see two different hosts. What only looks alike is for [`super::look_alike`].

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use idna::AsciiDenyList;

use super::look_alike::{Disguise, Suspect};

/// Longest address that is looked at, in bytes.
pub const ADDRESS_LIMIT: usize = 4096;
/// Longest host name in bytes (RFC 1035, section 2.3.4, without the root's dot).
const HOST_LIMIT: usize = 253;
/// Longest label of a host name in bytes (RFC 1035, section 2.3.4).
const LABEL_LIMIT: usize = 63;
/// Longest scheme in bytes; the longest one registered has fewer than half of them.
const SCHEME_LIMIT: usize = 64;

/// Why a text is not an address that could be matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OriginError {
    /// Longer than [`ADDRESS_LIMIT`].
    TooLong,
    /// No host in it, as in `file:///home`.
    NoHost,
    /// A space, a control character or a backslash before the path.
    Ambiguous,
    /// Not a name, not an IP address in its usual spelling, or too long for one.
    BadHost,
    /// Not a number from 1 to 65535.
    BadPort,
}

impl fmt::Display for OriginError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::TooLong => "the address is longer than 4096 bytes",
            Self::NoHost => "the address names no host",
            Self::Ambiguous => {
                "the address has a space, a control character or a backslash in its host"
            }
            Self::BadHost => "the address has no valid host",
            Self::BadPort => "the address has no valid port",
        })
    }
}

impl std::error::Error for OriginError {}

/// Scheme, host and port of an address, and whatever stood before an `@`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: Option<u16>,
    user: Option<String>,
}

/// How well a stored address answers a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Match {
    /// The same host and port.
    Exact,
    /// The same registrable domain, or the same host where only one of the two names a port.
    SameSite,
    /// Not the same.
    No,
    /// Not the same, or not safely so, but made to look like it.
    LookAlike(Disguise),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Scheme {
    /// `https`, and whatever has no scheme: nobody who types `example.com` means an unprotected page.
    Https,
    Http,
    Other(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Host {
    /// ASCII form in lower case, without the root's dot, and where the registrable domain starts in it.
    Name {
        name: String,
        site: Option<usize>,
    },
    Address(IpAddr),
}

impl Origin {
    /// Reads an address as people type it: with or without scheme, user, port, path, Unicode, final dot. Without a
    /// scheme it counts as `https`.
    ///
    /// # Errors
    /// Whatever [`OriginError`] names.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let parts = Parts::parse(text)?;
        let scheme = match parts.scheme {
            None => Scheme::Https,
            Some(scheme) => match scheme.to_ascii_lowercase().as_str() {
                "https" => Scheme::Https,
                "http" => Scheme::Http,
                other => Scheme::Other(other.to_owned()),
            },
        };
        Ok(Self {
            scheme,
            host: Host::parse(parts.host)?,
            port: parts.port,
            user: parts.user.map(str::to_owned),
        })
    }

    /// The host as it goes over the wire: ASCII in lower case, IP addresses without brackets.
    #[must_use]
    pub fn host(&self) -> Cow<'_, str> {
        match &self.host {
            Host::Name { name, .. } => Cow::Borrowed(name),
            Host::Address(address) => Cow::Owned(address.to_string()),
        }
    }

    /// The registrable domain by the public suffix list, its private part included (`a.github.io` is one). `None` for
    /// IP addresses, for public suffixes themselves, and under suffixes that are not on the list: under those nobody
    /// knows which hosts belong together.
    #[must_use]
    pub fn site(&self) -> Option<&str> {
        match &self.host {
            Host::Name { name, site } => site.and_then(|start| name.get(start..)),
            Host::Address(_) => None,
        }
    }

    /// Whether it is plain `http`.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.scheme == Scheme::Http
    }

    /// The same address under `https`, where it was `http`.
    #[must_use]
    pub fn upgraded(&self) -> Self {
        let mut upgraded = self.clone();
        if upgraded.is_insecure() {
            upgraded.scheme = Scheme::Https;
        }
        upgraded
    }

    fn effective_port(&self) -> Option<u16> {
        self.port.or(match &self.scheme {
            Scheme::Https => Some(443),
            Scheme::Http => Some(80),
            Scheme::Other(_) => None,
        })
    }

    pub(super) fn is_web(&self) -> bool {
        !matches!(self.scheme, Scheme::Other(_))
    }

    /// What stands before an `@`; shown to nobody, since it may be a password.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The registrable domain, or where there is none the whole host.
    pub(super) fn site_or_host(&self) -> Cow<'_, str> {
        self.site().map_or_else(|| self.host(), Cow::Borrowed)
    }
}

impl fmt::Display for Origin {
    /// Scheme, host in ASCII form and port; never what stood before an `@`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match &self.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Other(scheme) => scheme,
        };
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(out, "{scheme}://[{address}]")?,
            _ => write!(out, "{scheme}://{}", self.host())?,
        }
        self.port.map_or(Ok(()), |port| write!(out, ":{port}"))
    }
}

/// Compares an address that somebody asks for with a stored one.
///
/// Scheme: an `https` query may get what was stored for `http`, never the other way round; other schemes only their
/// own. Port: two stated ports must be equal; where one is not stated, it counts as the scheme's, and a difference
/// makes at most [`Match::SameSite`]. A query with anything before an `@` never gets more than a warning.
#[must_use]
pub fn matches(query: &Origin, stored: &Origin) -> Match {
    match compare(query, stored) {
        Match::No => Suspect::new(query)
            .imitates(stored)
            .map_or(Match::No, Match::LookAlike),
        found => found,
    }
}

/// [`matches`] without the search for look-alikes, which is a hundred times slower; `LookAlike(UserInfo)` remains.
pub(super) fn compare(query: &Origin, stored: &Origin) -> Match {
    let schemes_agree = match (&query.scheme, &stored.scheme) {
        (Scheme::Https, Scheme::Https | Scheme::Http) | (Scheme::Http, Scheme::Http) => true,
        (Scheme::Other(one), Scheme::Other(other)) => one == other,
        _ => false,
    };
    let ports_differ =
        matches!((query.port, stored.port), (Some(one), Some(other)) if one != other);
    if !schemes_agree || ports_differ {
        return Match::No;
    }
    let same_host = query.host == stored.host;
    // A query without a port has its own scheme's; `http` stored without one stands for `https` too.
    let same_port = query.effective_port() == stored.effective_port()
        || (query.port.is_none() && stored.port.is_none());
    let found = if same_host && same_port {
        Match::Exact
    } else if same_host || (query.site().is_some() && query.site() == stored.site()) {
        Match::SameSite
    } else {
        Match::No
    };
    match found {
        Match::Exact | Match::SameSite if query.user.is_some() => {
            Match::LookAlike(Disguise::UserInfo)
        }
        found => found,
    }
}

/// The host of an address as people read it, for searching: Unicode in place of `xn--`, nothing where there is none.
#[must_use]
pub fn host_text(address: &str) -> Cow<'_, str> {
    let host = Parts::parse(address).map_or("", |parts| parts.host);
    if host.contains("xn--") {
        Cow::Owned(idna::domain_to_unicode(host).0)
    } else {
        Cow::Borrowed(host)
    }
}

/// An address taken apart, its host not looked at yet.
struct Parts<'a> {
    scheme: Option<&'a str>,
    user: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Parts<'a> {
    fn parse(text: &'a str) -> Result<Self, OriginError> {
        if text.len() > ADDRESS_LIMIT {
            return Err(OriginError::TooLong);
        }
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text.strip_prefix("//").unwrap_or(text)),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if is_ambiguous(authority) {
            return Err(OriginError::Ambiguous);
        }
        let (user, host_and_port) = match authority.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, authority),
        };
        // `mailto:me@example.com` and its like are no places on the web.
        if scheme.is_none() && user.is_some_and(|user| user.contains(':')) {
            return Err(OriginError::NoHost);
        }
        let (host, port) = split_port(host_and_port)?;
        if host.is_empty() {
            return Err(OriginError::NoHost);
        }
        let port = match port {
            None => None,
            // `https://example.com:/` is valid and means the usual port; `https:/example.com` is a slip.
            Some("") if scheme.is_some() => None,
            Some(digits) => Some(parse_port(digits)?),
        };
        Ok(Self {
            scheme,
            user: user.filter(|user| !user.is_empty()),
            host,
            port,
        })
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, OriginError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(OriginError::BadHost)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| OriginError::BadHost)?;
            return Ok(Self::Address(IpAddr::V6(address)));
        }
        if text.contains(':') {
            let address: Ipv6Addr = text.parse().map_err(|_| OriginError::BadHost)?;
            return Ok(Self::Address(IpAddr::V6(address)));
        }
        let ascii = idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::URL)
            .map_err(|_| OriginError::BadHost)?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        let is_label = |label: &str| (1..=LABEL_LIMIT).contains(&label.len());
        if name.len() > HOST_LIMIT || !name.split('.').all(is_label) {
            return Err(OriginError::BadHost);
        }
        // Browsers read `0x7f.1` and `2130706433` as IP addresses too; here only the usual spelling is one.
        if name.rsplit('.').next().is_some_and(is_numeric) {
            let address: Ipv4Addr = name.parse().map_err(|_| OriginError::BadHost)?;
            return Ok(Self::Address(IpAddr::V4(address)));
        }
        let site = psl::domain(name.as_bytes())
            .filter(|domain| domain.suffix().is_known())
            .and_then(|domain| name.len().checked_sub(domain.as_bytes().len()));
        Ok(Self::Name {
            name: name.to_owned(),
            site,
        })
    }
}

/// Whether a browser would drop or change a character of it, or might take another one for a slash.
fn is_ambiguous(authority: &str) -> bool {
    let is_doubtful =
        |character: char| character == '\\' || character.is_whitespace() || character.is_control();
    if authority.is_ascii() {
        // Ten thousand addresses are looked at in a listing; bytes are several times quicker.
        let is_doubtful = |byte: u8| byte <= b' ' || matches!(byte, b'\\' | 0x7F);
        return authority.bytes().any(is_doubtful);
    }
    authority.contains(is_doubtful)
}

fn is_scheme(text: &str) -> bool {
    text.len() <= SCHEME_LIMIT
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Host (brackets kept) and the digits after its colon.
fn split_port(text: &str) -> Result<(&str, Option<&str>), OriginError> {
    if text.starts_with('[') {
        let (host, rest) = text
            .find(']')
            .and_then(|end| text.split_at_checked(end + 1))
            .ok_or(OriginError::BadHost)?;
        return match rest.strip_prefix(':') {
            Some(digits) => Ok((host, Some(digits))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(OriginError::BadHost),
        };
    }
    let Some((host, digits)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    if host.contains(':') && text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    Ok((host, Some(digits)))
}

fn parse_port(digits: &str) -> Result<u16, OriginError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(OriginError::BadPort);
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err(OriginError::BadPort),
        Ok(port) => Ok(port),
    }
}

/// Whether a last label makes a browser read the host as an IPv4 address (WHATWG URL, "ends in a number").
fn is_numeric(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
        || label
            .strip_prefix("0x")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn addresses_are_read_as_people_type_them() {
        for (typed, meant) in [
            ("example.com", "https://example.com"),
            ("  Example.COM.  ", "https://example.com"),
            ("//example.com/x", "https://example.com"),
            (
                "https://user@host.example:8443/path?q#f",
                "https://host.example:8443",
            ),
            ("example.com:8443/login", "https://example.com:8443"),
            ("HTTP://example.com:/", "http://example.com"),
            ("example.com/?to=https://evil.net/", "https://example.com"),
            ("bücher.de", "https://xn--bcher-kva.de"),
            ("XN--BCHER-KVA.de", "https://xn--bcher-kva.de"),
            ("bücher。de", "https://xn--bcher-kva.de"),
            ("127.0.0.1:3000", "https://127.0.0.1:3000"),
            ("http://[::1]:80/", "http://[::1]:80"),
            ("::1", "https://[::1]"),
            ("localhost", "https://localhost"),
            ("my_nas.lan", "https://my_nas.lan"),
            ("ssh://git@example.com:22", "ssh://example.com:22"),
            (
                "android://aGFzaA==@com.example.app/",
                "android://com.example.app",
            ),
            ("https://example.com/a b\\c", "https://example.com"),
        ] {
            assert_eq!(origin(typed).to_string(), meant, "{typed}");
        }
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        let long = format!("https://example.com/{}", "a".repeat(ADDRESS_LIMIT));
        let label = format!("{}.com", "a".repeat(64));
        let name = format!("{}com", "abcdefgh.".repeat(30));
        for (text, error) in [
            ("", OriginError::NoHost),
            ("   ", OriginError::NoHost),
            ("https://", OriginError::NoHost),
            ("https:///example.com", OriginError::NoHost),
            ("file:///etc/passwd", OriginError::NoHost),
            ("mailto:me@example.com", OriginError::NoHost),
            ("https:/example.com", OriginError::BadPort),
            ("https:\\\\example.com", OriginError::Ambiguous),
            ("https://google.com\\@evil.net", OriginError::Ambiguous),
            ("https://goo\tgle.com", OriginError::Ambiguous),
            ("https://goo\ngle.com", OriginError::Ambiguous),
            ("my bank", OriginError::Ambiguous),
            ("https://exam%70le.com", OriginError::BadHost),
            ("https://a..b", OriginError::BadHost),
            ("https://.", OriginError::BadHost),
            ("https://0x7f.1", OriginError::BadHost),
            ("https://2130706433", OriginError::BadHost),
            ("https://127.1", OriginError::BadHost),
            ("https://0177.0.0.1", OriginError::BadHost),
            ("https://1.2.3.4.5", OriginError::BadHost),
            ("https://[::1", OriginError::BadHost),
            ("https://[::1]x", OriginError::BadHost),
            ("https://[fe80::1%eth0]", OriginError::BadHost),
            ("https://a:b:c", OriginError::BadPort),
            ("https://a:b:80", OriginError::BadHost),
            ("https://a:0", OriginError::BadPort),
            ("https://a:65536", OriginError::BadPort),
            ("https://a:+80", OriginError::BadPort),
            ("javascript:alert(1)", OriginError::BadPort),
            ("https://xn--a", OriginError::BadHost),
            (&long, OriginError::TooLong),
            (&label, OriginError::BadHost),
            (&name, OriginError::BadHost),
        ] {
            assert_eq!(Origin::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn sites_follow_the_public_suffix_list_and_its_private_part() {
        for (host, site) in [
            ("www.google.com", Some("google.com")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("a.github.io", Some("a.github.io")),
            ("x.a.github.io", Some("a.github.io")),
            ("github.io", None),
            ("co.uk", None),
            ("com", None),
            ("localhost", None),
            ("git.corp.internal", None),
            ("10.0.0.1", None),
        ] {
            assert_eq!(origin(host).site(), site, "{host}");
        }
    }

    #[test]
    fn hosts_match_whole_or_by_site_and_never_in_part() {
        use Match::{Exact, No, SameSite};
        for (query, stored, expected) in [
            ("example.com", "https://example.com/login", Exact),
            // Hosts have no case, so a capital I is no disguise.
            ("https://googIe.com", "googie.com", Exact),
            ("https://EXAMPLE.com./", "example.com", Exact),
            ("https://bücher.de", "https://xn--bcher-kva.de", Exact),
            ("accounts.google.com", "google.com", SameSite),
            ("google.com", "accounts.google.com", SameSite),
            ("a.example.co.uk", "b.example.co.uk", SameSite),
            ("other.co.uk", "example.co.uk", No),
            ("a.github.io", "b.github.io", No),
            ("a.github.io", "github.io", No),
            ("github.io", "a.github.io", No),
            ("github.io", "github.io", Exact),
            ("x.a.github.io", "a.github.io", SameSite),
            ("evilgoogle.com", "google.com", No),
            ("google.community", "google.com", No),
            ("google.co", "google.com", No),
            ("oogle.com", "google.com", No),
            ("com", "google.com", No),
            ("a.corp.internal", "b.corp.internal", No),
            ("a.corp.internal", "a.corp.internal", Exact),
            ("10.0.0.1", "10.0.0.2", No),
            ("10.0.0.1", "http://10.0.0.1/", Exact),
            ("[::1]", "https://[0:0::1]/", Exact),
        ] {
            assert_eq!(
                matches(&origin(query), &origin(stored)),
                expected,
                "{query} for {stored}"
            );
        }
    }

    #[test]
    fn an_unprotected_page_never_gets_what_was_stored_for_a_protected_one() {
        use Match::{Exact, No, SameSite};
        for (query, stored, expected) in [
            ("http://example.com", "https://example.com", No),
            ("http://example.com", "example.com", No),
            ("http://www.example.com", "https://example.com", No),
            ("http://example.com", "http://example.com", Exact),
            ("https://example.com", "http://example.com", Exact),
            ("https://www.example.com", "http://example.com", SameSite),
            ("example.com", "ssh://example.com", No),
            ("ssh://example.com", "example.com", No),
            ("ssh://example.com", "ssh://me@example.com", Exact),
            ("wss://example.com", "https://example.com", No),
        ] {
            assert_eq!(
                matches(&origin(query), &origin(stored)),
                expected,
                "{query} for {stored}"
            );
        }
        assert_eq!(origin("http://a.com").upgraded(), origin("https://a.com"));
    }

    #[test]
    fn two_stated_ports_must_be_equal() {
        use Match::{Exact, No, SameSite};
        for (query, stored, expected) in [
            ("https://h.com:8443", "https://h.com:8443", Exact),
            ("https://h.com:8443", "https://h.com:9443", No),
            ("https://a.h.com:8443", "https://h.com:9443", No),
            ("https://h.com:443", "https://h.com", Exact),
            ("https://h.com", "https://h.com:443", Exact),
            ("https://h.com:8443", "https://h.com:443", No),
            ("https://h.com:8443", "https://h.com", SameSite),
            ("https://h.com", "https://h.com:8443", SameSite),
            ("http://localhost:3000", "http://localhost:4000", No),
            ("http://localhost:3000", "http://localhost", SameSite),
            ("https://h.com:8080", "http://h.com:8080", Exact),
        ] {
            assert_eq!(
                matches(&origin(query), &origin(stored)),
                expected,
                "{query} for {stored}"
            );
        }
    }

    #[test]
    fn a_host_to_search_in_is_the_one_that_people_read() {
        assert_eq!(
            host_text("https://u@Www.example.com:1/x"),
            "Www.example.com"
        );
        assert_eq!(host_text("https://xn--bcher-kva.de/"), "bücher.de");
        assert_eq!(host_text("not a url"), "");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}", other in "(https?://)?[a-z.@:\\[\\]0-9xn-]{0,40}(/.{0,5})?") {
            let parsed = [Origin::parse(&text), Origin::parse(&other)];
            let _ = host_text(&text);
            for one in parsed.iter().flatten() {
                for two in parsed.iter().flatten() {
                    let _ = matches(one, two);
                }
                // What is shown reads back as the same place.
                let again = Origin::parse(&one.to_string()).map(|again| again.host);
                prop_assert_eq!(again, Ok(one.host.clone()));
            }
        }

        #[test]
        fn a_match_means_an_equal_host_or_site(one in "([abo0]{1,2}[.]){0,2}(com|co[.]uk|github[.]io|lan)", two in "([abo0]{1,2}[.]){0,2}(com|co[.]uk|github[.]io|lan)") {
            let (query, stored) = (origin(&one), origin(&two));
            match matches(&query, &stored) {
                Match::Exact => prop_assert_eq!(one, two),
                Match::SameSite => prop_assert!(query.site().is_some() && query.site() == stored.site()),
                Match::No | Match::LookAlike(_) => prop_assert_ne!(one, two),
            }
        }
    }
}
