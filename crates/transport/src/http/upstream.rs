//! The server's origin, as the tap's URL names it.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

/// An `http://` or `https://` URL of a server: where to connect, and what to write into `Host`.
#[derive(Clone, Debug)]
pub struct Upstream {
    secure: bool,
    host: String,
    port: u16,
    authority: Authority,
    host_header: HeaderValue,
    target: PathAndQuery,
}

/// Why a text is no URL that a tap can serve; a fragment for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadUrl {
    why: String,
}

impl BadUrl {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl Upstream {
    /// Reads a URL: scheme `http` or `https`, a host, maybe a port, a path and a query.
    ///
    /// A user name in the URL is refused, because it would end up in `ps` and in client configurations;
    /// the client can send an `Authorization` header, which passes.
    pub fn parse(url: &str) -> Result<Self, BadUrl> {
        let bad = |why: &str| BadUrl::new(why);
        if !url.contains("://") {
            return Err(bad("no scheme; a URL begins with http:// or https://"));
        }
        let uri: Uri = url.parse().map_err(|why| BadUrl::new(format!("not a URL: {why}")))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad("the scheme is neither http nor https")),
        };
        let authority = uri.authority().ok_or_else(|| bad("no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("a user name in the URL; let the client send an Authorization header"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(bad("no host"));
        }
        let default_port = if secure { 443 } else { 80 };
        let port = authority.port_u16().unwrap_or(default_port);
        // RFC 9110, 4.2.3: the default port is left out, and that is what clients of the server would send.
        let authority = if port == default_port {
            Authority::try_from(authority.host()).map_err(|_| bad("no host"))?
        } else {
            authority.clone()
        };
        let host_header = HeaderValue::from_str(authority.as_str()).map_err(|_| bad("no host"))?;
        let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { secure, host, port, authority, host_header, target })
    }

    /// Says whether TLS carries the requests.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Names the host without port and brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Says the port, the scheme's default when the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Names the path and query of the URL, the one that clients of the tap are told to use.
    pub fn path_and_query(&self) -> &str {
        self.target.as_str()
    }

    /// The path and the query as the target of a request.
    pub(super) fn target(&self) -> Uri {
        Uri::from(self.target.clone())
    }

    /// Names scheme, host and port as browsers write them into `Origin`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority)
    }

    pub(super) fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// The full target of a request whose own target is `uri`: for HTTP/2, and for a proxy that fetches.
    pub(super) fn absolute(&self, uri: &Uri) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query =
            Some(uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
        Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
    }

    fn scheme(&self) -> Scheme {
        if self.secure { Scheme::HTTPS } else { Scheme::HTTP }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_and_target() {
        for (url, host, port, header, target) in [
            ("http://example.test/mcp", "example.test", 80, "example.test", "/mcp"),
            ("https://example.test:443/mcp?key=1", "example.test", 443, "example.test", "/mcp?key=1"),
            ("https://example.test:8443", "example.test", 8443, "example.test:8443", "/"),
            ("http://[::1]:9/x", "::1", 9, "[::1]:9", "/x"),
        ] {
            let upstream = Upstream::parse(url).expect(url);
            assert_eq!(upstream.host(), host, "{url}");
            assert_eq!(upstream.port(), port, "{url}");
            assert_eq!(upstream.host_header(), header, "{url}");
            assert_eq!(upstream.path_and_query(), target, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_reason() {
        for (url, why) in [
            ("example.test/mcp", "no scheme"),
            ("ftp://example.test/", "neither http nor https"),
            ("http://somebody@example.test/", "user name"),
            ("http://", "not a URL"),
            ("/mcp", "no scheme"),
        ] {
            let bad = Upstream::parse(url).expect_err(url).to_string();
            assert!(bad.contains(why), "{url}: {bad}");
        }
    }
}
