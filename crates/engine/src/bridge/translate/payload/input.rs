//! What servers ask of clients.

use bytes::Bytes;
use tapgate_wire::revision::Revision;

use super::super::draft::Draft;

/// How many bytes the role of a message has at most that is repeated for each of its blocks.
const MAX_ROLE: usize = 32;

/// Writes the parameters of a server's question for a client of an older revision; `None` when they cannot be said
/// in it.
pub fn lower_input(method: &str, params: Bytes, revision: Revision) -> Option<Bytes> {
    if revision >= Revision::V2025_11_25 {
        return Some(params);
    }
    match method {
        "elicitation/create" if revision < Revision::V2025_06_18 => None,
        "elicitation/create" => lower_form(Draft::of_value(params)),
        "sampling/createMessage" => lower_sampling(Draft::of_value(params), revision),
        _ => Some(params),
    }
}

/// Takes out of a legacy client's answer what has no place in `inputResponses`.
pub fn lift_answer(method: &str, result: Bytes) -> Bytes {
    let mut draft = Draft::of_value(result);
    if matches!(method, "elicitation/create" | "roots/list") {
        draft.remove(&["_meta"]);
    }
    draft.into_bytes()
}

/// Forms of 2025-06-18: they have no `mode`, and an enumeration has its titles in `enumNames`.
fn lower_form(mut params: Draft) -> Option<Bytes> {
    if params.get(&["mode"]).is_some_and(|mode| &*mode != b"\"form\"") {
        return None;
    }
    params.remove(&["mode"]);
    let mut is_expressible = true;
    params.each_member(&["requestedSchema", "properties"], &mut |_, mut property| {
        is_expressible &= property.get(&["type"]).as_deref() != Some(b"\"array\"");
        lower_choice(&mut property);
        Some(property)
    });
    is_expressible.then(|| params.into_bytes())
}

/// Turns `oneOf` with `const` and `title` into `enum` and `enumNames`.
fn lower_choice(property: &mut Draft) {
    let mut values = Vec::new();
    let mut titles = Vec::new();
    let mut is_choice = property.get(&["oneOf"]).is_some_and(|list| list.starts_with(b"["));
    property.each(&["oneOf"], &mut |option| {
        let text = |name| option.get(&[name]).filter(|raw| raw.starts_with(b"\""));
        let value = text("const");
        titles.extend(text("title").or_else(|| value.clone()));
        is_choice &= value.is_some();
        values.extend(value);
        Some(option)
    });
    if is_choice {
        property.remove(&["oneOf"]);
        property.set(&["enum"], &array(&values));
        property.set(&["enumNames"], &array(&titles));
    }
}

/// Sampling before 2025-11-25: one block in a message, no tools.
fn lower_sampling(mut params: Draft, revision: Revision) -> Option<Bytes> {
    params.remove(&["tools"]);
    params.remove(&["toolChoice"]);
    let mut messages = Vec::new();
    let mut is_split = false;
    let mut is_expressible = true;
    params.each(&["messages"], &mut |message| {
        let mut content = Draft::of_value(message.get(&["content"]).unwrap_or_default());
        if content.get(&[]).is_some_and(|content| content.starts_with(b"[")) {
            is_split = true;
            // Only the role goes with each block: what else a message holds could be large, and blocks many.
            let role = message.get(&["role"]).filter(|role| role.len() <= MAX_ROLE);
            is_expressible &= role.is_some();
            let role = role.unwrap_or_default();
            content.each(&[], &mut |block| {
                is_expressible &= is_samplable(&block, revision);
                let block = block.into_bytes();
                messages
                    .push(Bytes::from([br#"{"role":"#, &*role, br#","content":"#, &*block, b"}"].concat()));
                Some(Draft::of_value(block))
            });
        } else {
            is_expressible &= is_samplable(&content, revision);
            messages.push(message.clone().into_bytes());
        }
        Some(message)
    });
    if is_split {
        params.set(&["messages"], &array(&messages));
    }
    is_expressible.then(|| params.into_bytes())
}

/// Whether a block may stand in a message of an older revision. A resource is no substitute for audio here.
fn is_samplable(block: &Draft, revision: Revision) -> bool {
    match block.get(&["type"]).as_deref() {
        Some(b"\"tool_use\"" | b"\"tool_result\"") => false,
        Some(b"\"audio\"") => revision > Revision::V2024_11_05,
        _ => true,
    }
}

fn array(items: &[Bytes]) -> Vec<u8> {
    [b"[", &*items.join(&b','), b"]"].concat()
}
