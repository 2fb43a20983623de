//! Reading `tools/list` on our own account, because a call needs the definition of its tool.

use bytes::Bytes;
use tapgate_wire::edge::Act;
use tapgate_wire::json::find;
use tapgate_wire::{Id, Message};

use super::cx::Cx;
use super::tools::{self, Dropped};
use super::translate::Draft;

/// Pages that are read at the most.
const MAX_PAGES: usize = 20;

/// A `tools/list` with the `_meta` of another modern request, whose progress is not ours to report.
pub fn list_like(request: &Message, id: &Id, cursor: Option<&[u8]>) -> Message {
    let mut ask = Vec::with_capacity(256);
    ask.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    ask.extend_from_slice(&id.0);
    ask.extend_from_slice(br#","method":"tools/list","params":{"_meta":"#);
    ask.extend_from_slice(find(request.raw(), &["params", "_meta"]).unwrap_or(b"{}"));
    if let Some(cursor) = cursor {
        ask.extend_from_slice(br#","cursor":"#);
        ask.extend_from_slice(cursor);
    }
    ask.extend_from_slice(b"}}");
    let mut draft = Draft::of_value(ask.into());
    draft.remove(&["params", "_meta", "progressToken"]);
    draft.into_message()
}

/// The raw cursor of the page after this one, which is the last of `n_read`, unless that is enough; only null and
/// absence mean that there is none.
///
/// Spec 2026-07-28, server/utilities/pagination.
pub fn next_cursor(page: &Message, n_read: usize) -> Option<Bytes> {
    let cursor = find(page.raw(), &["result", "nextCursor"])?;
    (cursor != b"null" && n_read < MAX_PAGES).then(|| page.raw().slice_ref(cursor))
}

impl Cx<'_> {
    /// Learns a page of a list; gives it without the tools that a client over HTTP has to leave out, and says why.
    ///
    /// Spec 2026-07-28, server/tools, x-mcp-header.
    pub fn sift(&mut self, page: &Message) -> Message {
        let dropped = self.tools.learn(page);
        for Dropped { tool, why } in dropped.iter().take(16) {
            let server = &self.settings.server_name;
            let note = format!("the tool `{tool}` of `{server}` is left out of the list: {why}");
            self.acts.push(Act::Note(note));
        }
        tools::strip(page, &dropped)
    }
}
