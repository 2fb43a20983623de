//! The `endpoint` event of 2024-11-05, which names a session by where its messages go.

use http::Uri;
use tapgate_wire::Leg;

use crate::input::Input;

/// Whether a frame is an `endpoint` event.
pub(super) fn names_endpoint(input: &Input) -> bool {
    let (Input::Message {
        from: Leg::Server,
        carried,
        ..
    }
    | Input::Stray {
        from: Leg::Server,
        carried,
        ..
    }) = input
    else {
        return false;
    };
    carried
        .event
        .as_ref()
        .is_some_and(|event| event.name.as_deref() == Some("endpoint"))
}

/// The path and query that an `endpoint` event names, resolved against the URI of its stream.
///
/// Spec 2024-11-05, basic/transports: the first event of the stream says where to POST.
pub(super) fn endpoint_of(input: &Input, base: &Uri) -> Option<Vec<u8>> {
    let text = match input {
        input if !names_endpoint(input) => return None,
        Input::Message { message, .. } => message.raw(),
        Input::Stray { bytes, .. } => bytes,
        _ => return None,
    };
    let text = std::str::from_utf8(text).ok()?.trim();
    if text.contains("://") {
        let uri: Uri = text.parse().ok()?;
        return Some(uri.path_and_query()?.as_str().as_bytes().to_vec());
    }
    let path = base.path();
    let place = match text.chars().next()? {
        '/' => text.to_owned(),
        '?' => format!("{path}{text}"),
        _ => format!(
            "{}/{text}",
            path.rsplit_once('/').map_or("", |(folder, _)| folder)
        ),
    };
    Some(place.into_bytes())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Uri;
    use tapgate_wire::stream::{Carried, Event};
    use tapgate_wire::{Leg, StreamId};

    use super::endpoint_of;
    use crate::input::Input;

    #[test]
    fn an_endpoint_is_resolved_against_its_stream() {
        let base = Uri::from_static("http://127.0.0.1:1/mcp/sse?key=1");
        let cases = [
            ("/messages?session=a", "/messages?session=a"),
            ("messages?session=a", "/mcp/messages?session=a"),
            ("?session=a", "/mcp/sse?session=a"),
            (" http://other.example:9/m?s=1\n", "/m?s=1"),
        ];
        for (text, place) in cases {
            let event = Event {
                name: Some("endpoint".into()),
                ..Event::default()
            };
            let input = Input::Stray {
                stream: StreamId(1),
                from: Leg::Server,
                carried: Carried {
                    event: Some(event),
                    ..Carried::default()
                },
                bytes: Bytes::from_static(text.as_bytes()),
                faults: Vec::new(),
            };
            assert_eq!(
                endpoint_of(&input, &base).as_deref(),
                Some(place.as_bytes()),
                "{text}"
            );
        }
    }
}
