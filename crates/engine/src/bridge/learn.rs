//! Reading `tools/list` on our own account, because a call needs the definition of its tool.

use bytes::Bytes;
use tapgate_wire::json::find;
use tapgate_wire::{Id, Message};

use super::cx::Cx;
use super::tools::Dropped;
use super::translate::Draft;

/// Pages that are read at the most.
pub const MAX_PAGES: usize = 20;

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

/// The raw cursor of the page after this one; only null and absence mean that there is none.
///
/// Spec 2026-07-28, server/utilities/pagination.
pub fn next_cursor(page: &Message) -> Option<Bytes> {
    let cursor = find(page.raw(), &["result", "nextCursor"])?;
    (cursor != b"null").then(|| page.raw().slice_ref(cursor))
}

impl Cx<'_> {
    /// Says which tools are left out of a list.
    ///
    /// Spec 2026-07-28, server/tools, x-mcp-header: clients over HTTP drop such tools and should say why.
    pub fn note_dropped(&mut self, dropped: &[Dropped]) {
        for Dropped { tool, why } in dropped.iter().take(16) {
            let server = &self.settings.server_name;
            let note = format!("the tool `{tool}` of `{server}` is left out of the list: {why}");
            self.acts.push(tapgate_wire::edge::Act::Note(note));
        }
    }
}
