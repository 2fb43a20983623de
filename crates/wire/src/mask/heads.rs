//! Heads that were masked before: peers repeat theirs with every call.
//!
//! What masking makes of a head depends on its bytes and on the known values alone, so a kept outcome is
//! exact as long as nothing was learnt since. Invariant: `masked` holds only outcomes that the known values
//! of `n_learnt` gave, and none that taught something themselves.

use std::collections::HashMap;

use http::HeaderMap;

use super::Outcome;

/// How many heads are kept; when full, all are forgotten.
const MAX_HEADS: usize = 256;
/// Larger heads are not kept, nor what grew larger by its placeholders.
const MAX_BYTES: usize = 2048;

/// Outcomes by the raw bytes of their heads.
#[derive(Debug, Default)]
pub(super) struct Heads {
    masked: HashMap<Box<[u8]>, Outcome>,
    /// How many values had ever been learnt when these were masked.
    n_learnt: u64,
    /// The raw head asked for last.
    raw: Vec<u8>,
}

impl Heads {
    /// What was made of this head before, unless something was learnt since.
    pub(super) fn find(&mut self, start_line: &str, headers: &HeaderMap, n_learnt: u64) -> Option<&Outcome> {
        if self.n_learnt != n_learnt {
            self.masked.clear();
            self.n_learnt = n_learnt;
        }
        self.raw.clear();
        // No name or value holds a line break, and a start line with one is told apart by its length.
        self.raw.extend_from_slice(&start_line.len().to_le_bytes());
        self.raw.extend_from_slice(start_line.as_bytes());
        for (name, value) in headers {
            self.raw.push(b'\n');
            self.raw.extend_from_slice(name.as_str().as_bytes());
            self.raw.push(b':');
            self.raw.extend_from_slice(value.as_bytes());
        }
        self.masked.get(self.raw.as_slice())
    }

    /// Keeps what was made of the head that was asked for last, unless making it taught something: what was
    /// learnt at its end may stand at its beginning.
    pub(super) fn keep(&mut self, outcome: &Outcome, n_learnt: u64) {
        if self.n_learnt == n_learnt
            && self.raw.len() <= MAX_BYTES
            && outcome.masked.bytes().len() <= MAX_BYTES
        {
            if self.masked.len() >= MAX_HEADS {
                self.masked.clear();
            }
            self.masked.insert(self.raw.as_slice().into(), outcome.clone());
        }
        // One large head must not keep its memory.
        self.raw.shrink_to(MAX_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{MAX_BYTES, MAX_HEADS};
    use crate::mask::{Level, Masker};

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    fn masked(masker: &mut Masker, start: &str, headers: &HeaderMap) -> String {
        String::from_utf8(masker.head(start, headers).masked.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_repeated_head_is_masked_as_it_was_the_first_time() {
        let mut masker = Masker::new([7; 32], Level::Masked);
        let session = ["planted", "0123456789ab"].join("-");
        let head = headers(&[("accept", "text/plain"), ("mcp-session-id", &session)]);
        let first = masker.head("POST /mcp HTTP/1.1", &head);
        for _ in 0..3 {
            assert_eq!(masker.head("POST /mcp HTTP/1.1", &head), first);
        }
        assert_eq!(masker.heads.masked.len(), 1);
        assert!(!first.hits.is_empty());
    }

    /// How a secret becomes known, and what it is called in a failure.
    type Way<'a> = (&'a str, &'a dyn Fn(&mut Masker));

    #[test]
    fn a_secret_learnt_later_is_taken_out_of_a_head_that_was_kept_with_it() {
        let secret = ["planted", "secret", "4711"].join("-");
        let head = headers(&[("user-agent", &format!("agent/1 ({secret})"))]);
        let start = "GET / HTTP/1.1";
        let ways: [Way<'_>; 3] = [
            ("told", &|masker| masker.learn(secret.as_bytes())),
            ("seen in a head", &|masker| {
                masker.head("GET /other HTTP/1.1", &headers(&[("mcp-session-id", &secret)]));
            }),
            ("seen in a message", &|masker| {
                masker.message(format!(r#"{{"password":"{secret}"}}"#).as_bytes());
            }),
        ];
        for (way, learn) in ways {
            let mut masker = Masker::new([7; 32], Level::Masked);
            for _ in 0..2 {
                assert!(masked(&mut masker, start, &head).contains(&secret), "{way}");
            }
            assert_eq!(masker.heads.masked.len(), 1, "{way}");
            learn(&mut masker);
            assert!(!masked(&mut masker, start, &head).contains(&secret), "{way}");
        }
    }

    #[test]
    fn a_secret_learnt_at_the_end_of_a_head_is_taken_out_of_its_beginning_the_next_time() {
        let mut masker = Masker::new([7; 32], Level::Masked);
        let secret = ["planted", "secret", "4711"].join("-");
        let head = headers(&[("user-agent", &secret), ("mcp-session-id", &secret)]);
        masked(&mut masker, "GET / HTTP/1.1", &head);
        assert!(!masked(&mut masker, "GET / HTTP/1.1", &head).contains(&secret));
    }

    #[test]
    fn heads_that_differ_anywhere_are_not_taken_for_each_other() {
        let mut masker = Masker::new([7; 32], Level::Masked);
        let heads = [
            ("GET /a HTTP/1.1", headers(&[("accept", "b")])),
            ("GET /b HTTP/1.1", headers(&[("accept", "b")])),
            ("GET /a HTTP/1.1", headers(&[("accept", "c")])),
            ("GET /a HTTP/1.1", headers(&[("te", "b")])),
            ("GET /a HTTP/1.1", headers(&[("accept", "b"), ("te", "b")])),
            ("GET /a HTTP/1.1\naccept:b", headers(&[])),
        ];
        let first: Vec<String> = heads.iter().map(|(start, head)| masked(&mut masker, start, head)).collect();
        for ((start, head), first) in heads.iter().zip(&first) {
            assert_eq!(masked(&mut masker, start, head), *first);
            let alone = masked(&mut Masker::new([7; 32], Level::Masked), start, head);
            assert_eq!(alone, *first);
        }
        assert_eq!(masker.heads.masked.len(), heads.len());
    }

    #[test]
    fn memory_for_heads_is_bounded() {
        let mut masker = Masker::new([7; 32], Level::Masked);
        for n in 0..3 * MAX_HEADS {
            masked(&mut masker, &format!("GET /{n} HTTP/1.1"), &HeaderMap::new());
            assert!(masker.heads.masked.len() <= MAX_HEADS);
        }
        let n_kept = masker.heads.masked.len();
        masked(&mut masker, "GET / HTTP/1.1", &headers(&[("accept", &"a, ".repeat(MAX_BYTES))]));
        masked(&mut masker, "GET / HTTP/1.1", &headers(&[("cookie", &"a=bc; ".repeat(MAX_BYTES / 8))]));
        assert_eq!(masker.heads.masked.len(), n_kept);
        assert!(masker.heads.raw.capacity() <= MAX_BYTES);
    }
}
