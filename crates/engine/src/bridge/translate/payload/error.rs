//! Errors that are numbered differently in another era.

use tapgate_wire::Message;
use tapgate_wire::shape::Member;

use super::super::draft::Draft;
use super::quoted;

/// Writes a modern server's error for a legacy client. Anything else stays.
pub fn error_down(message: &Message, method: &str) -> Message {
    let shape = message.shape();
    let code: &[u8] = match shape.int(Member::ErrorCode) {
        // Spec 2025-11-25, server/resources, Error Handling: a resource that is not there has its own code.
        Some(-32_602)
            if method == "resources/read" && shape.inside(Member::ErrorData, &["uri"]).is_some() =>
        {
            b"-32002"
        }
        // Headers and versions are the bridge's own affair on this leg.
        Some(-32_020 | -32_022) => b"-32603",
        _ => return message.clone(),
    };
    recode(message, code).into_message()
}

/// Writes a legacy server's error for a modern client; `uri` is that of a `resources/read`. Anything else stays.
///
/// Spec 2026-07-28, basic/index, Error Codes: -32002 and -32042 are not sent any more.
pub fn error_up(message: &Message, uri: Option<&str>) -> Message {
    match (message.shape().int(Member::ErrorCode), uri) {
        (Some(-32_002), Some(uri)) => {
            let mut draft = recode(message, b"-32602");
            if draft.get(&["error", "data", "uri"]).is_none() {
                draft.set(&["error", "data", "uri"], &quoted(uri.as_bytes()));
            }
            draft.into_message()
        }
        (Some(-32_002), None) => recode(message, b"-32603").into_message(),
        (Some(-32_042), _) => {
            let mut draft = recode(message, b"-32021");
            draft.set(&["error", "data"], br#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#);
            draft.into_message()
        }
        _ => message.clone(),
    }
}

/// Writes an error that a server numbers as drafts of 2026-07-28 did in the codes of the release, if its content
/// proves what it means. Anything else stays.
///
/// Spec 2026-07-28, changelog: -32001, -32003 and -32004 became -32020, -32021 and -32022.
pub fn error_released(message: &Message) -> Message {
    let shape = message.shape();
    let holds = |name: &str, start: &[u8]| {
        shape.inside(Member::ErrorData, &[name]).is_some_and(|value| value.starts_with(start))
    };
    let code: &[u8] = match shape.int(Member::ErrorCode) {
        // This one carries no data, but drafts prescribe how its message begins.
        Some(-32_001) if shape.text(Member::ErrorMessage).is_some_and(|text| is_header_mismatch(&text)) => {
            b"-32020"
        }
        Some(-32_003) if holds("requiredCapabilities", b"{") => b"-32021",
        Some(-32_004) if holds("supported", b"[") => b"-32022",
        _ => return message.clone(),
    };
    recode(message, code).into_message()
}

fn is_header_mismatch(text: &str) -> bool {
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).take(14).collect();
    letters.eq_ignore_ascii_case("HeaderMismatch")
}

fn recode(message: &Message, code: &[u8]) -> Draft {
    let mut draft = Draft::of(message);
    draft.set(&["error", "code"], code);
    draft
}
