//! The name under which the station is asked.

use crate::front::host_name;
use crate::settings::HostName;
use std::net::IpAddr;

/// Whether a `Host` is this machine's own name for itself.
pub fn is_local(host: &str) -> bool {
    let Some(name) = host_name(host) else { return false };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a `Host` is one of those that are trusted; all are where none is named.
pub fn is_trusted(host: Option<&str>, trusted: &[HostName]) -> bool {
    let name = host.and_then(host_name);
    trusted.is_empty() || name.is_some_and(|name| trusted.iter().any(|trusted| trusted.means(name)))
}
