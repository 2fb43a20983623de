//! Requests of legacy clients, as a modern server takes them.
//!
//! Spec 2026-07-28, basic/index, `_meta`; basic/patterns/mrtr, Retry.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::find;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::{Id, Member};

use crate::bridge::translate::Draft;
use crate::bridge::translate::fall::server::{self, TASKS, quoted};

const META: &str = "_meta";
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// What a legacy client said once and a modern server wants to hear with every request; raw JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its capabilities in the words of 2026-07-28.
    pub capabilities: Bytes,
    /// Its name.
    pub client: Option<Bytes>,
    /// The level of `logging/setLevel`.
    pub log_level: Option<Bytes>,
}

impl Default for Profile {
    fn default() -> Self {
        Self { capabilities: Bytes::from_static(b"{}"), client: None, log_level: None }
    }
}

impl Profile {
    /// What `initialize` says of the client.
    pub fn of(initialize: &Message, revision: Revision) -> Self {
        let shape = initialize.shape();
        let declared = shape.raw(Member::ClientCapabilities);
        Self {
            capabilities: declared
                .map_or_else(|| Bytes::from_static(b"{}"), |raw| capabilities(raw, revision)),
            client: shape.raw(Member::ClientInfo).filter(|raw| raw.starts_with(b"{")).map(client),
            log_level: None,
        }
    }

    /// The same client with a bridge that follows tasks for it.
    #[must_use]
    pub fn with_tasks(self) -> Self {
        let mut capabilities = Draft::of_value(self.capabilities);
        capabilities.set(&["extensions", TASKS], b"{}");
        Self { capabilities: capabilities.into_bytes(), ..self }
    }

    /// Whether the client declared the capability at a path, such as `["elicitation", "url"]`.
    pub fn declares(&self, path: &[&str]) -> bool {
        find(&self.capabilities, path).is_some_and(|raw| raw.starts_with(b"{"))
    }
}

/// The longest name of a client, and the most of its capabilities, that a session id can carry.
const MAX_CLIENT: usize = 512;
const MAX_CAPABILITIES: usize = 2048;

/// A client's own description; a long one (icons may be whole images) is cut to the members that must be there.
fn client(raw: &Bytes) -> Bytes {
    if raw.len() <= MAX_CLIENT {
        // Copied, because a slice would keep the whole message in memory.
        return Bytes::copy_from_slice(raw);
    }
    let short =
        |name: &str| find(raw, &[name]).filter(|value| value.len() <= MAX_CLIENT / 4).unwrap_or(b"\"\"");
    let text = [&b"{\"name\":"[..], short("name"), b",\"version\":", short("version"), b"}"].concat();
    text.into()
}

/// The capabilities of a legacy client of `revision` in the words of 2026-07-28: without tasks, whose legacy form no
/// modern server knows, and without what the client's own revision does not know.
fn capabilities(raw: &Bytes, revision: Revision) -> Bytes {
    let mut draft = Draft::of_value(raw.clone());
    let is_long = raw.len() > MAX_CAPABILITIES;
    draft.each_member(&[], &mut |name, mut value| {
        let raw = value.get(&[]).filter(|raw| raw.starts_with(b"{"))?;
        match name {
            "roots" => Some(Draft::of_value(Bytes::from_static(b"{}"))),
            "elicitation" => elicitation(&raw, revision).map(Draft::of_value),
            "sampling" if raw.len() <= MAX_CAPABILITIES => Some(value),
            "experimental" if !is_long => Some(value),
            "extensions" if !is_long => {
                value.remove(&[TASKS]);
                Some(value)
            }
            _ => None,
        }
    });
    match draft.into_bytes() {
        object if object.starts_with(b"{") => Bytes::copy_from_slice(&object),
        _ => Bytes::from_static(b"{}"),
    }
}

/// Elicitation has a mode `url` since 2025-11-25; before, and where no mode is named, it means forms.
fn elicitation(value: &Bytes, revision: Revision) -> Option<Bytes> {
    let modes = ["form", "url"].map(|mode| find(value, &[mode]).is_some_and(|raw| raw.starts_with(b"{")));
    let modes = match revision {
        Revision::V2024_11_05 | Revision::V2025_03_26 => return None,
        Revision::V2025_06_18 => [true, false],
        Revision::V2025_11_25 | Revision::V2026_07_28 => [modes[0] || !modes[1], modes[1]],
    };
    Some(Bytes::from_static(match modes {
        [true, true] => b"{\"form\":{},\"url\":{}}",
        [true, false] => b"{\"form\":{}}",
        [false, _] => b"{\"url\":{}}",
    }))
}

/// An object of members.
pub fn object(members: &[(String, Bytes)]) -> Bytes {
    let mut out = vec![b'{'];
    for (name, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&quoted(name));
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
    out.into()
}

/// What the server asked for in an earlier round, answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// `inputResponses`, if anything was asked for.
    pub responses: Option<Bytes>,
    /// `requestState` as it came, byte by byte, if one came.
    pub state: Option<Bytes>,
}

/// A client's request for a server of `revision`; `None` when its parameters are no object.
pub fn request(
    message: &Message,
    id: u64,
    profile: &Profile,
    revision: Revision,
    input: &Input,
) -> Option<Message> {
    let shape = message.shape();
    let given = |member| shape.raw(member).filter(|raw| ***raw != *b"null");
    if given(Member::Params).is_some_and(|params| !params.starts_with(b"{")) {
        return None;
    }
    let mut meta = match given(Member::Meta) {
        Some(meta) if meta.starts_with(b"{") => Draft::of_value(meta.clone()),
        Some(_) => return None,
        None => Draft::of_value(Bytes::from_static(b"{}")),
    };
    stamp(&mut meta, profile, revision);
    let mut draft = Draft::of(message);
    draft.set(&["id"], id.to_string().as_bytes());
    if given(Member::Params).is_none() {
        draft.set(&["params"], b"{}");
    }
    draft.set(&["params", META], &meta.into_bytes());
    if shape.raw(Member::TaskAsked).is_some() {
        draft.remove(&["params", "task"]);
    }
    for (name, member, value) in [
        ("inputResponses", Member::InputResponses, &input.responses),
        ("requestState", Member::RequestState, &input.state),
    ] {
        match value {
            Some(value) => draft.set(&["params", name], value),
            // A client of a legacy revision has no business with it.
            None if shape.raw(member).is_some() => draft.remove(&["params", name]),
            None => {}
        }
    }
    Some(draft.into_message())
}

/// A request of the extension of tasks about the `task` with this name, on behalf of who made `request`: its `_meta`
/// goes along, but not its progress, which tasks do not have.
pub fn about_task(request: &Message, method: &str, task: &str) -> Message {
    let params = [&b"{\"taskId\":"[..], &quoted(task), b"}"].concat();
    let id = Id(Bytes::from_static(b"0"));
    let mut draft = Draft::of_value(server::request(Some(&id), method, Some(&params)));
    if let Some(meta) = request.shape().raw(Member::Meta).filter(|meta| meta.starts_with(b"{")) {
        draft.set(&["params", META], meta);
        draft.remove(&["params", META, "progressToken"]);
    }
    draft.into_message()
}

/// A request that no client made, with `params` as raw JSON.
pub fn own(method: &str, params: &str, id: u64, profile: &Profile, revision: Revision) -> Message {
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
    let mut meta = Draft::of_value(Bytes::from_static(b"{}"));
    stamp(&mut meta, profile, revision);
    let mut draft = Draft::of_value(text.into());
    draft.set(&["params", META], &meta.into_bytes());
    draft.into_message()
}

/// Writes into `_meta` what every request says of its client.
fn stamp(meta: &mut Draft, profile: &Profile, revision: Revision) {
    let mut member = |name: &str, value: Option<&[u8]>| match value {
        Some(value) => meta.set(&[name], value),
        None => meta.remove(&[name]),
    };
    member(PROTOCOL_VERSION, Some(&quoted(revision.as_str())));
    member(CLIENT_INFO, profile.client.as_deref());
    member(CLIENT_CAPABILITIES, Some(&profile.capabilities));
    member(LOG_LEVEL, profile.log_level.as_deref());
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODERN: Revision = Revision::V2026_07_28;

    fn message(text: &str) -> Message {
        Message::parse(text.to_owned().into())
    }

    fn profile(capabilities: &str, revision: Revision) -> Profile {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"capabilities":{capabilities},"clientInfo":{{"name":"c","version":"1"}}}}}}"#
        );
        Profile::of(&message(&text), revision)
    }

    #[test]
    fn capabilities_are_said_in_modern_words() {
        let said = r#"{"roots":{"listChanged":true},"sampling":{"tools":{}},"elicitation":{},"tasks":{},"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}},"other":{}}"#;
        let profile = |revision| profile(said, revision).capabilities;
        assert_eq!(
            profile(Revision::V2025_11_25),
            r#"{"roots":{},"sampling":{"tools":{}},"elicitation":{"form":{}},"extensions":{"a/b":{}}}"#
        );
        assert_eq!(
            profile(Revision::V2025_03_26),
            r#"{"roots":{},"sampling":{"tools":{}},"extensions":{"a/b":{}}}"#
        );
    }

    #[test]
    fn modes_of_elicitation_follow_the_revision() {
        let elicitation = |said: &str, revision| {
            let said = format!(r#"{{"elicitation":{said}}}"#);
            let profile = profile(&said, revision);
            [profile.declares(&["elicitation", "form"]), profile.declares(&["elicitation", "url"])]
        };
        assert_eq!(elicitation("{}", Revision::V2025_11_25), [true, false]);
        assert_eq!(elicitation(r#"{"url":{}}"#, Revision::V2025_11_25), [false, true]);
        assert_eq!(elicitation(r#"{"form":{},"url":{}}"#, Revision::V2025_11_25), [true, true]);
        assert_eq!(elicitation(r#"{"form":{},"url":{}}"#, Revision::V2025_06_18), [true, false]);
        assert_eq!(elicitation("{}", Revision::V2024_11_05), [false, false]);
    }

    #[test]
    fn a_request_says_who_asks_and_keeps_the_rest() {
        let came = r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"task":{"ttl":1},"requestState":"forged","_meta":{"progressToken":"p","io.modelcontextprotocol/logLevel":"debug"}}}"#;
        let made = request(&message(came), 9, &profile("{}", MODERN), MODERN, &Input::default()).unwrap();
        assert_eq!(
            made.to_wire(),
            r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#
        );
    }

    #[test]
    fn a_retry_carries_the_very_bytes_of_the_state() {
        let state = r#""\u00e9\"\\ü""#;
        let input = Input { responses: Some(r#"{"k":{}}"#.into()), state: Some(state.into()) };
        let came = message(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}"#);
        let made = request(&came, 2, &Profile::default(), MODERN, &input).unwrap();
        assert_eq!(made.shape().raw(Member::RequestState).unwrap(), state);
        assert_eq!(made.shape().raw(Member::InputResponses).unwrap(), r#"{"k":{}}"#);
    }

    #[test]
    fn a_request_about_a_task_names_it_and_keeps_what_is_said_besides() {
        let came = message(
            r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t","_meta":{"progressToken":1,"mine":[1.0]}}}"#,
        );
        let made = about_task(&came, "tasks/get", "a\"b");
        let profile = profile(r#"{"extensions":{"a/b":{}}}"#, Revision::V2025_11_25).with_tasks();
        let made = request(&made, 9, &profile, MODERN, &Input::default()).unwrap();
        assert_eq!(
            made.to_wire(),
            r#"{"jsonrpc":"2.0","id":9,"method":"tasks/get","params":{"taskId":"a\"b","_meta":{"mine":[1.0],"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"extensions":{"a/b":{},"io.modelcontextprotocol/tasks":{}}}}}}"#
        );
        assert_eq!(
            Profile::default().with_tasks().capabilities,
            r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#
        );
    }

    #[test]
    fn a_request_without_parameters_gets_some_and_a_wrong_one_is_refused() {
        let asked = |params: &str| {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list"{params}}}"#);
            request(&message(&text), 2, &Profile::default(), MODERN, &Input::default())
        };
        for fine in ["", r#","params":null"#, r#","params":{}"#, r#","params":{"_meta":null}"#] {
            let made = asked(fine).unwrap();
            assert_eq!(made.shape().text(Member::MetaRevision).unwrap(), "2026-07-28");
        }
        for wrong in [r#","params":[]"#, r#","params":{"_meta":1}"#] {
            assert_eq!(asked(wrong), None);
        }
    }

    #[test]
    fn a_long_name_of_a_client_is_cut_to_what_must_be_there() {
        let icon = "x".repeat(5000);
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"capabilities":{{"roots":{{}},"experimental":{{"e":"{icon}"}}}},"clientInfo":{{"name":"c","icons":["{icon}"],"version":"1"}}}}}}"#
        );
        let profile = Profile::of(&message(&text), Revision::V2025_11_25);
        assert_eq!(profile.client.unwrap(), r#"{"name":"c","version":"1"}"#);
        assert_eq!(profile.capabilities, r#"{"roots":{}}"#);
    }
}
