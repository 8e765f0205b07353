//! How the station is reached, and by whom: the settings of its doors.

use super::SettingsError;
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::PathBuf;

/// What holds at the station's doors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Doors {
    /// Whether connections are within TLS.
    pub tls: bool,
    /// The certificate, and those of its issuers behind it (PEM).
    pub certificate: Option<PathBuf>,
    /// The certificate's key (PEM).
    pub key: Option<PathBuf>,
    /// A second port, where HTTP is sent to HTTPS.
    pub redirect_port: Option<u16>,
    /// The keys that sign tokens (a JSON Web Key Set).
    pub auth_keys: Option<PathBuf>,
    /// Who may listen.
    pub listen: Listen,
    /// Names under which the station may be asked; any where there are none.
    pub trusted_hosts: Vec<HostName>,
    /// Networks of the proxies that are believed about who asks.
    pub trusted_proxies: Vec<IpNet>,
    /// How often an address may ask for the status, the metrics, a change, and a station.
    pub rates: Rates,
}

/// Who may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listen {
    /// Everybody.
    #[default]
    Public,
    /// Who has a token.
    Token,
}

/// Requests of an address in a minute; 0 is any number, nothing what is usual in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// For the status.
    pub status: Option<u32>,
    /// For the metrics.
    pub metrics: Option<u32>,
    /// For changes over HTTP.
    pub control: Option<u32>,
    /// For private stations.
    pub stations: Option<u32>,
}

impl Rates {
    /// What is usual in production (contract, section 4).
    pub const PRODUCTION: Self =
        Self { status: Some(10), metrics: Some(5), control: Some(60), stations: Some(5) };
}

/// A name of a host, or all names below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// In small letters, without the star.
    name: String,
    below: bool,
}

impl HostName {
    /// Reads `radio.example.org` or `*.example.org`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wants = || "names of hosts without port, such as radio.example.org or *.example.org".to_string();
        let text = text.trim().to_ascii_lowercase();
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        let is_address = || name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let is_label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if !name.split('.').all(is_label) && (below || !is_address()) {
            return Err(wants());
        }
        Ok(Self { name: name.to_string(), below })
    }

    /// Whether it means a host, named without port.
    pub fn means(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        match self.below {
            false => host == self.name,
            true => host.strip_suffix(&self.name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

impl Doors {
    /// Whether the settings agree with each other.
    ///
    /// # Errors
    /// The first that asks for another which is not there.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let needs =
            |what: &str, needs: &str| Err(SettingsError::Needs { what: what.into(), needs: needs.into() });
        if self.tls && self.certificate.is_none() {
            return needs("enable-ssl", "ssl-cert-path");
        }
        if self.tls && self.key.is_none() {
            return needs("enable-ssl", "ssl-key-path");
        }
        if self.redirect_port.is_some() && !self.tls {
            return needs("https-redirect-port", "enable-ssl");
        }
        if self.listen == Listen::Token && self.auth_keys.is_none() {
            return needs("listen token", "auth-keys");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_means_every_name_below_and_not_the_name() {
        let means = |pattern: &str, host: &str| HostName::read(pattern).unwrap().means(host);
        assert!(means("Radio.Example.org", "radio.example.ORG") && means("radio.example", "radio.example."));
        assert!(means("*.example.org", "a.example.org") && means("*.example.org", "a.b.example.org"));
        for host in ["example.org", ".example.org", "badexample.org", "a.example.org.evil.test", ""] {
            assert!(!means("*.example.org", host), "{host}");
        }
        assert!(means("192.0.2.1", "192.0.2.1") && means("[2001:db8::1]", "[2001:db8::1]"));
        for wrong in ["", "*", "*.", "a..b", "http://a", "a:80", "a/b", "*.*.a", "*.192.0.2.1:1", "é"] {
            assert!(HostName::read(wrong).is_err(), "{wrong}");
        }
    }
}
