use tapgate_store::{SessionId, SessionRow, SourceId, SurfaceRow};
use tapgate_wire::record::Transport;

use super::*;
use crate::check::Stored;

/// One token for each word.
const WORDS: Tokenizer = Tokenizer { name: "words", count: |text| text.split_whitespace().count() as u64 };

fn sizes(items: &Json, tokenizer: Option<Tokenizer>) -> Option<Sizes> {
    let row = SessionRow {
        id: SessionId(1),
        source: SourceId(1),
        opened: 0,
        closed: None,
        era: None,
        transport: Transport::Stdio,
        revision: None,
        client: None,
        server: None,
        key: None,
    };
    let surface = SurfaceRow {
        session: SessionId(1),
        kind: Offered::Tools,
        at: 0,
        whole: true,
        items: items.to_string().into_bytes(),
    };
    let surfaces = [surface];
    let session = Session {
        row: &row,
        source: None,
        exchanges: &[],
        findings: &[],
        surfaces: &surfaces,
        stored: Stored::default(),
    };
    Sizes::of(&[session], tokenizer)
}

fn item(definition: &Json) -> Json {
    let bytes = definition.to_string().len();
    json!({ "name": definition["name"], "digest": "x", "bytes": bytes, "definition": definition })
}

#[test]
fn the_heaviest_tools_and_fields_come_first() {
    let long = item(&json!({
        "name": "long",
        "description": "many words about this tool",
        "inputSchema": {"type": "object", "properties": {"q": {"description": "what to find"}, "n": {"type": "integer"}}},
    }));
    let short = item(&json!({ "name": "short", "description": "few" }));
    let made = sizes(&json!([short, long]), Some(WORDS)).unwrap();
    let tools: Vec<_> = made.tools.iter().map(|part| (part.tool.as_str(), part.size.tokens)).collect();
    assert_eq!(tools, [("long", 7), ("short", 1)]);
    let fields: Vec<_> = made.fields.iter().map(|part| (part.field.as_str(), part.size.tokens)).collect();
    assert_eq!(fields[..2], [("description", 5), ("inputSchema/q", 3)]);
    assert_eq!(made.total.bytes, made.tools.iter().map(|part| part.size.bytes).sum::<u64>());
    assert_eq!(made.json()["tools"][0]["tokens"], 7);
    assert_eq!(made.json()["tokenizer"], "words");
}

#[test]
fn without_a_tokenizer_nothing_is_said_of_tokens() {
    let made = sizes(&json!([item(&json!({ "name": "a", "description": "b" }))]), None).unwrap();
    assert_eq!(made.json()["total"]["tokens"], Json::Null);
    let text = format!("{:?}", made.blocks());
    assert!(!text.contains("token"), "{text}");
}

#[test]
fn what_a_schema_repeats_could_stand_once() {
    let part =
        json!({"type": "object", "description": "x".repeat(100), "properties": {"a": {"type": "string"}}});
    let tool = |properties: Json| {
        item(&json!({"name": "a", "inputSchema": {"type": "object", "properties": properties}}))
    };
    let saving = |properties: Json| sizes(&json!([tool(properties)]), None).unwrap().saving.bytes;
    assert_eq!(saving(json!({"p": part})), 0);
    let each = part.to_string().len() as u64;
    let reference = REFERENCE.len() as u64;
    assert_eq!(saving(json!({"p": part, "q": part, "r": part})), 2 * each - 3 * reference - ENTRY as u64);
    // A part inside of a part that is shared saves nothing more.
    let outer = json!({"wrap": part, "title": "y".repeat(80)});
    let each = outer.to_string().len() as u64;
    assert_eq!(saving(json!({"p": outer, "q": outer})), each - 2 * reference - ENTRY as u64);
    assert_eq!(saving(json!({"p": {"type": "string"}, "q": {"type": "string"}})), 0);
}

#[test]
fn a_tool_whose_definition_is_not_recorded_counts_with_its_bytes() {
    let made = sizes(&json!([{ "name": "a", "digest": "x", "bytes": 12 }]), Some(WORDS)).unwrap();
    assert_eq!((made.total, made.n_unread), (Size { bytes: 12, tokens: 0 }, 1));
    assert!(sizes(&json!("no list"), None).is_none());
}

#[test]
fn a_tool_on_two_pages_counts_once_and_takes_a_share_of_the_window() {
    let tool = json!({ "name": "a", "digest": "x", "bytes": 12, "definition": { "name": "a b c d" } });
    let mut made = sizes(&json!([tool, tool]), Some(WORDS)).unwrap();
    assert_eq!((made.tools.len(), made.total.bytes), (1, 12));
    made.window = Some(made.total.tokens * 4);
    assert_eq!(made.json()["window"]["percent"], 25.0);
}
