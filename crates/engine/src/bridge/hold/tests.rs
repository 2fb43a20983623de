use super::*;
use crate::surface::Surface;

const READ: &str = r#"{"name":"read","description":"Reads."}"#;
const WRITE: &str = r#"{"name":"write"}"#;

fn hold(tools: &[&str]) -> Hold {
    let items = tools.iter().map(|tool| Item::of(Offered::Tools, Value::parse(tool.as_bytes()).unwrap()));
    let mut surface = Surface::default();
    surface.set(Offered::Tools, items.collect());
    let mut hold = Hold::of(Offered::Tools);
    hold.set(Arc::new(Lock { surface, ..Lock::default() }));
    hold
}

fn answer(tools: &str) -> Message {
    Message::parse(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{tools}}}}}"#).into())
}

fn call(tool: &str) -> Message {
    let text = format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"{tool}"}}}}"#);
    Message::parse(text.into())
}

/// What is left of the tools of a list, and what is said.
#[track_caller]
fn sifted(hold: &mut Hold, tools: &str) -> (Option<String>, Vec<String>) {
    let mut acts = Vec::new();
    let left = hold.sift("srv", true, &answer(tools), &mut acts);
    let left = left.map(|left| {
        let tools = find(left.raw(), &["result", "tools"]).unwrap();
        String::from_utf8(tools.to_vec()).unwrap()
    });
    let said = acts.into_iter().map(|act| if let Act::Note(text) = act { text } else { panic!("{act:?}") });
    (left, said.collect())
}

#[test]
fn a_list_that_is_as_the_lock_says_passes_as_it_came() {
    let mut hold = hold(&[READ, WRITE]);
    for tools in [
        format!("[{READ},{WRITE}]"),
        // The same in other words.
        format!(r#"[ {WRITE}, {{"description":"Re\u0061ds.","name":"read"}} ]"#),
    ] {
        assert_eq!(sifted(&mut hold, &tools), (None, vec![]), "{tools}");
    }
    assert_eq!(hold.refuses(&call("read")), None);
}

#[test]
fn what_changed_and_what_is_new_is_left_out_refused_and_told_once() {
    let mut hold = hold(&[READ, WRITE]);
    let tools = format!(r#"[{{"name":"read","description":"Reads and sends."}},{WRITE},{{"name":"new"}}]"#);
    let (left, said) = sifted(&mut hold, &tools);
    assert_eq!(left.unwrap(), format!("[{WRITE}]"));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("`read` of `srv` is not what the lock file says"), "{said:?}");
    assert!(said[1].contains("`new` of `srv` is not in the lock file"), "{said:?}");
    assert_eq!(sifted(&mut hold, &tools).1, Vec::<String>::new());
    for (tool, is_refused) in [("read", true), ("new", true), ("write", false), ("other", true)] {
        let text = hold.refuses(&call(tool));
        assert_eq!(text.is_some(), is_refused, "{tool}");
        assert!(text.is_none_or(|text| text.contains(&format!("tapgate lock approve {tool}"))));
    }
}

#[test]
fn a_tool_that_is_as_it_was_again_passes_again() {
    let mut hold = hold(&[READ]);
    sifted(&mut hold, r#"[{"name":"read","description":"Sends."}]"#);
    assert!(hold.refuses(&call("read")).is_some());
    assert_eq!(sifted(&mut hold, &format!("[{READ}]")).0, None);
    assert_eq!(hold.refuses(&call("read")), None);
}

#[test]
fn who_calls_before_a_list_came_knows_the_tool_from_an_earlier_one() {
    let hold = hold(&[READ]);
    assert_eq!(hold.refuses(&call("read")), None);
    assert!(hold.refuses(&call("write")).is_some());
}

#[test]
fn a_second_tool_of_a_name_does_not_slip_in() {
    let mut hold = hold(&[READ]);
    let (left, _) = sifted(&mut hold, &format!(r#"[{{"name":"read","description":"Sends."}},{READ}]"#));
    assert_eq!(left.unwrap(), format!("[{READ}]"));
    assert!(hold.refuses(&call("read")).is_some(), "nobody knows which of them the server would run");
}

#[test]
fn no_reading_of_repeated_members_shows_what_is_held() {
    let mut hold = hold(&[READ]);
    let (left, _) = sifted(&mut hold, r#"[{"name":"read","description":"Sends.","description":"Reads."}]"#);
    assert!(!left.unwrap().contains("Sends"));
    let twice =
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{{"name":"evil"}}],"tools":[{READ}]}}}}"#);
    let left = hold.sift("srv", true, &Message::parse(twice.into()), &mut Vec::new()).unwrap();
    assert!(!left.to_wire().windows(4).any(|window| window == b"evil"));
    for (result, tools) in
        [("result", "Tools"), ("result", "tool\u{17f}"), ("Result", "tools"), ("RESULT", "TOOLS")]
    {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{READ}],"x":1}},"y":{{}}}}"#);
        let text = if result == "result" {
            text.replace(r#""x":1"#, &format!(r#""{tools}":[{{"name":"evil"}}]"#))
        } else {
            text.replace(r#""y":{}"#, &format!(r#""{result}":{{"{tools}":[{{"name":"evil"}}]}}"#))
        };
        let left = hold.sift("srv", true, &Message::parse(text.clone().into()), &mut Vec::new());
        let left = left.unwrap_or_else(|| panic!("{text}")).to_wire();
        assert!(!left.windows(4).any(|window| window == b"evil"), "{text}");
    }
    let (left, _) = sifted(&mut hold, r#"{"0":{"name":"evil"}}"#);
    assert_eq!(left.unwrap(), "[]");
    let (left, _) = sifted(&mut hold, r#"[7,"x",null,{}]"#);
    assert_eq!(left.unwrap(), "[]");
}

#[test]
fn a_tool_that_is_gone_is_only_told_and_only_of_a_whole_list() {
    let mut hold = hold(&[READ, WRITE]);
    let mut acts = Vec::new();
    let page = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{READ}],"nextCursor":"x"}}}}"#);
    assert!(hold.sift("srv", true, &Message::parse(page.into()), &mut acts).is_none());
    assert!(hold.sift("srv", false, &answer("[]"), &mut acts).is_none());
    assert!(acts.is_empty(), "{acts:?}");
    let (left, said) = sifted(&mut hold, &format!("[{READ}]"));
    assert_eq!(
        (left, said),
        (None, vec!["`srv` does not offer the tool `write` that the lock file has".to_owned()])
    );
}

#[test]
fn without_a_lock_nothing_is_read_and_nothing_held() {
    let mut hold = Hold::of(Offered::Tools);
    assert_eq!(sifted(&mut hold, r#"[{"name":"a","name":"b"}]"#), (None, vec![]));
    assert_eq!(hold.refuses(&call("a")), None);
}

#[test]
fn a_server_that_makes_up_tools_fills_nothing() {
    let mut hold = hold(&[READ]);
    for n in 0..2 * MAX_TOLD {
        sifted(&mut hold, &format!(r#"[{{"name":"t{n}"}}]"#));
    }
    assert!(hold.told.len() <= MAX_TOLD);
    let mut tools: Vec<String> = (0..2 * MAX_LISTED).map(|n| format!(r#"{{"name":"u{n}"}}"#)).collect();
    tools.push(format!(r#"{{"name":"{}"}}"#, "n".repeat(MAX_NAME + 1)));
    tools.extend((0..100).map(|n| format!(r#"{{"name":"read","title":"{n}"}}"#)));
    sifted(&mut hold, &format!("[{}]", tools.join(",")));
    assert!(hold.listed.len() <= MAX_LISTED + 1);
    assert!(hold.listed.values().all(|digests| digests.len() <= MAX_TWINS + 1));
    assert!(hold.listed.keys().all(|name| name.len() <= MAX_NAME));
    assert!(hold.refuses(&call("read")).is_some());
}

#[test]
fn a_lock_that_changes_elsewhere_lets_nothing_pass_that_was_held() {
    let mut hold = hold(&[READ]);
    sifted(&mut hold, r#"[{"name":"read","description":"Sends."},{"name":"new"}]"#);
    let lock = |tools: &[&str]| self::hold(tools).lock.unwrap();
    hold.set(lock(&[READ, WRITE]));
    assert!(hold.refuses(&call("read")).is_some());
    hold.set(lock(&[r#"{"name":"read","description":"Sends."}"#, r#"{"name":"new","title":"x"}"#]));
    assert_eq!(hold.refuses(&call("read")), None);
    assert!(
        hold.refuses(&call("new")).is_some(),
        "another definition was approved than the one that was listed"
    );
}

#[test]
fn prompts_are_held_as_tools_are_and_only_by_a_lock_that_has_some() {
    let list = |prompts: &str| {
        Message::parse(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"prompts":{prompts}}}}}"#).into())
    };
    let get = |prompt: &str| {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":2,"method":"prompts/get","params":{{"name":"{prompt}"}}}}"#);
        Message::parse(text.into())
    };
    let mut hold = Hold::of(Offered::Prompts);
    hold.set(Arc::new(Lock::default()));
    let mut acts = Vec::new();
    let both = r#"[{"name":"ask","description":"Asks."},{"name":"new"}]"#;
    assert!(hold.sift("srv", true, &list(both), &mut acts).is_none() && acts.is_empty());
    assert_eq!(hold.refuses(&get("new")), None, "such a lock says nothing of prompts");

    let mut surface = Surface::default();
    let ask = Value::parse(br#"{"name":"ask","description":"Asks."}"#).unwrap();
    surface.set(Offered::Prompts, vec![Item::of(Offered::Prompts, ask)]);
    hold.set(Arc::new(Lock { surface, ..Lock::default() }));
    let left = hold.sift("srv", true, &list(both), &mut acts).unwrap();
    assert_eq!(
        find(left.raw(), &["result", "prompts"]).unwrap(),
        br#"[{"name":"ask","description":"Asks."}]"#
    );
    assert!(matches!(acts.as_slice(), [Act::Note(text)] if text.starts_with("the prompt `new` of `srv`")));
    assert_eq!(hold.refuses(&get("ask")), None);
    assert!(hold.refuses(&get("new")).unwrap().contains("the prompt `new`: the lock file does not have it"));
    assert_eq!(hold.refuses(&call("new")), None, "a tool of that name is another thing");
}
