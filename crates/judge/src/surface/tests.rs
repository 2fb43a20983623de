use std::fmt::Write as _;

use tapgate_engine::Fact;
use tapgate_engine::surface::from_json;

use super::*;
use crate::tests::facts;

/// What is told of the offer in a transcript: kind, whether it is whole, names.
#[track_caller]
fn told(text: &str) -> Vec<(Offered, bool, Vec<String>)> {
    let read = |fact| {
        let Fact::Surface(surface) = fact else { return None };
        let names = from_json(&surface.items).unwrap().into_iter().map(|item| item.name).collect();
        Some((surface.kind, surface.whole, names))
    };
    facts(text).into_iter().filter_map(read).collect()
}

fn lists(text: &str) -> Vec<(bool, Vec<String>)> {
    let told = told(text).into_iter().filter(|(kind, ..)| *kind != Offered::Server);
    told.map(|(_, whole, names)| (whole, names)).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn pages_are_joined_and_told_once_they_are_all_there() {
    let found = lists(
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a"}],"nextCursor":"x"}
        client> ask 2 tools/list {"cursor":"\u0078"}
        server> answer 2 {"tools":[{"name":"b"}],"nextCursor":"y"}
        client> ask 3 tools/list {"cursor":"y"}
        server> answer 3 {"tools":[{"name":"c"}]}
    "#,
    );
    assert_eq!(found, [(true, names(&["a", "b", "c"]))]);
}

#[test]
fn a_list_that_breaks_off_is_told_as_one_that_is_not_whole() {
    let found = lists(
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a"}],"nextCursor":"x"}
        client end
        server end
        end
    "#,
    );
    assert_eq!(found, [(false, names(&["a"]))]);
}

#[test]
fn the_same_list_is_told_once_also_in_other_pages_and_another_one_anew() {
    let found = lists(
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","title":"A"},{"name":"b"}],"nextCursor":null}
        client> ask 2 tools/list
        server> answer 2 {"tools":[{"title":"\u0041","name":"a"}],"nextCursor":"x","_meta":{"n":1}}
        client> ask 3 tools/list {"cursor":"x"}
        server> answer 3 {"tools":[{"name":"b"}]}
        client> ask 4 tools/list
        server> answer 4 {"tools":[{"name":"b"}]}
    "#,
    );
    assert_eq!(found, [(true, names(&["a", "b"])), (true, names(&["b"]))]);
}

#[test]
fn a_page_from_the_middle_of_nowhere_says_nothing() {
    let found = lists(
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list {"cursor":"q"}
        server> answer 1 {"tools":[{"name":"b"}]}
        client> ask 2 tools/list
        server> fail 2 -32603 no
        client> ask 3 tools/call {"name":"x"}
        server> answer 3 {"tools":[{"name":"b"}],"content":[]}
    "#,
    );
    assert_eq!(found, []);
}

#[test]
fn every_kind_is_heard_and_the_server_itself() {
    let found = told(
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 prompts/list
        server> answer 1 {"prompts":[{"name":"p"}]}
        client> ask 2 resources/list
        server> answer 2 {"resources":[{"uri":"u:1"}]}
        client> ask 3 resources/templates/list
        server> answer 3 {"resourceTemplates":[{"uriTemplate":"u:{n}"}]}
    "#,
    );
    let expected = [
        (Offered::Server, true, names(&["capabilities", "identity"])),
        (Offered::Prompts, true, names(&["p"])),
        (Offered::Resources, true, names(&["u:1"])),
        (Offered::Templates, true, names(&["u:{n}"])),
    ];
    assert_eq!(found, expected);
}

#[test]
fn how_a_server_asks_for_credentials_is_a_part_of_it() {
    let found = told(
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 401 json  www-authenticate: Bearer resource_metadata="https://a/.well-known/oauth-protected-resource" | {"error":"x"}
        client[2] GET /.well-known/oauth-protected-resource | -
        server[2] 200 json | {"resource":"https://a/mcp","authorization_servers":["https://b"]}
    "#,
    );
    let all: Vec<_> = found.into_iter().map(|(kind, whole, names)| (kind, whole, names.join(" "))).collect();
    assert!(all.iter().all(|(kind, whole, _)| *kind == Offered::Server && !whole), "{all:?}");
    assert!(all.iter().any(|(.., names)| names == "auth"), "{all:?}");
    assert!(all.iter().any(|(.., names)| names.contains("auth-metadata")), "{all:?}");
}

#[test]
fn a_server_that_changes_all_the_time_fills_nothing() {
    let mut text = "hello 2025-06-18 {} {\"tools\":{}}\n".to_owned();
    for n in 1..=200 {
        let answer = format!(r#"server> answer {n} {{"tools":[{{"name":"t{n}"}}]}}"#);
        writeln!(text, "client> ask {n} tools/list\n{answer}").unwrap();
    }
    assert_eq!(told(&text).len(), MAX_TOLD as usize);
}

#[test]
fn names_and_cursors_without_end_are_not_kept() {
    let long = "n".repeat(MAX_BYTES);
    let text = format!(
        "hello 2025-06-18 {{}} {{\"tools\":{{}}}}\nclient> ask 1 tools/list\n\
         server> answer 1 {{\"tools\":[{{\"name\":\"{long}\"}},{{\"name\":\"{long}\"}},{{\"name\":\"c\"}}]}}\n"
    );
    let found = lists(&text);
    assert_eq!(found.iter().map(|(whole, names)| (*whole, names.len())).collect::<Vec<_>>(), [(false, 2)]);
    let cursor = "x".repeat(MAX_CURSOR);
    let text = format!(
        "hello 2025-06-18 {{}} {{\"tools\":{{}}}}\nclient> ask 1 tools/list\n\
         server> answer 1 {{\"tools\":[{{\"name\":\"a\"}}],\"nextCursor\":\"{cursor}\"}}\n"
    );
    assert_eq!(lists(&text), [(false, names(&["a"]))]);
}
