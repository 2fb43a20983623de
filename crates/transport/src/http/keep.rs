//! What of the traffic is kept for the observer, in memory of its own.
//!
//! hyper reads into one buffer of a connection and hands out slices of it. A slice that waits for the observer
//! would keep all of it, and the next read would need a new one; so what is small is copied out.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri};
use tapgate_wire::header::{RequestHead, ResponseHead};

/// Pieces of bodies from this size on are not copied: copying them costs more than a new buffer.
const LARGE: usize = 4096;

/// A piece of a body for the observer.
pub(super) fn piece(bytes: &Bytes) -> Bytes {
    if bytes.len() < LARGE { Bytes::copy_from_slice(bytes) } else { bytes.clone() }
}

/// Makes heads that the observer can keep. A head that equals the one before, as heads of one client do, is the
/// same memory.
#[derive(Default)]
pub(super) struct Heads {
    asked: RefCell<Option<Arc<RequestHead>>>,
    answered: RefCell<Option<Arc<ResponseHead>>>,
}

impl Heads {
    pub(super) fn request(&self, mut head: RequestHead) -> Arc<RequestHead> {
        let mut last = self.asked.borrow_mut();
        let same = |last: &&Arc<RequestHead>| {
            last.method == head.method
                && last.version == head.version
                && same_target(&last.uri, &head.uri)
                && same_fields(&last.headers, &head.headers)
        };
        if let Some(last) = last.as_ref().filter(same) {
            return Arc::clone(last);
        }
        own_target(&mut head.uri);
        own_values(&mut head.headers);
        Arc::clone(last.insert(Arc::new(head)))
    }

    pub(super) fn response(&self, mut head: ResponseHead) -> Arc<ResponseHead> {
        let mut last = self.answered.borrow_mut();
        let same = |last: &&Arc<ResponseHead>| {
            last.status == head.status
                && last.version == head.version
                && same_fields(&last.headers, &head.headers)
        };
        if let Some(last) = last.as_ref().filter(same) {
            return Arc::clone(last);
        }
        own_values(&mut head.headers);
        Arc::clone(last.insert(Arc::new(head)))
    }
}

/// Whether two targets are the same to the byte. `Uri` itself compares scheme and host without their case.
fn same_target(one: &Uri, other: &Uri) -> bool {
    one.authority().is_none() && other.authority().is_none() && path(one) == path(other)
}

fn path(uri: &Uri) -> Option<&str> {
    uri.path_and_query().map(PathAndQuery::as_str)
}

/// Whether two heads have the same fields in the same order; `HeaderMap` itself compares without the order.
fn same_fields(one: &HeaderMap, other: &HeaderMap) -> bool {
    one.len() == other.len() && one.iter().eq(other.iter())
}

/// Copies the path, which nearly every target is. One with a host keeps the buffer that it came in.
fn own_target(uri: &mut Uri) {
    let Some(path) = path(uri).filter(|_| uri.authority().is_none()) else { return };
    if let Ok(path) = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes())) {
        *uri = path.into();
    }
}

/// Copies all values into one buffer; names are not slices of what was read.
fn own_values(headers: &mut HeaderMap) {
    let mut all = Vec::with_capacity(headers.values().map(HeaderValue::len).sum());
    for value in headers.values() {
        all.extend_from_slice(value.as_bytes());
    }
    let mut rest = Bytes::from(all);
    for value in headers.values_mut() {
        let own = rest.split_to(value.len().min(rest.len()));
        // What hyper took for a value and http does not stays as it is.
        if let Ok(own) = HeaderValue::from_maybe_shared(own)
            && own == *value
        {
            *value = own;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, HOST};
    use http::{HeaderName, Method, Version};

    use super::*;

    fn head(uri: &str, fields: &[(HeaderName, &str)]) -> RequestHead {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let uri = uri.parse().expect("a URI");
        RequestHead { method: Method::POST, uri, version: Version::HTTP_11, headers }
    }

    /// A head whose parts are slices of one buffer, as those that hyper reads.
    fn read(buffer: &Bytes) -> RequestHead {
        let mut headers = HeaderMap::new();
        for (name, range) in [(HOST, 4..13), (ACCEPT, 13..16), (COOKIE, 16..19), (COOKIE, 19..22)] {
            headers.append(name, HeaderValue::from_maybe_shared(buffer.slice(range)).expect("a value"));
        }
        let uri = Uri::from_maybe_shared(buffer.slice(0..4)).expect("a target");
        RequestHead { method: Method::POST, uri, version: Version::HTTP_11, headers }
    }

    #[test]
    fn what_is_kept_says_the_same_and_lets_the_read_buffer_go() {
        let buffer = Bytes::from(b"/mcplocalhost*/*a=1b=2".to_vec());
        let (came, kept) = (read(&buffer), Heads::default().request(read(&buffer)));
        assert_eq!(kept.uri, came.uri);
        assert!(kept.headers.iter().eq(came.headers.iter()));
        let body = piece(&buffer.slice(4..13));
        drop(came);
        assert!(buffer.is_unique(), "a kept head or piece holds the buffer");
        assert_eq!(body, "localhost");
    }

    #[test]
    fn a_large_piece_is_not_copied() {
        let buffer = Bytes::from(vec![b'x'; 2 * LARGE]);
        assert_eq!(piece(&buffer.slice(1..)).as_ptr(), buffer.slice(1..).as_ptr());
    }

    #[test]
    fn only_a_head_that_is_the_same_to_the_byte_shares_memory() {
        let fields = [(HOST, "localhost"), (ACCEPT, "a"), (ACCEPT, "b")];
        let heads = Heads::default();
        let first = heads.request(head("/mcp", &fields));
        assert!(Arc::ptr_eq(&first, &heads.request(head("/mcp", &fields))));
        for other in [
            head("/MCP", &fields),
            head("/mcp?", &fields),
            head("http://localhost/mcp", &fields),
            head("http://LOCALHOST/mcp", &fields),
            head("/mcp", &fields[..2]),
            head("/mcp", &[(HOST, "localhost"), (ACCEPT, "b"), (ACCEPT, "a")]),
            head("/mcp", &[(ACCEPT, "a"), (ACCEPT, "b"), (HOST, "localhost")]),
            head("/mcp", &[(HOST, "LOCALHOST"), (ACCEPT, "a"), (ACCEPT, "b")]),
            RequestHead { method: Method::GET, ..head("/mcp", &fields) },
            RequestHead { version: Version::HTTP_10, ..head("/mcp", &fields) },
        ] {
            let first = heads.request(head("/mcp", &fields));
            let kept = heads.request(other.clone());
            assert!(!Arc::ptr_eq(&first, &kept), "{other:?}");
            assert_eq!(kept.uri.to_string(), other.uri.to_string());
            assert!(kept.headers.iter().eq(other.headers.iter()), "{other:?}");
        }
    }
}
