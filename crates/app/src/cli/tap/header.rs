//! `--header`: what a bridge sends with every request to the server's URL.

use std::io;

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use tapgate_wire::header::{LAST_EVENT_ID, is_hop_by_hop};

use crate::problem::Problem;

/// Reads `Name: value`, whose value, or what follows its first word, may be `env:VARIABLE` or `file:PATH`.
///
/// The values are marked as sensitive, and no error quotes one.
pub fn read(headers: &[String]) -> Result<HeaderMap, Problem> {
    let mut map = HeaderMap::new();
    for header in headers {
        let (name, value) = one(header)?;
        map.append(name, value);
    }
    Ok(map)
}

fn one(header: &str) -> Result<(HeaderName, HeaderValue), Problem> {
    let help = "give it as 'Name: value', 'Name: env:VARIABLE' or 'Name: file:PATH'";
    let bad = |what: String| Problem::usage("tap.bad-header", what, help);
    let (name, value) = header
        .split_once(':')
        .and_then(|(name, value)| Some((name.trim().parse::<HeaderName>().ok()?, value.trim())))
        .ok_or_else(|| bad("a --header has no name".to_owned()))?;
    if is_ours(&name) {
        return Err(bad(format!("--header {name} is for the tap itself to send")));
    }
    let (scheme, source) = match value.split_once(' ') {
        Some((scheme, rest)) if is_elsewhere(rest) => (format!("{scheme} "), rest),
        _ => (String::new(), value),
    };
    let found = if let Some(variable) = source.strip_prefix("env:") {
        std::env::var(variable)
            .map_err(|_| bad(format!("--header {name} names an environment variable that is not set")))?
    } else if let Some(path) = source.strip_prefix("file:") {
        let text = std::fs::read_to_string(path);
        text.map_err(|why: io::Error| {
            bad(format!("--header {name} names a file that cannot be read")).because(why)
        })?
    } else {
        source.to_owned()
    };
    let mut value = HeaderValue::from_str(&format!("{scheme}{}", found.trim()))
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| bad(format!("the value of --header {name} is empty or no header can hold it")))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn is_elsewhere(value: &str) -> bool {
    value.starts_with("env:") || value.starts_with("file:")
}

/// Whether this is the name of a header that `--header` may send.
pub fn may_send(name: &str) -> bool {
    name.parse().is_ok_and(|name: HeaderName| !is_ours(&name))
}

/// Whether a header is one that the transport sets.
fn is_ours(name: &HeaderName) -> bool {
    let ours = [HOST, CONTENT_LENGTH, CONTENT_TYPE, ACCEPT, LAST_EVENT_ID];
    ours.contains(name) || is_hop_by_hop(name) || name.as_str().starts_with("mcp-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(header: &str) -> Result<HeaderMap, Problem> {
        read(&[header.to_owned()])
    }

    #[test]
    fn a_value_is_given_in_a_variable_in_a_file_or_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a key");
        std::fs::write(&path, "from-a-file\n").unwrap();
        // The one variable that every test run has.
        let cargo = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        for (given, value) in [
            ("X-Key: plain text", "plain text".to_owned()),
            ("X-Key:env:CARGO_MANIFEST_DIR", cargo.clone()),
            ("x-key: Bearer env:CARGO_MANIFEST_DIR", format!("Bearer {cargo}")),
            (&format!("X-Key: file:{}", path.display()), "from-a-file".to_owned()),
        ] {
            let headers = read_one(given).unwrap();
            assert_eq!(headers["x-key"], value, "{given}");
            assert!(headers["x-key"].is_sensitive());
        }
    }

    #[test]
    fn no_error_quotes_a_value() {
        let refused = [
            "s3cret",
            "s3cret s3cret: x",
            "X-Key: s3cret\u{7f}",
            "X-Key:",
            "X-Key: env:NO_SUCH_VARIABLE_s3cret",
            "X-Key: file:/no/such/file/s3cret",
            "Host: s3cret",
            "Mcp-Session-Id: s3cret",
            "Transfer-Encoding: s3cret",
        ];
        for given in refused {
            let problem = read_one(given).unwrap_err();
            assert_eq!(problem.code, "tap.bad-header");
            assert!(!problem.to_string().contains("s3cret"), "{problem}");
        }
    }
}
