//! What older clients cannot read, said in their words: content types, structured content, schemas, elicitation forms.
//!
//! Nothing here fails: what is not of the expected shape stays as it is, because its receiver knows better what to
//! say about it.

mod error;
mod input;

pub use error::{error_down, error_released, error_up};
pub use input::{lift_answer, lower_input};

use std::borrow::Cow;

use tapgate_wire::json::{escape_into, unescape};
use tapgate_wire::revision::Revision;

use super::draft::Draft;

/// Writes the result of a method for a client of an older revision than the server's. The draft is the whole answer.
pub fn lower_result(draft: &mut Draft, method: &str, revision: Revision) {
    if revision >= Revision::V2026_07_28 {
        return;
    }
    match method {
        "tools/list" => draft.each(&["result", "tools"], &mut |mut tool| {
            // Until 2025-11-25 the root of `outputSchema` is an object, and validators refuse the list otherwise.
            if tool.get(&["outputSchema", "type"]).as_deref() != Some(b"\"object\"") {
                tool.remove(&["outputSchema"]);
            }
            Some(tool)
        }),
        "tools/call" => {
            lower_structured_content(draft);
            if revision <= Revision::V2025_03_26 {
                let mut n_blocks = 0;
                draft.each(&["result", "content"], &mut |mut block| {
                    n_blocks += 1;
                    lower_block(&mut block, revision, n_blocks);
                    Some(block)
                });
            }
        }
        "prompts/get" if revision <= Revision::V2025_03_26 => {
            let mut n_blocks = 0;
            draft.each(&["result", "messages"], &mut |mut message| {
                if let Some(content) = message.get(&["content"]) {
                    let mut block = Draft::of_value(content);
                    n_blocks += 1;
                    lower_block(&mut block, revision, n_blocks);
                    message.set(&["content"], &block.into_bytes());
                }
                Some(message)
            });
        }
        _ => {}
    }
}

/// Writes the result of a legacy server for a modern client. The draft is the whole answer.
pub fn lift_result(draft: &mut Draft, method: &str) {
    if method == "tools/list" {
        // Spec 2026-07-28, changelog: tasks left the core, and `Tool.execution` with them.
        draft.each(&["result", "tools"], &mut |mut tool| {
            tool.remove(&["execution"]);
            Some(tool)
        });
    }
}

/// Until 2025-11-25 structured content is an object; anything else is said in a text block.
///
/// Spec 2025-11-25, server/tools, Structured Content.
fn lower_structured_content(draft: &mut Draft) {
    let value = draft.get(&["result", "structuredContent"]).filter(|value| !value.starts_with(b"{"));
    let Some(value) = value else { return };
    let content = draft.get(&["result", "content"]).unwrap_or_else(|| "[]".into());
    let Some(head) = content.strip_suffix(b"]") else { return };
    let json = compact(&value);
    let plain = value.starts_with(b"\"").then(|| unescape(&value));
    let mut is_told = &*value == b"null";
    let mut comma: &[u8] = b"";
    draft.each(&["result", "content"], &mut |block| {
        comma = b",";
        is_told |= string(&block, &["text"]).is_some_and(|text| {
            compact(&text) == json || plain.as_ref().is_some_and(|plain| **plain == *text)
        });
        Some(block)
    });
    draft.remove(&["result", "structuredContent"]);
    if !is_told {
        let block = [br#"{"type":"text","text":"#, &*quoted(&value), b"}]"].concat();
        draft.set(&["result", "content"], &[head, comma, &block].concat());
    }
}

/// JSON without white space between its tokens.
fn compact(json: &[u8]) -> Vec<u8> {
    let mut is_text = false;
    let mut is_escaped = false;
    let mut keep = |byte: &u8| {
        let is_escape = is_text && *byte == b'\\' && !is_escaped;
        is_text ^= *byte == b'"' && !is_escaped;
        is_escaped = is_escape;
        is_text || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
    };
    json.iter().copied().filter(|byte| keep(byte)).collect()
}

/// Writes a content block in the types that 2025-03-26 or 2024-11-05 knows; `n` tells it from others of its result.
fn lower_block(block: &mut Draft, revision: Revision, n: usize) {
    match block.get(&["type"]).as_deref() {
        Some(b"\"resource_link\"") => {
            let Some(uri) = string(block, &["uri"]) else { return };
            let said = [string(block, &["name"]), string(block, &["description"]), Some(uri)];
            let text = said.into_iter().flatten().collect::<Vec<_>>().join(&b'\n');
            for name in ["uri", "name", "title", "description", "mimeType", "size", "icons"] {
                block.remove(&[name]);
            }
            block.set(&["type"], b"\"text\"");
            block.set(&["text"], &quoted(&text));
        }
        Some(b"\"audio\"") if revision <= Revision::V2024_11_05 => {
            let Some(blob) = block.get(&["data"]).filter(|blob| blob.starts_with(b"\"")) else { return };
            // A resource has to have a URI, and no resource of the server may have this one.
            block.set(&["resource", "uri"], format!("\"tapgate:audio/{n}\"").as_bytes());
            if let Some(mime) = block.get(&["mimeType"]) {
                block.set(&["resource", "mimeType"], &mime);
            }
            block.set(&["resource", "blob"], &blob);
            block.remove(&["data"]);
            block.remove(&["mimeType"]);
            block.set(&["type"], b"\"resource\"");
        }
        _ => {}
    }
}

/// The text of a string.
fn string(draft: &Draft, path: &[&str]) -> Option<Vec<u8>> {
    let raw = draft.get(path).filter(|raw| raw.starts_with(b"\""))?;
    Some(match unescape(&raw) {
        Cow::Borrowed(text) => text.to_vec(),
        Cow::Owned(text) => text,
    })
}

/// A text as a JSON string.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut raw = vec![b'"'];
    escape_into(text, &mut raw);
    raw.push(b'"');
    raw
}

#[cfg(test)]
mod tests;
