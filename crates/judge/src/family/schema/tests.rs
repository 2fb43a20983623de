use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tapgate_engine::fact::Finding;
use tapgate_wire::record::Offered;

use super::dialect::Dialect;
use super::listing::{MAX_KEPT, MAX_TROUBLES};
use super::{Fit, Listing, fit};
use crate::page::Page;
use crate::tests::found;

/// How a value goes with a schema of 2020-12: "fits", "unknown", or why not.
fn says(schema: &Json, value: &Json) -> String {
    match fit(schema, Dialect::Draft2020, value) {
        Fit::Fits => "fits".to_owned(),
        Fit::Unknown => "unknown".to_owned(),
        Fit::Differs(why) => why,
    }
}

/// The rules of this family that were found broken.
fn ids(found: &[Finding]) -> Vec<&'static str> {
    let ids = found.iter().map(|finding| finding.rule.id);
    ids.filter(|id| id.starts_with("schema.")).collect()
}

/// The listing of this array of tools.
fn listing(tools: &[u8], has_default: bool) -> Listing {
    let result = [&br#"{"tools":"#[..], tools, b"}"].concat();
    Page::of(Offered::Tools, &result).map_or_else(Listing::default, |page| Listing::of(&page, has_default))
}

#[test]
fn a_value_is_held_against_each_keyword() {
    let cases = [
        (json!({"type": "integer"}), json!(1.0), "fits"),
        (json!({"type": "integer"}), json!(1.5), "is a number where the schema wants \"integer\""),
        (json!({"type": ["string", "null"]}), json!(null), "fits"),
        (
            json!({"type": ["string", "null"]}),
            json!(1),
            "is a number where the schema wants one of the types",
        ),
        (json!({"const": 1}), json!(1.0), "fits"),
        (json!({"const": {"a": 1, "b": 2}}), json!({"b": 2, "a": 1}), "fits"),
        (json!({"enum": ["a"]}), json!("b"), "is none of the 1 values that the schema lists"),
        (json!({"minimum": 3}), json!(2), "is too small for the limit 3"),
        (json!({"exclusiveMaximum": 3}), json!(3), "is too large for the limit 3"),
        (json!({"multipleOf": 2}), json!(3), "is no multiple of 2"),
        (json!({"multipleOf": 0.1}), json!(0.3), "unknown"),
        (json!({"maxLength": 2}), json!("äöü"), "has 3 characters, more than 2"),
        (json!({"pattern": "^a"}), json!("b"), "unknown"),
        (json!({"format": "email"}), json!("b"), "fits"),
        (json!({"minItems": 1}), json!([]), "has 0 items, fewer than 1"),
        (json!({"uniqueItems": true}), json!([1, 1.0]), "holds an item twice"),
        (
            json!({"items": {"type": "string"}}),
            json!(["a", 1]),
            "is a number where the schema wants \"string\" at /1",
        ),
        (json!({"prefixItems": [{}, {"type": "null"}], "items": false}), json!([1, null]), "fits"),
        (json!({"prefixItems": [{}], "items": false}), json!([1, 2]), "is not allowed at /1"),
        (json!({"required": ["q"]}), json!({}), "lacks `q`"),
        (json!({"required": ["q"]}), json!([]), "fits"),
        (json!({"additionalProperties": false}), json!({"q": 1}), "has `q`, which the schema does not allow"),
        (json!({"patternProperties": {"^x": {}}, "additionalProperties": false}), json!({"q": 1}), "unknown"),
        (json!({"properties": {"xq": {}}, "patternProperties": {"^x": false}}), json!({"xq": 1}), "unknown"),
        (json!({"propertyNames": {"maxLength": 1}}), json!({"qq": 1}), "has 2 characters, more than 1"),
        (json!({"dependentRequired": {"a": ["b"]}}), json!({"a": 1}), "lacks `b`, which `a` needs"),
        (json!({"allOf": [{}, {"type": "null"}]}), json!(1), "is a number where the schema wants \"null\""),
        (json!({"anyOf": [{"type": "null"}, {"type": "string"}]}), json!(1), "fits none of 2 schemas"),
        (json!({"anyOf": [{"type": "null"}, {"pattern": "x"}]}), json!("y"), "unknown"),
        (json!({"oneOf": [{}, {}]}), json!(1), "fits 2 of the schemas of which it may fit one"),
        (json!({"not": {"type": "null"}}), json!(null), "is what `not` excludes"),
        (json!({"not": {"pattern": "x"}}), json!("y"), "unknown"),
        (
            json!({"if": {"type": "string"}, "then": {"maxLength": 1}}),
            json!("ab"),
            "has 2 characters, more than 1",
        ),
        (json!({"if": {"type": "string"}, "else": {"minimum": 1}}), json!(0), "is too small for the limit 1"),
        (
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}),
            json!(1),
            "is a number where the schema wants \"null\"",
        ),
        (json!({"$ref": "#/$defs/none"}), json!(1), "unknown"),
        (json!({"$ref": "https://example.com/"}), json!(1), "unknown"),
        (json!({"$ref": "#"}), json!(1), "unknown"),
        (json!({"unevaluatedProperties": false}), json!({"a": 1}), "unknown"),
        (json!({"type": "string", "nullable": true}), json!(null), "unknown"),
        (json!(false), json!(1), "is not allowed"),
    ];
    for (schema, value, expected) in cases {
        assert_eq!(says(&schema, &value), expected, "{value} against {schema}");
    }
}

#[test]
fn what_stands_beside_a_reference_counts_where_the_dialect_says_so() {
    let schema = json!({"$ref": "#/$defs/a", "type": "null", "$defs": {"a": {}}});
    assert!(matches!(fit(&schema, Dialect::Draft2020, &json!(1)), Fit::Differs(_)));
    for dialect in [Dialect::Draft7, Dialect::Unsaid] {
        assert_eq!(fit(&schema, dialect, &json!(1)), Fit::Fits);
    }
    assert_eq!(fit(&json!({"type": "null"}), Dialect::Foreign, &json!(1)), Fit::Unknown);
}

#[test]
fn a_keyword_of_a_later_dialect_is_none_of_an_earlier_one() {
    let schema = json!({"const": 1});
    assert_eq!(fit(&schema, Dialect::Draft4, &json!(2)), Fit::Unknown);
    assert!(matches!(fit(&schema, Dialect::Unsaid, &json!(2)), Fit::Differs(_)));
    let odd = |dialect: &str| {
        let schema = json!({"$schema": dialect, "type": "object", "if": 7, "prefixItems": 7});
        let listing = listing(json!([{"name": "a", "inputSchema": schema}]).to_string().as_bytes(), true);
        listing.troubles.iter().filter(|trouble| trouble.rule.id == "schema.invalid").count()
    };
    assert_eq!(odd("http://json-schema.org/draft-06/schema#"), 0);
    assert_eq!(odd("http://json-schema.org/draft-07/schema#"), 1);
    assert_eq!(odd("https://json-schema.org/draft/2020-12/schema"), 2);
}

#[test]
fn a_schema_that_is_too_much_work_is_given_up() {
    // Each level asks twice for the next: without a limit this takes 2^40 steps.
    let mut defs = serde_json::Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/l{}", n + 1)});
        defs.insert(format!("l{n}"), json!({"allOf": [next, next]}));
    }
    defs.insert("l40".to_owned(), json!({}));
    assert_eq!(says(&json!({"$ref": "#/$defs/l0", "$defs": defs}), &json!(1)), "unknown");
    let many: Vec<Json> = (0..2000).map(|n| json!([n])).collect();
    assert_eq!(says(&json!({"uniqueItems": true}), &json!(many)), "unknown");
}

#[test]
fn the_same_page_is_told_to_every_session_and_read_by_the_revision_of_each() {
    let of = |revision: &str| {
        let found = found(&format!(
            r#"
            hello {revision} {{}} {{"tools":{{}}}}
            client> ask 1 tools/list
            server> answer 1 {{"tools":[{{"name":"a b","inputSchema":{{"type":"object","items":[{{}}]}}}}]}}
            "#
        ));
        ids(&found)
    };
    for _ in 0..2 {
        assert_eq!(of("2025-11-25"), ["schema.name", "schema.invalid"]);
        assert!(of("2025-06-18").is_empty());
    }
}

#[test]
fn references_that_lead_round_are_seen_however_far() {
    let found = found(
        r##"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"x":{"$ref":"#/$defs/a"}},"$defs":{"a":{"items":{"$ref":"#/$defs/b"}},"b":{"not":{"$ref":"#named"}},"c":{"$anchor":"named","anyOf":[{"$ref":"#/$defs/a"}]}}}}]}
        "##,
    );
    assert_eq!(ids(&found), ["schema.recursive"]);
}

#[test]
fn what_cannot_be_read_for_another_reason_is_not_called_deep() {
    let listing = listing(br#"[{"name":"a","description":"\ud800","inputSchema":{}}, 7, {"name":7}]"#, true);
    assert!(listing.troubles.is_empty(), "{:?}", listing.troubles);
    assert_eq!(listing.n_tools, 3);
}

#[test]
fn a_page_of_any_size_keeps_and_tells_no_more_than_it_may() {
    let tool = |n: usize| json!({"name": format!("t {n}"), "description": "x".repeat(1000), "inputSchema": {"$ref": "#/x"}});
    let tools: Vec<Json> = (0..10_500).map(tool).collect();
    let listing = listing(json!(tools).to_string().as_bytes(), true);
    assert_eq!(listing.n_tools, 10_500);
    assert!(listing.n_kept <= MAX_KEPT && listing.n_kept > MAX_KEPT - 10_000, "{}", listing.n_kept);
    assert_eq!(listing.troubles.len(), MAX_TROUBLES);
}

/// Values with the words of JSON Schema in all places, right and wrong ones.
fn hostile() -> impl Strategy<Value = Json> {
    const WORDS: &[&str] = &[
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "allOf",
        "not",
        "if",
        "then",
        "enum",
        "const",
        "minimum",
        "maximum",
        "multipleOf",
        "$ref",
        "$defs",
        "$id",
        "$anchor",
        "$schema",
        "object",
        "string",
        "#",
        "#/$defs/$defs",
        "#/properties/items",
        "#named",
        "%",
        "#/%zz",
        "additionalProperties",
        "uniqueItems",
        "a\u{200b}",
        "",
    ];
    let word = proptest::sample::select(WORDS);
    let leaf = prop_oneof![
        word.clone().prop_map(Json::from),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        Just(Json::Null),
    ];
    leaf.prop_recursive(8, 256, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| Json::Object(
                members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_and_no_value_breaks_the_judge(schema in hostile(), value in hostile(), has_default: bool) {
        let tools = json!([{"name": "a", "inputSchema": schema, "outputSchema": schema}, value]);
        let listing = listing(tools.to_string().as_bytes(), has_default);
        prop_assert!(listing.troubles.len() <= MAX_TROUBLES + 3);
        for dialect in [Dialect::Unsaid, Dialect::Draft4, Dialect::Draft2020] {
            let _ = fit(&schema, dialect, &value);
        }
    }

    #[test]
    fn no_bytes_break_the_judge(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = listing(&bytes, true);
        let mut tools = br#"[{"name":"a","inputSchema":"#.to_vec();
        tools.extend(&bytes);
        let _ = listing(&tools, true);
    }
}
