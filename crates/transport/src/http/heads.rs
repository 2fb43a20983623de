//! What of a head passes to the other leg.
//!
//! RFC 9110, 7.6.1: an intermediary drops the fields of one hop and passes all others.
//! Order and duplicates stay as they came (several values of one name stand together), so nothing here removes
//! a field from a map: that would move the last field into its place.

use http::header::{CONNECTION, CONTENT_LENGTH, Entry, HOST, ORIGIN, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::upstream::Upstream;

/// How the body is framed on the leg that a head goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// HTTP/1.1: `Transfer-Encoding: chunked` stays where it stood, our own framing says the same.
    Fields,
    /// HTTP/2 frames bodies itself, and names the host in `:authority`.
    Frames,
}

/// The request's fields for the server: those of the client without its hop, and the server's own `Host`.
pub(super) fn to_server(headers: &HeaderMap, upstream: &Upstream, framing: Framing) -> HeaderMap {
    let mut onward = pass(headers, framing);
    if framing == Framing::Fields {
        // An entry that is there keeps its place.
        match onward.entry(HOST) {
            Entry::Occupied(mut host) => drop(host.insert(upstream.host_header().clone())),
            Entry::Vacant(place) => drop(place.insert(upstream.host_header().clone())),
        }
    }
    // A page that the server itself serves through the tap has the tap's origin. The server must see its own
    // there, as it does in Host. Every other origin is the truth about the page and passes.
    let own = headers.get(HOST).zip(headers.get(ORIGIN)).is_some_and(|(host, origin)| {
        origin.as_bytes().strip_prefix(b"http://".as_slice()) == Some(host.as_bytes())
    });
    if own && let Ok(origin) = HeaderValue::from_str(&upstream.origin()) {
        onward.insert(ORIGIN, origin);
    }
    onward
}

/// The response's fields for the client.
pub(super) fn to_client(headers: &HeaderMap, from: Framing) -> HeaderMap {
    pass(headers, from)
}

/// Whether the client asks to speak another protocol than HTTP on this connection.
///
/// `h2c` and `TLS/1.0` are offers that a server may ignore (RFC 9110, 7.8), and some clients make them always.
pub(super) fn wants_websocket(headers: &HeaderMap) -> bool {
    headers
        .get_all(UPGRADE)
        .iter()
        .any(|value| names(value).any(|name| name.eq_ignore_ascii_case(b"websocket")))
}

/// The target as the server reads it: in origin form, even if the client wrote it as to a proxy.
pub(super) fn origin_form(uri: Uri) -> Uri {
    if uri.authority().is_none() {
        return uri;
    }
    uri.path_and_query().cloned().map_or(uri, Uri::from)
}

fn pass(headers: &HeaderMap, framing: Framing) -> HeaderMap {
    let named = Named::by(headers);
    if framing == Framing::Fields && named.is_none() && !headers.keys().any(is_of_one_hop) {
        return headers.clone();
    }
    let mut onward = HeaderMap::with_capacity(headers.len());
    let chunked = is_chunked(headers);
    for (name, value) in headers {
        let passes = match *name {
            TRANSFER_ENCODING => framing == Framing::Fields && chunked,
            // RFC 9112, 6.3: Transfer-Encoding overrides Content-Length, which must not pass then.
            CONTENT_LENGTH => !chunked,
            HOST => framing == Framing::Fields,
            // RFC 9110, 10.1.4: `trailers` is true of us, as we pass them; the rest of TE is about codings.
            TE => {
                let trailers = names(value).any(|name| name.eq_ignore_ascii_case(b"trailers"));
                if trailers {
                    onward.append(TE, HeaderValue::from_static("trailers"));
                }
                false
            }
            _ => !is_of_one_hop(name) && !named.as_ref().is_some_and(|named| named.names(name)),
        };
        if passes {
            onward.append(name.clone(), value.clone());
        }
    }
    onward
}

fn is_of_one_hop(name: &HeaderName) -> bool {
    match *name {
        CONNECTION | TE | TRANSFER_ENCODING | UPGRADE => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection"),
    }
}

fn is_chunked(headers: &HeaderMap) -> bool {
    headers.get(TRANSFER_ENCODING).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// The field names that `Connection` lists.
struct Named<'a> {
    headers: &'a HeaderMap,
}

impl<'a> Named<'a> {
    /// `None` when it lists none: most clients only say whether they keep the connection.
    fn by(headers: &'a HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONNECTION).iter();
        values
            .any(|value| {
                let value = value.as_bytes();
                !value.eq_ignore_ascii_case(b"keep-alive") && !value.eq_ignore_ascii_case(b"close")
            })
            .then_some(Self { headers })
    }

    fn names(&self, field: &HeaderName) -> bool {
        self.headers
            .get_all(CONNECTION)
            .iter()
            .any(|value| names(value).any(|name| name.eq_ignore_ascii_case(field.as_str().as_bytes())))
    }
}

/// The names in a comma-separated list, without blanks and parameters.
fn names(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|&byte| byte == b',')
        .map(|item| item.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
                (name, HeaderValue::from_str(value).expect("a header value"))
            })
            .collect::<Vec<_>>()
            .into_iter()
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            })
    }

    fn list(headers: &HeaderMap) -> Vec<String> {
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect()
    }

    fn check(framing: Framing, fields: &[(&str, &str)], want: &[&str]) {
        let upstream = Upstream::parse("https://server.test:8443/mcp").expect("a URL");
        assert_eq!(list(&to_server(&map(fields), &upstream, framing)), want, "{fields:?}");
    }

    #[test]
    fn fields_of_one_hop_stay_and_the_others_keep_their_order() {
        check(
            Framing::Fields,
            &[
                ("accept", "a"),
                ("connection", "keep-alive, X-Mine"),
                ("host", "localhost:7000"),
                ("keep-alive", "timeout=5"),
                ("x-mine", "1"),
                ("cookie", "a=1"),
                ("cookie", "b=2"),
                ("upgrade", "h2c"),
                ("proxy-connection", "keep-alive"),
                ("z", "last"),
            ],
            &["accept: a", "host: server.test:8443", "cookie: a=1", "cookie: b=2", "z: last"],
        );
    }

    #[test]
    fn framing_fields_pass_only_where_they_are_true() {
        let chunked = [("host", "localhost"), ("transfer-encoding", "chunked"), ("trailer", "x")];
        check(
            Framing::Fields,
            &chunked,
            &["host: server.test:8443", "transfer-encoding: chunked", "trailer: x"],
        );
        check(Framing::Frames, &chunked, &["trailer: x"]);
        let both = [("content-length", "5"), ("transfer-encoding", "chunked"), ("host", "localhost")];
        check(Framing::Fields, &both, &["transfer-encoding: chunked", "host: server.test:8443"]);
        let trailers = [("host", "localhost"), ("te", "gzip;q=1, trailers"), ("connection", "TE")];
        check(Framing::Fields, &trailers, &["host: server.test:8443", "te: trailers"]);
    }

    #[test]
    fn only_the_taps_own_origin_is_rewritten() {
        check(
            Framing::Fields,
            &[("host", "localhost:7000"), ("origin", "http://localhost:7000")],
            &["host: server.test:8443", "origin: https://server.test:8443"],
        );
        check(
            Framing::Fields,
            &[("host", "localhost:7000"), ("origin", "http://localhost:6274")],
            &["host: server.test:8443", "origin: http://localhost:6274"],
        );
    }

    #[test]
    fn only_a_websocket_is_an_upgrade_that_matters() {
        assert!(wants_websocket(&map(&[("upgrade", "h2c, WebSocket")])));
        assert!(!wants_websocket(&map(&[("upgrade", "h2c")])));
    }
}
