//! The server itself as items: who it is, what it can, what it tells models, how it wants to be asked.

use bytes::Bytes;
use tapgate_wire::json::find;

use super::{Item, Value};

/// Members of `serverInfo` that are kept; what else stands there is not ours to judge, but is kept with them.
const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";

/// Reads the answer to `initialize` or `server/discover`; empty when it is neither.
pub fn identity(answer: &[u8]) -> Vec<Item> {
    let read = |path: &[&str]| Value::parse(find(answer, path)?).ok();
    let info = read(&["result", "serverInfo"]).or_else(|| read(&["result", "_meta", META_SERVER]));
    let parts = [
        ("identity", info),
        ("capabilities", read(&["result", "capabilities"])),
        ("instructions", read(&["result", "instructions"])),
    ];
    parts.into_iter().filter_map(|(name, value)| Some(Item::named(name, &value?))).collect()
}

/// Reads how a server asks for credentials, from the `WWW-Authenticate` headers of a 401.
///
/// RFC 9110, section 11.6.1; RFC 9728, section 5.1. Of each challenge the scheme, and the parameters that say where and
/// for what credentials are to be got; the rest (nonces, errors) is about one request.
pub fn challenge<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Option<Item> {
    let mut challenges = Vec::new();
    for header in headers.into_iter().take(8) {
        let text = String::from_utf8_lossy(header.get(..4096).unwrap_or(header)).into_owned();
        let mut rest = text.trim();
        let scheme: String = rest.chars().take_while(|c| !c.is_whitespace() && *c != ',').collect();
        rest = rest.get(scheme.len()..).unwrap_or_default();
        let parameters = parameters(rest);
        let kept = ["realm", "resource_metadata", "scope"].into_iter().filter_map(|name| {
            let (_, value) = parameters.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
            Some((name.as_bytes().to_vec(), Value::text(value)))
        });
        let mut members: std::collections::BTreeMap<_, _> = kept.collect();
        members.insert(b"scheme".to_vec(), Value::text(scheme.to_ascii_lowercase()));
        challenges.push(Value::Object(members));
    }
    challenges.sort();
    (!challenges.is_empty()).then(|| Item::named("auth", &Value::List(challenges)))
}

/// Reads a protected resource's metadata document (RFC 9728, section 3.2); `None` when it is none.
pub fn protected(document: &Bytes) -> Option<Item> {
    let metadata = Value::parse(document).ok()?;
    metadata.get("resource")?.as_str()?;
    Some(Item::named("auth-metadata", &metadata))
}

/// Names and values of a challenge's parameters.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace());
        let name = name.rsplit([',', ' ']).next().unwrap_or(name).to_owned();
        let after = after.trim_start();
        let (value, behind) = if let Some(quoted) = after.strip_prefix('"') {
            quoted_value(quoted)
        } else {
            let end = after.find([',', ' ']).unwrap_or(after.len());
            (after.get(..end).unwrap_or_default().to_owned(), after.get(end..).unwrap_or_default())
        };
        found.push((name, value));
        rest = behind;
    }
    found
}

/// A quoted string from behind its first quote, and what follows it.
fn quoted_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_keeps_what_says_where_and_for_what_credentials_are_got() {
        for (headers, kept) in [
            (
                &[&br#"Bearer error="invalid_token", resource_metadata="https://a/x", scope="a b""#[..]][..],
                r#"[{"resource_metadata":"https://a/x","scheme":"bearer","scope":"a b"}]"#,
            ),
            (&[b"Basic realm=\"a \\\"b\\\"\""], r#"[{"realm":"a \"b\"","scheme":"basic"}]"#),
            (&[b"Digest nonce=abc, realm=x"], r#"[{"realm":"x","scheme":"digest"}]"#),
            (&[b"Bearer"], r#"[{"scheme":"bearer"}]"#),
            (&[b""], r#"[{"scheme":""}]"#),
        ] {
            let item = challenge(headers.iter().copied()).unwrap();
            assert_eq!(item.definition.unwrap(), kept);
        }
        assert_eq!(challenge([]), None);
    }

    #[test]
    fn a_server_says_who_it_is_in_both_eras() {
        let legacy = br#"{"id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"version":"1","name":"a"},"instructions":"x"}}"#;
        let modern = br#"{"id":1,"result":{"supportedVersions":["2026-07-28"],"ttlMs":5,"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"a","version":"1"}},"instructions":"x"}}"#;
        assert_eq!(identity(legacy), identity(modern));
        assert_eq!(identity(legacy).len(), 3);
        assert_eq!(identity(br#"{"id":1,"error":{}}"#), []);
    }
}
