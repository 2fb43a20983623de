//! What to say about a request that was never recorded: what was, that is nearest to it.

use serde_json::{Value as Json, json};

use super::essence;
use crate::capture::{Call, Capture};
use crate::replay::{Difference, Ignored, compare};

/// Most names that are told.
const MAX_NAMES: usize = 8;

/// Most places in which two requests differ that are told.
const MAX_PLACES: usize = 3;

/// Words for a person, and the same for a program.
pub fn nearest(capture: &Capture, method: &str, wanted: &Json) -> (String, Json) {
    let session = capture.session.id;
    if capture.calls.is_empty() {
        let text = format!("{session} has no calls, so clients are greeted and nothing else is answered");
        return (text, json!({ "recorded": [] }));
    }
    let same: Vec<&Call> = capture.calls.iter().filter(|call| call.row.method == method).collect();
    if same.is_empty() {
        let known = names(capture.calls.iter().map(|call| call.row.method.as_str()), method);
        let text = format!("{method} is not recorded in {session}; recorded are {}", known.join(", "));
        return (text, json!({ "recorded": known }));
    }
    let what = target(wanted);
    let like: Vec<&&Call> = same.iter().filter(|call| target(&asked(call)) == what).collect();
    let of = what.map(|what| format!(" of {what}")).unwrap_or_default();
    if like.is_empty() {
        let targets: Vec<String> =
            same.iter().filter_map(|call| target(&asked(call)).map(str::to_owned)).collect();
        let known = names(targets.iter().map(String::as_str), what.unwrap_or_default());
        let text = format!("{method}{of} is not recorded in {session}; recorded are {}", known.join(", "));
        return (text, json!({ "recorded": known }));
    }
    let apart = |call: &Call| compare(&asked(call), wanted, &Ignored::default());
    let near = like.iter().map(|call| (call, apart(call))).min_by_key(|(_, apart)| apart.len());
    let Some((call, apart)) = near else { return (String::new(), Json::Null) };
    let told = |place: &Difference| format!("{} is {}", place.path, place.was.as_deref().unwrap_or("absent"));
    let places: Vec<String> = apart.iter().take(MAX_PLACES).map(told).collect();
    let more = if apart.len() > MAX_PLACES { ", and more" } else { "" };
    let text = format!(
        "{method}{of} with these parameters is not recorded in {session} ({n} of {method}{of} are); the nearest is {id}, where {places}{more}",
        n = like.len(),
        id = call.row.id,
        places = places.join(", "),
    );
    let paths: Vec<&str> = apart.iter().map(|place| place.path.as_str()).collect();
    (text, json!({ "nearest": call.row.id.to_string(), "differs": paths }))
}

fn asked(call: &Call) -> Json {
    essence(call.request().and_then(|request| request.get("params")).unwrap_or(&Json::Null))
}

/// The tool, prompt or resource.
fn target(params: &Json) -> Option<&str> {
    params.get("name").or_else(|| params.get("uri")).and_then(Json::as_str)
}

/// Names without repetition, the one that is most like `word` first.
fn names<'n>(names: impl Iterator<Item = &'n str>, word: &str) -> Vec<&'n str> {
    let mut known: Vec<&str> = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    if let Some(near) = tapgate_expr::nearest(word, known.iter().copied())
        && let Some(place) = known.iter().position(|name| *name == near)
    {
        known.swap(0, place);
    }
    known.truncate(MAX_NAMES);
    known
}
