//! Who may talk to the listener: the answer to DNS rebinding.
//!
//! A web page can make a browser send requests to 127.0.0.1, and can make its own name resolve to that address.
//! It cannot choose `Host`, which then carries the page's name, nor `Origin`.
//! MCP 2025-11-25 and 2026-07-28, Streamable HTTP, Security Warning: servers validate `Origin`, else 403.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};

/// The names a request may use for the tap, and the web pages that may use it.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Guard {
    /// Allows, besides the names of this machine's loopback, `hosts` (without port) and `origins` (exact).
    pub fn new(hosts: Vec<String>, origins: Vec<String>) -> Self {
        Self { hosts, origins }
    }

    /// Says why a request is refused, in words that tell the reader what to do.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        let mut hosts = headers.get_all(HOST).iter();
        let (first, more) = (hosts.next(), hosts.next());
        if more.is_some() {
            return Err("the request names two hosts".to_owned());
        }
        // RFC 9112, 3.2.2: the authority of an absolute target counts more than Host; here both must be right.
        let header = first.map(|value| value.to_str().unwrap_or_default());
        let target = uri.authority().map(http::uri::Authority::as_str);
        if header.is_none() && target.is_none() {
            return Err("the request has no Host header".to_owned());
        }
        for host in header.into_iter().chain(target) {
            if !self.allows_host(host) {
                return Err(format!(
                    "the Host header names {host:?}, which is not this machine; \
                     connect to localhost, or allow that host when you start the tap"
                ));
            }
        }
        for origin in headers.get_all(ORIGIN) {
            let origin = origin.to_str().unwrap_or_default();
            if !self.allows_origin(origin) {
                return Err(format!(
                    "the Origin header names {origin:?}, a web page that is not on this machine; \
                     allow that origin when you start the tap if you trust it"
                ));
            }
        }
        Ok(())
    }

    fn allows_host(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        is_loopback(name) || self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }

    fn allows_origin(&self, origin: &str) -> bool {
        if self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
            return true;
        }
        let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        rest.and_then(without_port).is_some_and(is_loopback)
    }
}

/// The name in `host`, `host:port` or `[v6]:port`; `None` when there is more than that.
fn without_port(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, rest) = host.split_at_checked(end)?;
    let port_is_fine =
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    port_is_fine.then_some(name)
}

fn is_loopback(name: &str) -> bool {
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(host: Option<&str>, origin: Option<&str>) -> Result<(), String> {
        let guard = Guard::new(vec!["box.lan".to_owned()], vec!["https://app.example".to_owned()]);
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, HeaderValue::from_str(host).expect("a header value"));
        }
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).expect("a header value"));
        }
        guard.check(&Uri::from_static("/mcp"), &headers)
    }

    #[test]
    fn only_names_of_this_machine_and_allowed_hosts_may_be_used() {
        for host in [
            "localhost",
            "LOCALHOST:7000",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.1.2.3:80",
            "[::1]:7000",
            "[::1]",
            "box.lan",
            "BOX.lan:99",
        ] {
            assert_eq!(check(Some(host), None), Ok(()), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7000",
            "localhost.evil.example",
            "127.0.0.1.evil.example:7000",
            "127.0.0.1:7000@evil.example",
            "localhost:port",
            "localhost:",
            "[::1",
            "[::1]x",
            "::1",
            "0.0.0.0:7000",
            "192.168.1.2",
            "10.0.0.1:7000",
            "localhost evil.example",
            "other.lan",
        ] {
            assert!(check(Some(host), None).is_err(), "{host}");
        }
        assert!(check(None, None).is_err());
    }

    #[test]
    fn only_pages_of_this_machine_and_allowed_origins_may_ask() {
        for origin in [
            "http://localhost",
            "http://localhost:6274",
            "https://127.0.0.1:1",
            "http://[::1]:3000",
            "https://app.example",
        ] {
            assert_eq!(check(Some("localhost"), Some(origin)), Ok(()), "{origin}");
        }
        for origin in [
            "",
            "null",
            "http://evil.example",
            "http://localhost.evil.example",
            "https://app.example.evil",
            "https://app.example:444",
            "file://",
            "http://localhost:1/path",
            "localhost",
        ] {
            assert!(check(Some("localhost"), Some(origin)).is_err(), "{origin}");
        }
    }

    #[test]
    fn an_absolute_target_does_not_get_around_the_host_check() {
        let guard = Guard::default();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert!(guard.check(&Uri::from_static("http://evil.example/mcp"), &headers).is_err());
        assert!(guard.check(&Uri::from_static("http://localhost:7000/mcp"), &headers).is_ok());
        headers.append(HOST, HeaderValue::from_static("localhost"));
        assert!(guard.check(&Uri::from_static("/mcp"), &headers).is_err());
    }
}
