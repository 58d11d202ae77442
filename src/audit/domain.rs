//! Hosts that are not out in the world, where encryption is not to be had.

use std::net::IpAddr;

/// Names that stand for machines of one's own network (RFC 6761, 6762, 8375, 7686, and what routers make up).
const LOCAL: [&str; 9] = [
    "localhost",
    "local",
    "lan",
    "home",
    "internal",
    "intranet",
    "home.arpa",
    "test",
    "onion",
];

/// Whether a host lies in one's own network, or is encrypted by other means.
pub(super) fn is_local(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(address) => {
                address.is_private() || address.is_loopback() || address.is_link_local()
            }
            IpAddr::V6(address) => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
            }
        };
    }
    let ends_so = |name: &str| {
        let rest = host.strip_suffix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !host.contains('.') || LOCAL.iter().any(|name| ends_so(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_networks_are_told_from_the_world() {
        for host in [
            "localhost",
            "router",
            "nas.local",
            "a.home.arpa",
            "192.168.1.1",
            "10.0.0.1",
            "127.0.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "example.onion",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "example.com",
            "8.8.8.8",
            "2001:db8::1",
            "notlocal.com",
            "xlan.de",
            "172.32.0.1",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
