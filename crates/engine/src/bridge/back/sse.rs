//! HTTP+SSE (2024-11-05): all that the server says comes on one stream, which begins with where to post to.

use http::Uri;
use http::uri::PathAndQuery;
use tapgate_wire::Nanos;
use tapgate_wire::edge::Act;

use super::link::{Posting, What};
use super::{Back, Due, Failure, LinkNo, Turn, Via};

impl Back {
    /// Tries HTTP+SSE with a server that refused a handshake over Streamable HTTP.
    ///
    /// Spec 2025-11-25, basic/transports, Backwards Compatibility.
    pub(super) fn fall_back(&mut self, no: LinkNo, refused: Failure, greeting: Posting, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let until =
            Nanos(turn.now.0.saturating_add(u64::try_from(self.patience.as_nanos()).unwrap_or(u64::MAX)));
        // A stream of the other kind that was opened, or is to be, is of no use any more.
        if let Some(stream) = link.listening.take() {
            if let Some(at) = stream.wakes {
                self.due.remove(&(at, Due::Listen(no)));
            }
            if let Some(fetch) = stream.fetch {
                self.abort(fetch, turn.acts);
            }
        }
        let Some(link) = self.links.get_mut(&no) else { return };
        link.opening.via = Via::Sse;
        link.refused = Some((refused, until));
        link.queue.push_back(greeting);
        self.due.insert((until, Due::Endpoint(no)));
        self.get(no, What::Listen, turn.acts);
    }

    /// A stream was opened that does not say where to post to.
    pub(super) fn no_endpoint(&mut self, no: LinkNo, turn: &mut Turn<'_>) {
        let why = Failure::Unreachable(format!("`{}` names no endpoint", self.name));
        self.bring_down(no, &why.clone(), why, turn);
    }

    /// Learns where messages are posted to, and posts those that waited.
    ///
    /// Spec 2024-11-05, basic/transports, HTTP with SSE.
    pub(super) fn on_endpoint(&mut self, no: LinkNo, said: &[u8], turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&no).filter(|link| link.endpoint.is_none()) else { return };
        match resolve(&self.url, said) {
            Ok(target) => {
                link.endpoint = Some(target.clone());
                if let Some((_, until)) = link.refused.take() {
                    self.due.remove(&(until, Due::Endpoint(no)));
                    self.is_sse = true;
                }
                for posting in std::mem::take(&mut link.queue) {
                    self.post(no, Some(target.clone()), posting, turn.acts);
                }
            }
            Err(why) => {
                let why = format!("`{}` asked to post {why}", self.name);
                turn.acts.push(Act::Note(why.clone()));
                // Nothing was posted yet, so nothing happened.
                self.bring_down(no, &Failure::Unreachable(why.clone()), Failure::Broken(why), turn);
            }
        }
    }
}

/// The path and query that a URI leads to from the URL of the stream: RFC 3986, section 5.
///
/// A token of the session stands in it and credentials are sent to it, so it may not lead to another origin.
fn resolve(url: &str, said: &[u8]) -> Result<String, &'static str> {
    const NOWHERE: &str = "to something that is no URI";
    let base: Uri = url.parse().map_err(|_| NOWHERE)?;
    let said = std::str::from_utf8(said).map_err(|_| NOWHERE)?.trim();
    let said = said.split('#').next().unwrap_or_default();
    let scheme = said.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| is_scheme(scheme));
    let path = base.path();
    let target = if scheme.is_some() || said.starts_with("//") {
        let whole = if scheme.is_some() {
            said.to_owned()
        } else {
            format!("{}:{said}", base.scheme_str().unwrap_or_default())
        };
        let whole: Uri = whole.parse().map_err(|_| NOWHERE)?;
        if origin(&whole).is_none_or(|origin_said| Some(origin_said) != origin(&base)) {
            return Err("to another origin, which is refused");
        }
        return Ok(whole.path_and_query().map_or("/", PathAndQuery::as_str).to_owned());
    } else if said.starts_with('/') {
        said.to_owned()
    } else if said.starts_with('?') || said.is_empty() {
        format!("{path}{said}")
    } else {
        let folder = path.rfind('/').and_then(|end| path.get(..=end)).unwrap_or("/");
        without_dots(folder, said)
    };
    target.parse::<PathAndQuery>().map(|target| target.as_str().to_owned()).map_err(|_| NOWHERE)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Scheme, host and port, where they are those of an HTTP URL.
fn origin(uri: &Uri) -> Option<(String, String, u16)> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    Some((scheme, uri.host()?.to_ascii_lowercase(), uri.port_u16().unwrap_or(default)))
}

/// A path relative to a folder, with `.` and `..` followed: RFC 3986, section 5.2.4.
fn without_dots(folder: &str, said: &str) -> String {
    let (path, query) = match said.find('?') {
        Some(at) => said.split_at(at),
        None => (said, ""),
    };
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in path.split('/') {
        match step {
            "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    format!("/{}{query}", steps.join("/"))
}
