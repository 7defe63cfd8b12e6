//! Collector URL, parsed once.
//!
//! Responsible for the grammar of the `COLLECTOR` setting, and for errors of a single line with the fault and the remedy.
//! Hands [`CollectorUrl`]s to [`crate::Collectors`]; resolves and connects nothing.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    str::FromStr,
};

use thiserror::Error;

/// Port that IANA assigned to IPFIX over UDP and TCP (RFC 7011 §10.3.4, §10.4.4).
pub const PORT: u16 = 4739;

/// Port that IANA assigned to IPFIX over TLS (RFC 7011 §10.4.4).
pub const TLS_PORT: u16 = 4740;

/// Kind of a target: the transport protocol (RFC 7011 §10), or a file (RFC 5655).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetKind {
    /// A message in each datagram, without confirmation (RFC 7011 §10.3).
    Udp,
    /// Messages back to back on a connection, framed by the length field (RFC 7011 §10.4).
    Tcp,
    /// A TCP connection inside TLS 1.2 or 1.3 (RFC 7011 §11).
    Tls,
    /// Messages back to back in an IPFIX File (RFC 5655).
    File,
}

impl TargetKind {
    /// Returns true if a message can be lost unnoticed, so that templates have to be repeated.
    pub fn is_datagram(self) -> bool {
        self == Self::Udp
    }

    /// IANA protocol number of the packets, to recognise flow records of the transcoder's own traffic: 17 (UDP), 6 (TCP,
    /// also under TLS), or none for a file.
    pub fn protocol(self) -> Option<u8> {
        match self {
            Self::Udp => Some(17),
            Self::Tcp | Self::Tls => Some(6),
            Self::File => None,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::File => "file",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Tls => TLS_PORT,
            _ => PORT,
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme())
    }
}

/// Target of messages: `udp://host:4739`, `tcp://host:4739`, `tls://host:4740`, or `file:flows.ipfix`.
///
/// - The scheme is case-insensitive. An absent port is 4739, for `tls` 4740.
/// - A host is a DNS name (ASCII), an IPv4 address, or an IPv6 address in brackets.
/// - `file:flows.ipfix` is relative, `file:/var/flows.ipfix` and `file:///var/flows.ipfix` are absolute. A path is taken
///   literally: nothing is percent-decoded.
///
/// [`Display`](fmt::Display) prints the canonical form; parsing the form gives an equal value.
///
/// ```
/// use flowlogs_export::{CollectorUrl, TargetKind};
///
/// let url: CollectorUrl = "TLS://Collector.example.com".parse()?;
/// assert_eq!(url.kind(), TargetKind::Tls);
/// assert_eq!(url.to_string(), "tls://collector.example.com:4740");
/// # Ok::<(), flowlogs_export::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CollectorUrl(UrlTarget);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum UrlTarget {
    Network {
        kind: TargetKind,
        host: Host,
        port: u16,
    },
    File {
        path: String,
    },
}

/// Host as canonical text, and as an address if no resolving is needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Host {
    text: String,
    address: Option<IpAddr>,
}

impl CollectorUrl {
    /// Parses a comma-separated list, the form of the `COLLECTOR` setting. Spaces around the commas are ignored.
    ///
    /// # Errors
    ///
    /// An empty list or element, an element that is no collector URL, or the same collector twice (it would count
    /// every flow twice).
    pub fn parse_list(list: &str) -> Result<Vec<Self>, UrlError> {
        if list.trim().is_empty() {
            return Err(UrlError::new(list, UrlProblem::Empty));
        }
        let mut urls = Vec::new();
        for element in list.split(',') {
            let url: Self = element.parse()?;
            if urls.contains(&url) {
                return Err(UrlError::new(element, UrlProblem::Duplicate));
            }
            urls.push(url);
        }
        Ok(urls)
    }

    /// Kind of the target.
    pub fn kind(&self) -> TargetKind {
        match &self.0 {
            UrlTarget::Network { kind, .. } => *kind,
            UrlTarget::File { .. } => TargetKind::File,
        }
    }

    /// DNS name in lower case, or the address (IPv6 without brackets); `None` for a file.
    pub fn host(&self) -> Option<&str> {
        match &self.0 {
            UrlTarget::Network { host, .. } => Some(&host.text),
            UrlTarget::File { .. } => None,
        }
    }

    /// Address of the host, if the URL has an address that needs no resolving.
    pub fn address(&self) -> Option<IpAddr> {
        match &self.0 {
            UrlTarget::Network { host, .. } => host.address,
            UrlTarget::File { .. } => None,
        }
    }

    /// Port, 1 to 65535; `None` for a file.
    pub fn port(&self) -> Option<u16> {
        match &self.0 {
            UrlTarget::Network { port, .. } => Some(*port),
            UrlTarget::File { .. } => None,
        }
    }

    /// Path of a file; `None` for a collector on the network.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            UrlTarget::Network { .. } => None,
            UrlTarget::File { path } => Some(Path::new(path)),
        }
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            UrlTarget::Network { kind, host, port } => match host.address {
                Some(IpAddr::V6(address)) => write!(f, "{kind}://[{address}]:{port}"),
                _ => write!(f, "{kind}://{}:{port}", host.text),
            },
            UrlTarget::File { path } if path.starts_with('/') => write!(f, "file://{path}"),
            UrlTarget::File { path } => write!(f, "file:{path}"),
        }
    }
}

impl FromStr for CollectorUrl {
    type Err = UrlError;

    fn from_str(value: &str) -> Result<Self, UrlError> {
        parse(value.trim())
            .map(Self)
            .map_err(|problem| UrlError::new(value, problem))
    }
}

/// Value that is no collector URL, with the remedy, in a line.
///
/// User names and passwords are cut from the value that is kept: error messages end in logs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{value:?}: {problem}")]
pub struct UrlError {
    /// Value as given, without the part before an `@`.
    pub value: String,
    /// Fault of the value.
    pub problem: UrlProblem,
}

/// Fault of a collector URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlProblem {
    /// Empty value, or nothing between two commas.
    #[error(
        "no collector given; write udp://collector.example.com:4739, or several separated by commas"
    )]
    Empty,
    /// No `udp://`, `tcp://`, `tls://` or `file:`.
    #[error(
        "no scheme; begin with udp://, tcp://, tls:// or file:, as in udp://collector.example.com:4739"
    )]
    MissingScheme,
    /// Unknown scheme.
    #[error(
        "unknown scheme {scheme:?}; IPFIX travels over udp://, tcp:// or tls://, or into a file:"
    )]
    UnknownScheme {
        /// Text before `://`.
        scheme: String,
    },
    /// A user name or password: IPFIX has none.
    #[error("user name or password before the host; IPFIX has neither, write host:port alone")]
    UserInfo,
    /// Something after the port.
    #[error("path or query after the host; a collector is host:port alone")]
    Path,
    /// No host before the port.
    #[error("empty host; write udp://collector.example.com:4739")]
    EmptyHost,
    /// A host that is neither an address nor a DNS name.
    #[error("{host:?} is neither an address nor a DNS name of letters, digits, hyphens and dots")]
    InvalidHost {
        /// Host as given.
        host: String,
    },
    /// IPv6 address without brackets: the beginning of the port would be ambiguous.
    #[error("IPv6 address without brackets; write udp://[2001:db8::1]:4739")]
    BareIpv6,
    /// Brackets that hold no IPv6 address.
    #[error("no IPv6 address between [ and ]; write udp://[2001:db8::1]:4739")]
    InvalidIpv6,
    /// Zone, as `%eth0`: has a meaning on a single machine only.
    #[error("IPv6 zone after %; a collector needs an address that is valid beyond one link")]
    ScopedIpv6,
    /// A port that is no number from 1 to 65535.
    #[error("{port:?} is no port; write a number from 1 to 65535, usually 4739, or 4740 for tls")]
    InvalidPort {
        /// Text after the colon.
        port: String,
    },
    /// `file:` without a path.
    #[error("empty path; write file:flows.ipfix or file:///var/flows.ipfix")]
    EmptyPath,
    /// `file://name`, where the name stands for a host.
    #[error(
        "host in a file URL; write file:flows.ipfix for a relative path, file:///flows.ipfix for an absolute one"
    )]
    FileHost,
    /// A control character, for example a line break in the middle.
    #[error("control character; a collector URL is one line of text")]
    ControlCharacter,
    /// Collector listed twice.
    #[error("given twice; each collector gets every flow once, so name it once")]
    Duplicate,
}

impl UrlError {
    fn new(value: &str, problem: UrlProblem) -> Self {
        // A password may hold anything, also `/` and `@`: everything before the last `@` goes, up to the scheme.
        let value = value.trim();
        let shown = match value.rfind('@') {
            Some(at) if !is_file(value) => {
                let scheme = value[..at].find("://").map_or("", |end| &value[..end + 3]);
                format!("{scheme}...{}", &value[at..])
            }
            _ => value.to_owned(),
        };
        Self {
            value: shown,
            problem,
        }
    }
}

fn parse(text: &str) -> Result<UrlTarget, UrlProblem> {
    if text.is_empty() {
        return Err(UrlProblem::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(UrlProblem::ControlCharacter);
    }
    if is_file(text) {
        return parse_file(&text["file:".len()..]);
    }
    // `host:4739` has a colon as well: only `://` tells a scheme from a host.
    let Some((scheme, authority)) = text.split_once("://") else {
        return Err(UrlProblem::MissingScheme);
    };
    let kind = match scheme.to_ascii_lowercase().as_str() {
        "udp" => TargetKind::Udp,
        "tcp" => TargetKind::Tcp,
        "tls" => TargetKind::Tls,
        "" => return Err(UrlProblem::MissingScheme),
        _ if scheme.contains('@') => return Err(UrlProblem::UserInfo),
        _ => {
            return Err(UrlProblem::UnknownScheme {
                scheme: scheme.to_owned(),
            });
        }
    };
    let (host, port) = parse_authority(authority)?;
    Ok(UrlTarget::Network {
        kind,
        host,
        port: port.unwrap_or(kind.default_port()),
    })
}

fn is_file(text: &str) -> bool {
    text.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

fn parse_file(rest: &str) -> Result<UrlTarget, UrlProblem> {
    let path = match rest.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some("") => return Err(UrlProblem::EmptyPath),
        Some(_) => return Err(UrlProblem::FileHost),
        None => rest,
    };
    if path.is_empty() {
        return Err(UrlProblem::EmptyPath);
    }
    Ok(UrlTarget::File {
        path: path.to_owned(),
    })
}

fn parse_authority(authority: &str) -> Result<(Host, Option<u16>), UrlProblem> {
    if authority.contains('@') {
        return Err(UrlProblem::UserInfo);
    }
    if authority.contains(['/', '?', '#', '\\']) {
        return Err(UrlProblem::Path);
    }
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (inside, after) = bracketed.split_once(']').ok_or(UrlProblem::InvalidIpv6)?;
        if inside.contains('%') {
            return Err(UrlProblem::ScopedIpv6);
        }
        let address: Ipv6Addr = inside.parse().map_err(|_| UrlProblem::InvalidIpv6)?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if after.is_empty() => None,
            None => {
                return Err(UrlProblem::InvalidPort {
                    port: after.to_owned(),
                });
            }
        };
        return Ok((
            Host {
                text: address.to_string(),
                address: Some(IpAddr::V6(address)),
            },
            port,
        ));
    }
    let (host, port) = match authority.split_once(':') {
        Some((_, rest)) if rest.contains(':') => return Err(UrlProblem::BareIpv6),
        Some((host, port)) => (parse_host(host)?, Some(parse_port(port)?)),
        None => (parse_host(authority)?, None),
    };
    Ok((host, port))
}

fn parse_port(text: &str) -> Result<u16, UrlProblem> {
    // `u16::from_str` alone would take `+4739`.
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(UrlProblem::InvalidPort {
            port: text.to_owned(),
        }),
    }
}

fn parse_host(text: &str) -> Result<Host, UrlProblem> {
    if text.is_empty() {
        return Err(UrlProblem::EmptyHost);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host {
            text: address.to_string(),
            address: Some(IpAddr::V4(address)),
        });
    }
    let labels = || text.strip_suffix('.').unwrap_or(text).split('.');
    let valid = text.len() <= 253
        && labels().all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
        });
    // The resolver would read `10.1` as 10.0.0.1 and `256.0.0.1` as a name: a last label of digits is a mistyped address.
    let ends_in_number = labels()
        .next_back()
        .is_some_and(|label| label.bytes().all(|octet| octet.is_ascii_digit()));
    if !valid || ends_in_number {
        return Err(UrlProblem::InvalidHost {
            host: text.to_owned(),
        });
    }
    Ok(Host {
        text: text.to_ascii_lowercase(),
        address: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(value: &str) -> UrlProblem {
        value.parse::<CollectorUrl>().expect_err(value).problem
    }

    fn canonical(value: &str) -> String {
        value
            .parse::<CollectorUrl>()
            .map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn each_transport_is_recognised_and_its_port_completed() {
        for (given, expected) in [
            ("udp://collector:2055", "udp://collector:2055"),
            ("udp://collector", "udp://collector:4739"),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:4739"),
            (
                "tls://collector.example.com",
                "tls://collector.example.com:4740",
            ),
            (
                "TLS://Collector.Example.COM:04740",
                "tls://collector.example.com:4740",
            ),
            ("udp://[2001:DB8:0::1]", "udp://[2001:db8::1]:4739"),
            ("tcp://[::1]:9", "tcp://[::1]:9"),
            (
                "udp://collector.example.com.",
                "udp://collector.example.com.:4739",
            ),
            (" udp://collector \n", "udp://collector:4739"),
            ("file:flows.ipfix", "file:flows.ipfix"),
            ("FILE:a b/c?d@e", "file:a b/c?d@e"),
            ("file:/var/flows.ipfix", "file:///var/flows.ipfix"),
            ("file:///var/flows.ipfix", "file:///var/flows.ipfix"),
            ("file:////var/flows.ipfix", "file:////var/flows.ipfix"),
        ] {
            assert_eq!(canonical(given), expected);
        }
    }

    #[test]
    fn the_parts_of_a_url_can_be_read() {
        let url: CollectorUrl = "udp://[::1]:9".parse().expect("a URL");
        assert_eq!(
            (url.kind(), url.host(), url.port()),
            (TargetKind::Udp, Some("::1"), Some(9))
        );
        assert_eq!(
            (url.address(), url.path()),
            (Some(IpAddr::V6(Ipv6Addr::LOCALHOST)), None)
        );
        let url: CollectorUrl = "file:///tmp/x".parse().expect("a URL");
        assert_eq!(
            (url.kind(), url.host(), url.port()),
            (TargetKind::File, None, None)
        );
        assert_eq!(url.path(), Some(Path::new("/tmp/x")));
    }

    #[test]
    fn each_mistake_has_its_own_reason() {
        let port = |port: &str| UrlProblem::InvalidPort {
            port: port.to_owned(),
        };
        let host = |host: &str| UrlProblem::InvalidHost {
            host: host.to_owned(),
        };
        let scheme = |scheme: &str| UrlProblem::UnknownScheme {
            scheme: scheme.to_owned(),
        };
        for (value, expected) in [
            ("", UrlProblem::Empty),
            ("  ", UrlProblem::Empty),
            ("collector", UrlProblem::MissingScheme),
            ("collector:4739", UrlProblem::MissingScheme),
            ("udp:collector:4739", UrlProblem::MissingScheme),
            ("://collector", UrlProblem::MissingScheme),
            ("netflow://collector:4739", scheme("netflow")),
            ("http://collector", scheme("http")),
            ("udp://", UrlProblem::EmptyHost),
            ("udp://:4739", UrlProblem::EmptyHost),
            ("udp://collector:", port("")),
            ("udp://collector:0", port("0")),
            ("udp://collector:65536", port("65536")),
            ("udp://collector:+1", port("+1")),
            ("udp://collector:ipfix", port("ipfix")),
            ("udp://[::1]4739", port("4739")),
            ("udp://me:secret@collector", UrlProblem::UserInfo),
            ("me:secret@udp://collector", UrlProblem::UserInfo),
            ("udp://collector:4739/", UrlProblem::Path),
            ("udp://collector/flows", UrlProblem::Path),
            ("udp://collector?x=1", UrlProblem::Path),
            ("udp://::1:4739", UrlProblem::BareIpv6),
            ("udp://2001:db8::1", UrlProblem::BareIpv6),
            ("udp://[fe80::1%eth0]:4739", UrlProblem::ScopedIpv6),
            ("udp://[::1", UrlProblem::InvalidIpv6),
            ("udp://[collector]", UrlProblem::InvalidIpv6),
            ("udp://256.0.0.1", host("256.0.0.1")),
            ("udp://10.1", host("10.1")),
            ("udp://coll ector", host("coll ector")),
            ("udp://a..b", host("a..b")),
            ("udp://köln.example", host("köln.example")),
            ("udp://coll\nector", UrlProblem::ControlCharacter),
            ("file:", UrlProblem::EmptyPath),
            ("file://", UrlProblem::EmptyPath),
            ("file://flows.ipfix", UrlProblem::FileHost),
        ] {
            assert_eq!(problem(value), expected, "{value:?}");
        }
    }

    #[test]
    fn an_error_is_one_line_that_names_the_value_and_what_would_be_right() {
        let error = "netflow://collector:4739"
            .parse::<CollectorUrl>()
            .expect_err("no such kind");
        assert_eq!(
            error.to_string(),
            "\"netflow://collector:4739\": unknown scheme \"netflow\"; IPFIX travels over udp://, tcp:// or tls://, or into a file:"
        );
    }

    #[test]
    fn a_password_does_not_reach_the_error() {
        for value in [
            "udp://me:secret@collector",
            "me:secret@collector",
            "http://me:se/cr@et@collector",
            "udp://x/secret@y",
        ] {
            let error = value.parse::<CollectorUrl>().expect_err(value);
            let (debug, display) = (format!("{error:?}"), error.to_string());
            assert!(
                !debug.contains("secret") && !display.contains("secret"),
                "{display}"
            );
            assert!(
                !debug.contains("se/cr") && !display.contains("se/cr"),
                "{display}"
            );
        }
    }

    #[test]
    fn a_list_is_separated_by_commas_and_tolerates_spaces() {
        let urls =
            CollectorUrl::parse_list(" udp://a , tls://b:1,file:flows.ipfix").expect("a list");
        let urls: Vec<_> = urls.iter().map(ToString::to_string).collect();
        assert_eq!(urls, ["udp://a:4739", "tls://b:1", "file:flows.ipfix"]);
    }

    #[test]
    fn a_list_without_elements_or_with_a_repeated_one_is_refused() {
        let problem = |list: &str| CollectorUrl::parse_list(list).expect_err(list).problem;
        assert_eq!(problem(" "), UrlProblem::Empty);
        assert_eq!(problem("udp://a,"), UrlProblem::Empty);
        assert_eq!(problem(",udp://a"), UrlProblem::Empty);
        assert_eq!(problem("udp://a,udp://A:4739"), UrlProblem::Duplicate);
        assert!(CollectorUrl::parse_list("udp://a,tcp://a").is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|(udp|tls|file)://[\\[\\]:/@%.a-f0-9]{0,24}|(?s:.{0,20})") {
            if let Ok(url) = text.parse::<CollectorUrl>() {
                prop_assert_eq!(url.to_string().parse::<CollectorUrl>(), Ok(url));
            }
            let _ = CollectorUrl::parse_list(&text);
        }

        #[test]
        fn the_canonical_form_of_a_url_parses_to_the_same_url(
            scheme in "udp|tcp|tls",
            host in "[a-zA-Z][a-z0-9-]{0,9}(\\.[a-z][a-z0-9]{0,5}){0,3}",
            address: Ipv6Addr,
            port in 1..=u16::MAX,
        ) {
            for text in [format!("{scheme}://{host}:{port}"), format!("{scheme}://[{address}]:{port}"), format!("{scheme}://{host}")] {
                let url: CollectorUrl = text.parse()?;
                prop_assert_eq!(url.to_string().parse::<CollectorUrl>()?, url);
            }
        }

        #[test]
        fn a_file_path_survives_printing_and_parsing(path in "/{0,3}[a-z .%:@?]{0,12}[a-z]") {
            if let Ok(url) = format!("file:{path}").parse::<CollectorUrl>() {
                prop_assert_eq!(url.to_string().parse::<CollectorUrl>()?, url);
            }
        }
    }
}
