use super::*;
use crate::surface::Item;

fn tool(json: &str) -> Item {
    Item::of(Offered::Tools, Value::parse(json.as_bytes()).unwrap())
}

fn lock(items: Vec<Item>) -> Lock {
    let mut surface = Surface::default();
    surface.set(Offered::Tools, items);
    let server = Pinned { name: Some("srv".into()), run: Some("node server.js".into()), url: None };
    Lock { server, surface }
}

const READ: &str = r#"{"name":"read","description":"Reads a file.","inputSchema":{"type":"object","required":["path","how"],"properties":{"path":{"type":"string"}}}}"#;

#[test]
fn a_lock_file_reads_well_and_comes_back_as_it_was() {
    let lock = lock(vec![tool(r#"{"name":"z"}"#), tool(READ)]);
    let text = lock.to_text();
    assert_eq!(Lock::parse(text.as_bytes()).unwrap().to_text(), text);
    let digest = &lock.surface.kinds[&Offered::Tools][0].digest;
    assert!(
        text.starts_with(&format!(
            r#"{{
  "version": 1,
  "server": {{
    "name": "srv",
    "run": "node server.js"
  }},
  "surface": {{
    "tools": [
      {{
        "name": "read",
        "digest": "{digest}",
        "definition": {{
          "description": "Reads a file.",
          "inputSchema": {{
            "properties": {{
              "path": {{
                "type": "string"
              }}
            }},
            "required": ["path", "how"],
            "type": "object"
          }},
          "name": "read"
        }}
      }},
      {{
        "name": "z",
"#
        )),
        "{text}"
    );
    assert!(text.ends_with("\n    ]\n  }\n}\n"), "{text}");
    assert_eq!(Lock::parse(Lock::default().to_text().as_bytes()).unwrap(), Lock::default());
}

#[test]
fn what_nobody_sees_stands_as_an_escape_and_is_read_back() {
    let hidden = tool("{\"name\":\"a\",\"description\":\"x\u{200b}y\u{e0041}z\u{a0}é\"}");
    let text = lock(vec![hidden.clone()]).to_text();
    assert!(text.contains(r"x\u200by\udb40\udc41z\u00a0é"), "{text}");
    assert_eq!(Lock::parse(text.as_bytes()).unwrap().surface.kinds[&Offered::Tools], [hidden]);
}

#[test]
fn a_file_that_cannot_be_read_says_where_and_what_to_do() {
    let good = lock(vec![tool(READ)]).to_text();
    let conflict = good.replacen("  \"server\"", "<<<<<<< mine\n  \"server\"", 1);
    for (text, says) in [
        ("{\n  \"version\": 1,\n  oops\n}".to_owned(), "line 3, column 3 is no JSON"),
        (String::new(), "line 1, column 1 is no JSON"),
        (conflict, "line 3, column 1 is no JSON"),
        (format!("\u{feff}{good}"), "it begins with a byte order mark, which JSON does not have"),
        (
            good.replace("\"surface\": {", "\"surface\": { \"tools\": [],"),
            "an object has a member twice, as a merge may leave it",
        ),
        ("[]".to_owned(), "it has no `version`, so it is no lock file"),
        (
            good.replace("\"version\": 1", "\"version\": 2"),
            "its version is 2, and this tapgate reads version 1",
        ),
        (good.replace("\"version\": 1", "\"version\": \"x\""), "its `version` is no number"),
        ("{\"version\":1}".to_owned(), "it has no `surface`"),
        (good.replace("\"tools\"", "\"tolls\""), "`surface.tolls` is nothing that a server offers"),
        (
            good.replace("\"digest\"", "\"digets\""),
            "`surface.tools[0]` has no name or no digest of 32 hexadecimal digits",
        ),
        (
            good.replace("Reads", "Deletes"),
            "the definition of `read` in `surface.tools` does not fit its digest",
        ),
    ] {
        let mistake = Lock::parse(text.as_bytes()).unwrap_err();
        assert_eq!(mistake.text, says, "{text}");
        assert!(!mistake.help.is_empty());
    }
    let conflict = good.replacen("  \"server\"", "<<<<<<< mine\n  \"server\"", 1);
    assert_eq!(Lock::parse(conflict.as_bytes()).unwrap_err().help, "settle the merge conflict there");
}

#[test]
fn what_was_masked_keeps_the_digest_of_what_it_was() {
    let mut item = tool(READ);
    item.definition = Some(r#"{"description":"[masked:jwt:33-64]","name":"read"}"#.into());
    assert!(Lock::parse(lock(vec![item]).to_text().as_bytes()).is_ok());
}

#[test]
fn a_lock_has_definitions_and_knows_names_also_where_a_name_is_there_twice() {
    let (one, other) = (tool(r#"{"name":"a"}"#), tool(r#"{"name":"a","description":"x"}"#));
    let lock = lock(vec![other.clone(), tool(r#"{"name":"b"}"#), one.clone()]);
    for item in [&one, &other] {
        assert!(lock.has(Offered::Tools, "a", &item.digest));
    }
    assert!(!lock.has(Offered::Tools, "b", &one.digest));
    assert!(
        lock.knows(Offered::Tools, "b")
            && !lock.knows(Offered::Tools, "c")
            && !lock.knows(Offered::Prompts, "b")
    );
    assert_eq!(lock.names(Offered::Tools), BTreeSet::from(["a", "b"]));
}

#[test]
fn a_definition_that_no_text_file_can_hold_leaves_its_digest() {
    let odd = Item::of(Offered::Tools, Value::parse(b"{\"name\":\"a\",\"description\":\"x\xff\"}").unwrap());
    let mut changed = tool(READ);
    changed.definition = Some(r#"{"name":"read"}"#.into());
    let lock = lock(vec![odd.clone(), changed, tool(r#"{"name":"z","description":"\ud800"}"#)]);
    let back = Lock::parse(lock.to_text().as_bytes()).unwrap();
    assert!(back.has(Offered::Tools, "a", &odd.digest));
    let kept: Vec<_> =
        back.surface.kinds[&Offered::Tools].iter().map(|item| item.definition.is_some()).collect();
    assert_eq!(kept, [false, false, true]);
}
