use tapgate_wire::json::{each, find};

use super::*;

fn page(kind: Offered, text: &str) -> Page {
    let result = find(text.as_bytes(), &["result"]).unwrap();
    let mut items = Vec::new();
    each(find(result, &[list(kind).unwrap()]).unwrap(), &mut |_, item| items.push(item));
    Page::of(kind, items, find(result, &["nextCursor"]))
}

#[test]
fn a_page_has_items_by_name_and_the_cursor_of_the_next() {
    let text = r#"{"id":1,"result":{"tools":[{"name":"b","x":1.0},{"x":1,"name":"a"},7],"nextCursor":"c1","ttlMs":5,"_meta":{}}}"#;
    let page = page(Offered::Tools, text);
    let names: Vec<_> = page.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["b", "a", ""]);
    assert_eq!(page.next.as_deref(), Some(&b"\"c1\""[..]));
    assert_eq!(page.items[0].definition.as_deref(), Some(&br#"{"name":"b","x":1}"#[..]));
    assert_eq!(page.items[0].digest.len(), 32);
}

#[test]
fn each_kind_has_its_own_name_and_noise_is_left_out() {
    for (kind, text, name) in [
        (Offered::Prompts, r#"{"result":{"prompts":[{"name":"p"}],"nextCursor":null}}"#, "p"),
        (
            Offered::Resources,
            r#"{"result":{"resources":[{"uri":"file:///a","size":7,"annotations":{"lastModified":"x"}}]}}"#,
            "file:///a",
        ),
        (Offered::Templates, r#"{"result":{"resourceTemplates":[{"uriTemplate":"a{b}"}]}}"#, "a{b}"),
    ] {
        let page = page(kind, text);
        assert_eq!((page.items[0].name.as_str(), page.next), (name, None));
        let definition = String::from_utf8(page.items[0].definition.clone().unwrap().to_vec()).unwrap();
        assert!(!definition.contains("size") && !definition.contains("lastModified"), "{definition}");
    }
}

#[test]
fn items_come_back_from_their_json_and_only_their_digests_when_they_are_large() {
    let items = page(Offered::Tools, r#"{"result":{"tools":[{"name":"\"a"},{"name":"b"}]}}"#).items;
    assert_eq!(from_json(&to_json(&items)).unwrap(), items);
    let large = format!(r#"{{"name":"c","x":"{}"}}"#, "x".repeat(MAX_BYTES));
    let large = [Item::of(Offered::Tools, Value::parse(large.as_bytes()).unwrap())];
    let back = from_json(&to_json(&large)).unwrap();
    assert_eq!(back[0].definition, None);
    assert_eq!((&back[0].digest, back[0].size), (&large[0].digest, large[0].size));
    assert_eq!(from_json(b"[{}]"), None);
    assert_eq!(from_json(b"nonsense"), None);
}

#[test]
fn a_list_without_end_is_cut() {
    let tools = vec!["{}"; MAX_ITEMS + 1].join(",");
    let page = page(Offered::Tools, &format!(r#"{{"result":{{"tools":[{tools}]}}}}"#));
    assert_eq!((page.items.len(), page.is_cut), (MAX_ITEMS, true));
}
