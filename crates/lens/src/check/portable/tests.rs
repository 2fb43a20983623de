use super::*;

fn judge(at: &str, tools: &[Json]) -> Vec<(&'static str, Verdict)> {
    KNOWN.iter().map(|known| known.judge(tools, at)).map(|said| (said.client, said.verdict)).collect()
}

fn tool(name: &str, schema: &Json) -> Json {
    json!({ "name": name, "bytes": 1, "digest": "x", "definition": { "name": name, "inputSchema": schema } })
}

#[test]
fn every_line_has_a_source_and_ends() {
    for known in KNOWN {
        assert!(known.source.starts_with("https://"), "{known:?}");
        assert!(known.seen < known.stale && known.seen.len() == 10 && known.stale.len() == 10, "{known:?}");
    }
    assert!(KNOWN.is_sorted_by_key(|known| known.client));
}

#[test]
fn what_is_too_old_says_nothing() {
    let tools = [tool("a.b", &json!({"type": "object"}))];
    for (client, verdict) in judge("2030-01-01T00:00:00Z", &tools) {
        assert_eq!(verdict, Verdict::Unknown, "{client}");
    }
}

#[test]
fn each_limit_refuses_its_own() {
    let day = "2025-12-20T10:00:00Z";
    let refusing = |tools: &[Json]| -> Vec<&str> {
        judge(day, tools)
            .into_iter()
            .filter(|(_, verdict)| *verdict == Verdict::Warn)
            .map(|(client, _)| client)
            .collect()
    };
    let fine = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    assert!(refusing(&[tool("find", &fine)]).is_empty());
    assert_eq!(refusing(&[tool("find.it", &fine)]), ["Claude Desktop", "Codex"]);
    assert_eq!(refusing(&[tool(&"x".repeat(62), &fine)]), ["Cursor"]);
    assert_eq!(
        refusing(&[tool("find", &json!({"type": "object", "anyOf": [{}]}))]),
        ["Claude API", "OpenAI API"]
    );
    assert_eq!(refusing(&[tool("find", &json!({"type": "object", "not": {}}))]), ["OpenAI API"]);
    let odd = json!({"type": "object", "properties": {"a": {"properties": {"$filter": {}}}}});
    assert_eq!(refusing(&[tool("find", &odd)]), ["Claude API"]);
    let round = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"items": {"$ref": "#/$defs/t"}}}});
    assert_eq!(refusing(&[tool("find", &round)]), ["Google ADK"]);
    let many: Vec<Json> = (0..129).map(|n| tool(&format!("t{n}"), &fine)).collect();
    assert_eq!(
        judge("2025-06-30T", &many).iter().filter(|(_, verdict)| *verdict == Verdict::Warn).count(),
        2
    );
}

#[test]
fn a_schema_that_refers_twice_at_each_step_is_looked_at_once() {
    let mut defs = serde_json::Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/l{}", n + 1)});
        defs.insert(format!("l{n}"), json!({"allOf": [next, next]}));
    }
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": defs});
    assert!(!leads_round(&schema, &schema, &mut Way::default()));
}

#[test]
fn a_definition_that_is_not_recorded_leaves_it_open() {
    let tools = [json!({ "name": "a", "bytes": 1, "digest": "x" })];
    let open = judge("2025-12-01T", &tools).into_iter().filter(|(_, verdict)| *verdict == Verdict::Unknown);
    assert_eq!(open.count(), 4);
}
