use super::*;

fn list(tools: &str) -> Message {
    Message::parse(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{tools}]}}}}"#).into())
}

fn tool(name: &str, schema: &str) -> String {
    format!(r#"{{"name":"{name}","inputSchema":{schema}}}"#)
}

fn call(name: &str, arguments: &str) -> Message {
    let params = format!(r#"{{"name":"{name}","arguments":{arguments}}}"#);
    Message::parse(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#).into())
}

/// Tools that know one tool `t` with a string `s`, an integer `o.i` and a boolean `b`.
fn tools() -> Tools {
    let schema = r#"{"type":"object","properties":{
        "s":{"type":"string","x-mcp-header":"Region"},
        "o":{"type":"object","properties":{"i":{"x-mcp-header":"Count","type":"integer"}}},
        "b":{"type":"boolean","x-mcp-header":"Method"},
        "plain":{"type":"string"}}}"#;
    let mut tools = Tools::default();
    assert_eq!(tools.learn(&list(&tool("t", schema))), []);
    tools
}

fn told(tools: &Tools, call: &Message) -> Vec<(String, String)> {
    let text = |value: HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
    tools.mirrors(call).into_iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn why(schema: &str) -> Option<String> {
    let mut tools = Tools::default();
    let mut dropped = tools.learn(&list(&tool("t", schema)));
    assert_eq!(tools.knows("t"), dropped.is_empty(), "{schema}");
    dropped.pop().map(|dropped| dropped.why)
}

#[test]
fn arguments_are_mirrored_as_the_specification_writes_them() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            r#"{"s":"us-west1","o":{"i":-7},"b":true,"plain":"x"}"#,
            &[("mcp-param-region", "us-west1"), ("mcp-param-count", "-7"), ("mcp-param-method", "true")],
        ),
        (r#"{"s":null,"o":{"i":null}}"#, &[]),
        (r#"{"i":1,"o":[{"i":1}],"b":{},"s":[]}"#, &[]),
        (r#"{"s":""}"#, &[("mcp-param-region", "")]),
        (r#"{"s":"\u65e5\u672c"}"#, &[("mcp-param-region", "=?base64?5pel5pys?=")]),
        (r#"{"s":" a\n"}"#, &[("mcp-param-region", "=?base64?IGEK?=")]),
        (r#"{"s":"=?base64?eA==?="}"#, &[("mcp-param-region", "=?base64?PT9iYXNlNjQ/ZUE9PT89?=")]),
        (r#"{"o":{"i":42.0}}"#, &[("mcp-param-count", "42")]),
        (r#"{"o":{"i":-1.20e3}}"#, &[("mcp-param-count", "-1200")]),
        (r#"{"o":{"i":-0}}"#, &[("mcp-param-count", "0")]),
        (r#"{"o":{"i":9007199254740993}}"#, &[("mcp-param-count", "9007199254740993")]),
        (r#"{"o":{"i":1.5}}"#, &[("mcp-param-count", "1.5")]),
        (r#"{"o":{"i":1e999999999999999999999}}"#, &[("mcp-param-count", "1e999999999999999999999")]),
        (r#"{"s":"a","s":"b"}"#, &[("mcp-param-region", "b")]),
        ("7", &[]),
    ];
    let tools = tools();
    for (arguments, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(told(&tools, &call("t", arguments)), expected, "{arguments}");
    }
    assert_eq!(told(&tools, &call("u", r#"{"s":"a"}"#)), []);
    assert_eq!(told(&tools, &Message::parse("[]".into())), []);
}

#[test]
fn what_is_mirrored_is_what_leaves() {
    let mut edited = call("t", r#"{"s":"before"}"#);
    let raw = std::str::from_utf8(edited.raw()).unwrap();
    let at = raw.find("before").unwrap();
    edited.splice(at..at + 6, "after".into()).unwrap();
    assert_eq!(told(&tools(), &edited), [("mcp-param-region".to_owned(), "after".to_owned())]);
}

#[test]
fn headers_are_checked_against_the_arguments() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Result<(), &'a str>);
    let differs = "header mcp-param-region does not match the arguments";
    let cases: &[Case<'_>] = &[
        (r#"{"s":"a"}"#, &[("Mcp-Param-Region", "a")], Ok(())),
        (r#"{"s":"a"}"#, &[("Mcp-Param-Region", "  a ")], Ok(())),
        (r#"{"s":"a"}"#, &[("Mcp-Param-Region", "=?base64?YQ==?=")], Ok(())),
        (r#"{"s":"a"}"#, &[("Mcp-Param-Region", "a"), ("Mcp-Param-Else", "b")], Ok(())),
        (r#"{"s":"a"}"#, &[], Err("header mcp-param-region is missing")),
        (r#"{"s":"a"}"#, &[("Mcp-Param-Region", "A")], Err(differs)),
        (r#"{"s":"a"}"#, &[("Mcp-Param-Region", "a"), ("Mcp-Param-Region", "b")], Err(differs)),
        (r#"{"s":"a"}"#, &[("Mcp-Param-Region", "=?BASE64?YQ==?=")], Err(differs)),
        (
            r#"{"s":"a"}"#,
            &[("Mcp-Param-Region", "=?base64?YQ?=")],
            Err("mcp-param-region: header value is not valid Base64"),
        ),
        (r#"{"s":"1"}"#, &[("Mcp-Param-Region", "1.0")], Err(differs)),
        (r#"{"s":""}"#, &[("Mcp-Param-Region", "")], Ok(())),
        (r#"{"s":""}"#, &[], Err("header mcp-param-region is missing")),
        ("{}", &[], Ok(())),
        (r#"{"s":null}"#, &[], Ok(())),
        (r#"{"s":null}"#, &[("Mcp-Param-Region", "null")], Err(differs)),
        ("{}", &[("Mcp-Param-Region", "")], Err(differs)),
        (r#"{"s":[]}"#, &[], Ok(())),
        (r#"{"s":[]}"#, &[("Mcp-Param-Region", "[]")], Err(differs)),
        (r#"{"o":{"i":42}}"#, &[("Mcp-Param-Count", "42.0")], Ok(())),
        (r#"{"o":{"i":42.00}}"#, &[("Mcp-Param-Count", "4.2E+1")], Ok(())),
        (r#"{"o":{"i":0}}"#, &[("Mcp-Param-Count", "-0.0e9")], Ok(())),
        (
            r#"{"o":{"i":9007199254740993}}"#,
            &[("Mcp-Param-Count", "9007199254740992")],
            Err("header mcp-param-count does not match the arguments"),
        ),
        (
            r#"{"o":{"i":42}}"#,
            &[("Mcp-Param-Count", "-42")],
            Err("header mcp-param-count does not match the arguments"),
        ),
        (
            r#"{"o":{"i":0}}"#,
            &[("Mcp-Param-Count", "")],
            Err("header mcp-param-count does not match the arguments"),
        ),
        (r#"{"b":false}"#, &[("Mcp-Param-Method", "false")], Ok(())),
        (
            r#"{"b":false}"#,
            &[("Mcp-Param-Method", "False")],
            Err("header mcp-param-method does not match the arguments"),
        ),
    ];
    let tools = tools();
    for (arguments, headers, expected) in cases {
        let mut map = HeaderMap::new();
        for (name, value) in *headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let expected = expected.map_err(str::to_owned);
        let checked = tools.check(&call("t", arguments), &map).map_err(|why| why.to_string());
        assert_eq!(checked, expected, "{arguments} {headers:?}");
        assert_eq!(tools.check(&call("unknown", arguments), &map), Ok(()));
    }
}

#[test]
fn what_is_mirrored_passes_the_check() {
    let tools = tools();
    for arguments in [r#"{"s":" \ud800é\u0000","o":{"i":1e3},"b":true}"#, r#"{"s":"=?base64??="}"#, "{}"] {
        let call = call("t", arguments);
        let headers: HeaderMap = tools.mirrors(&call).into_iter().collect();
        assert_eq!(tools.check(&call, &headers), Ok(()), "{arguments}");
    }
}

#[test]
fn a_tool_with_an_invalid_annotation_is_dropped_and_says_why() {
    let property = |inside: &str| format!(r#"{{"properties":{{"a":{{{inside}}}}}}}"#);
    let reached = "mcp-param-x annotates what is not reached by properties alone";
    let typed = "mcp-param-x annotates what is neither a string nor an integer nor a boolean";
    let cases = [
        (property(r#""type":"string","x-mcp-header":"""#), r#"x-mcp-header "" is no name for a header"#),
        (property(r#""type":"string","x-mcp-header":"a b""#), r#"x-mcp-header "a b" is no name for a header"#),
        (property(r#""type":"string","x-mcp-header":"a\r\n""#), r#"x-mcp-header "a\r\n" is no name for a header"#),
        (property(r#""type":"string","x-mcp-header":"é""#), r#"x-mcp-header "é" is no name for a header"#),
        (property(r#""type":"string","x-mcp-header":7"#), "x-mcp-header is not a string"),
        (property(r#""type":"string","x-mcp-header":null"#), "x-mcp-header is not a string"),
        (property(r#""type":"string","x-mcp-header":{"type":"string"}"#), "x-mcp-header is not a string"),
        (property(r#""type":"number","x-mcp-header":"x""#), typed),
        (property(r#""type":"array","x-mcp-header":"x""#), typed),
        (property(r#""type":["string"],"x-mcp-header":"x""#), typed),
        (property(r#""x-mcp-header":"x""#), typed),
        (property(r##""$ref":"#/$defs/a","x-mcp-header":"x""##), typed),
        (property(r#""items":{"type":"string","x-mcp-header":"x"}"#), reached),
        (property(r#""anyOf":[{"type":"string","x-mcp-header":"x"}]"#), reached),
        (property(r#""anyOf":[{"properties":{"b":{"type":"string","x-mcp-header":"x"}}}]"#), reached),
        (r#"{"type":"string","x-mcp-header":"x"}"#.to_owned(), reached),
        (r#"{"$defs":{"a":{"type":"string","x-mcp-header":"x"}}}"#.to_owned(), reached),
        (r#"{"if":{"properties":{"a":{"type":"string","x-mcp-\u0068eader":"x"}}}}"#.to_owned(), reached),
        (
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"x"},"b":{"type":"string","x-mcp-header":"X"}}}"#
                .to_owned(),
            "mcp-param-x or its property is annotated twice",
        ),
        (
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"y"},"a":{"type":"string","x-mcp-header":"x"}}}"#
                .to_owned(),
            "mcp-param-x or its property is annotated twice",
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(why(&schema).as_deref(), Some(expected), "{schema}");
    }
}

#[test]
fn what_only_looks_like_an_annotation_is_none() {
    for schema in [
        r#"{"properties":{"x-mcp-header":{"type":"string"}}}"#,
        r#"{"properties":{"a":{"default":{"x-mcp-header":7},"enum":[{"x-mcp-header":""}]}}}"#,
        r#"{"properties":{"a":{"description":"x-mcp-header"}}}"#,
        r#"{"properties":{"properties":{"type":"string","x-mcp-header":"x"}}}"#,
        r#"[{"x-mcp-header":7}]"#,
        "null",
        r#""x-mcp-header""#,
    ] {
        assert_eq!(why(schema), None, "{schema}");
    }
    let deep = format!("{}1{}", r#"{"items":"#.repeat(5000), "}".repeat(5000));
    assert_eq!(why(&deep), None);
}

#[test]
fn pages_add_up_and_a_tool_that_comes_again_is_read_again() {
    let mut tools = tools();
    let other = tool("u", r#"{"properties":{"s":{"type":"string","x-mcp-header":"S"}}}"#);
    assert_eq!(tools.learn(&list(&other)), []);
    assert!(tools.knows("t") && tools.knows("u") && !tools.knows("v"));
    tools.learn(&list(&tool("t", "{}")));
    assert!(tools.knows("t"));
    assert_eq!(told(&tools, &call("t", r#"{"s":"a"}"#)), []);
    assert_eq!(told(&tools, &call("u", r#"{"s":"a"}"#)).len(), 1);
    let before = tools.learn(&list(&tool("u", r#"{"x-mcp-header":7}"#)));
    assert!(before.len() == 1 && !tools.knows("u"));
    tools.forget();
    assert!(!tools.knows("t") && tools.n_bytes + tools.n_mirrors == 0);
}

#[test]
fn odd_lists_teach_nothing() {
    let mut tools = Tools::default();
    for raw in
        ["", "[]", r#"{"result":7}"#, r#"{"result":{"tools":{}}}"#, r#"{"result":{"tools":[7,null,[]]}}"#]
    {
        assert_eq!(tools.learn(&Message::parse(raw.into())), [], "{raw}");
    }
}

#[test]
fn only_dropped_tools_leave_a_list() {
    let bad = tool("bad", r#"{"x-mcp-header":7}"#);
    let good = r#" {"name" : "good", "inputSchema":{}} "#;
    let list = list(&format!("{bad},{good},{bad}"));
    let dropped = Tools::default().learn(&list);
    assert_eq!(dropped.len(), 2);
    let expected = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name" : "good", "inputSchema":{}}]}}"#;
    assert_eq!(strip(&list, &dropped).to_wire(), expected);
    assert_eq!(strip(&list, &[]).to_wire(), list.to_wire());
}

#[test]
fn what_a_server_can_make_us_remember_is_bounded() {
    let mut tools = Tools::default();
    let many: Vec<_> = (0..MAX_TOOLS + 5).map(|n| tool(&format!("t{n}"), "{}")).collect();
    tools.learn(&list(&many.join(",")));
    assert_eq!(tools.known.len(), MAX_TOOLS);

    let mut tools = Tools::default();
    tools.learn(&list(&tool(&"x".repeat(MAX_BYTES + 1), "{}")));
    assert_eq!(tools.known.len(), 0);

    let annotated = |n: usize| format!(r#""p{n}":{{"type":"string","x-mcp-header":"h{n}"}}"#);
    let wide = |n: usize| {
        let properties: Vec<_> = (0..n).map(annotated).collect();
        format!(r#"{{"properties":{{{}}}}}"#, properties.join(","))
    };
    assert_eq!(why(&wide(64)), None);
    assert_eq!(why(&wide(65)).as_deref(), Some("more than 64 properties are annotated"));
    let long =
        format!(r#"{{"properties":{{"{}":{{"type":"string","x-mcp-header":"x"}}}}}}"#, "a".repeat(2000));
    assert_eq!(why(&long).as_deref(), Some("mcp-param-x annotates a property with too long a path"));
}
