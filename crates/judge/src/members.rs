//! The members of `params` and `result` against what the schemas say of them.

use tapgate_wire::json::each;
use tapgate_wire::revision::{Field, Revision, Revisions};

use crate::json::{self, Type};

/// More than any object of the schemas has.
const MAX_FIELDS: usize = 16;

/// Something about a member that the schemas do not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is not there and must be.
    Missing,
    /// It has this type, and must have one of these.
    Type(Type, &'static str),
}

/// Tells each member of the object `raw` that is not as these fields are in a revision, or, where that is not known, in
/// every one. Members that no schema knows are nobody's business.
pub(crate) fn check(
    fields: &'static [Field],
    raw: &[u8],
    revision: Option<Revision>,
    tell: &mut impl FnMut(&'static str, Wrong),
) {
    let holds = |set: Revisions| match revision {
        Some(revision) => set.contains(revision),
        None => set == Revisions::ALL,
    };
    let mut seen = [false; MAX_FIELDS];
    each(raw, &mut |name, value| {
        let Some(place) = fields.iter().position(|field| json::is(name, field.name)) else { return };
        let Some(field) = fields.get(place).filter(|field| holds(field.known)) else { return };
        if let Some(seen) = seen.get_mut(place) {
            *seen = true;
        }
        let found = Type::of(value);
        if let Some((types, said)) = types(field.name)
            && !types.contains(&found)
        {
            tell(field.name, Wrong::Type(found, said));
        }
    });
    for (field, seen) in fields.iter().zip(seen) {
        if !seen && holds(field.required) {
            tell(field.name, Wrong::Missing);
        }
    }
}

/// The types that a member may have, the same wherever it stands; `None` where that differs or any will do.
fn types(name: &str) -> Option<(&'static [Type], &'static str)> {
    Some(match name {
        "action" | "description" | "elicitationId" | "includeContext" | "instructions" | "level"
        | "logger" | "message" | "mode" | "model" | "name" | "protocolVersion" | "reason"
        | "requestState" | "role" | "stopReason" | "systemPrompt" | "taskId" | "uri" | "url" => {
            (&[Type::String], "a string")
        }
        "argument" | "arguments" | "capabilities" | "clientInfo" | "completion" | "context"
        | "inputResponses" | "metadata" | "modelPreferences" | "notifications" | "ref"
        | "requestedSchema" | "serverInfo" | "task" | "toolChoice" => (&[Type::Object], "an object"),
        "contents" | "messages" | "prompts" | "resourceTemplates" | "resources" | "roots"
        | "stopSequences" | "supportedVersions" | "tasks" | "tools" => (&[Type::Array], "an array"),
        "content" => (&[Type::Array, Type::Object], "an array or an object"),
        "isError" => (&[Type::Boolean], "a boolean"),
        "maxTokens" | "progress" | "temperature" | "total" => (&[Type::Number], "a number"),
        "progressToken" | "requestId" => (&[Type::String, Type::Number], "a string or an integer"),
        _ => return None,
    })
}
