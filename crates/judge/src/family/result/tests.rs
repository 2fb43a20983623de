use crate::tests::found;

/// What is found about calls of a tool with this input schema and output schema.
fn said(input: &str, output: &str, arguments: &str, structured: &str) -> Vec<String> {
    let found = found(&format!(
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {{"tools":[{{"name":"a","inputSchema":{input},"outputSchema":{output}}}]}}
        client> ask 2 tools/call {{"name":"a","arguments":{arguments}}}
        server> answer 2 {{"content":[],"structuredContent":{structured}}}
        "#
    ));
    let of_result = found.iter().filter(|finding| finding.rule.id.starts_with("result."));
    of_result.map(|finding| String::from_utf8_lossy(&finding.text).into_owned()).collect()
}

#[test]
fn a_misfit_is_told_by_place_and_kind_and_not_by_value() {
    let input = r#"{"type":"object","properties":{"key":{"type":"object","properties":{"secret":{"type":"integer"}}}}}"#;
    assert_eq!(
        said(input, r#"{"type":"object"}"#, r#"{"key":{"secret":"hunter2"}}"#, "{}"),
        [
            "In the arguments for `a`, what was sent is a string where the schema wants \"integer\" at /key/secret."
        ]
    );
    let output = r#"{"type":"object","properties":{"n":{"enum":[1,2]}}}"#;
    assert_eq!(
        said(r#"{"type":"object"}"#, output, "{}", r#"{"n":3}"#),
        [
            "In the structured result of `a`, what was sent is none of the 2 values that the schema lists at /n."
        ]
    );
}

#[test]
fn only_a_list_that_was_seen_whole_is_held_against_calls() {
    let first = r#"
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","required":["q"]}}],"nextCursor":"2"}"#;
    let second = r#"
        client> ask 2 tools/list {"cursor":"2"}
        server> answer 2 {"tools":[{"name":"b","inputSchema":{"type":"object"}}]}"#;
    let n = |pages: &str| {
        let call = "client> ask 9 tools/call {\"name\":\"a\"}";
        let found = found(&format!("hello 2025-11-25\n{pages}\n{call}"));
        found.iter().filter(|finding| finding.rule.id == "result.arguments").count()
    };
    assert_eq!(n(&format!("{first}{second}")), 1);
    assert_eq!(n(first), 0);
    assert_eq!(n(second), 0);
    assert_eq!(n(&format!("{first}{second}\nlost 5")), 0);
    assert_eq!(n(&format!("{first}{second}{first}")), 0);
    assert_eq!(n(&format!("{first}{second}\nserver> tell notifications/tools/list_changed")), 0);
}

#[test]
fn of_two_tools_with_one_name_none_is_held_against_calls() {
    let found = found(
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","required":["q"]}},{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"a"}
        "#,
    );
    assert!(!found.iter().any(|finding| finding.rule.id == "result.arguments"), "{found:?}");
}
