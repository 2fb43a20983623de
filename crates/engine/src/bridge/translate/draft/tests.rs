use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn draft(json: &str) -> Draft {
    Draft::of_value(Bytes::copy_from_slice(json.as_bytes()))
}

fn text(draft: Draft) -> String {
    String::from_utf8(draft.into_bytes().to_vec()).unwrap()
}

#[test]
fn a_member_is_found_by_its_unescaped_name_and_the_last_repeat_counts() {
    let cases: &[(&str, &[&str], Option<&str>)] = &[
        (r#" {"a": 1.0 ,"b":{"c":[ 1 ]}} "#, &["a"], Some("1.0")),
        (r#"{"a":1,"b":{"c":[ 1 ]}}"#, &["b", "c"], Some("[ 1 ]")),
        (r#"{"\u0061":1,"a":2,"\u0061":3}"#, &["a"], Some("3")),
        (r#"{"a":{"b":1},"a":{}}"#, &["a", "b"], None),
        (r#" {"a":1} "#, &[], Some(r#"{"a":1}"#)),
        (r#"[{"a":1}]"#, &["a"], None),
        (r#"{"a":1"#, &["a"], None),
    ];
    for (json, path, expected) in cases {
        assert_eq!(draft(json).get(path).as_deref(), expected.map(str::as_bytes), "{json}");
    }
}

#[test]
fn what_is_set_replaces_the_last_repeat_or_comes_last() {
    let cases: &[(&str, &[&str], &str)] = &[
        (r#"{"a": 1 , "b":2}"#, &["a"], r#"{"a": 0 , "b":2}"#),
        (r#"{"a":1,"a":2}"#, &["a"], r#"{"a":1,"a":0}"#),
        (r#"{"a":{"x":1},"\u0061":{"x":2}}"#, &["a", "x"], r#"{"a":{"x":1},"\u0061":{"x":0}}"#),
        ("{}", &["a"], r#"{"a":0}"#),
        (" { } ", &["a"], r#" { "a":0} "#),
        (r#"{ "b":1 }"#, &["a"], r#"{ "b":1 ,"a":0}"#),
        (r#"{"b":{}}"#, &["b", "c", "d"], r#"{"b":{"c":{"d":0}}}"#),
        (r#"{"b":[]}"#, &["b", "c"], r#"{"b":[]}"#),
        (r#"{"b":null}"#, &["b", "c", "d"], r#"{"b":null}"#),
        ("{}", &["q\"\\\n"], r#"{"q\"\\\n":0}"#),
        (" [1] ", &[], " 0 "),
        ("[1]", &["a"], "[1]"),
        ("", &["a"], ""),
        ("", &[], ""),
        (r#"{"a":1"#, &["b"], r#"{"a":1"#),
        (r#"{"a":1}}"#, &["b"], r#"{"a":1}}"#),
    ];
    for (json, path, expected) in cases {
        let mut draft = draft(json);
        draft.set(path, b"0");
        assert_eq!(text(draft), *expected, "{json} {path:?}");
    }
}

#[test]
fn what_is_removed_takes_one_comma_and_all_its_repeats_along() {
    let cases: &[(&str, &[&str], &str)] = &[
        (r#"{ "a":1 , "b":2 , "c":3 }"#, &["a"], r#"{ "b":2 , "c":3 }"#),
        (r#"{ "a":1 , "b":2 , "c":3 }"#, &["b"], r#"{ "a":1 , "c":3 }"#),
        (r#"{ "a":1 , "b":2 , "c":3 }"#, &["c"], r#"{ "a":1 , "b":2 }"#),
        (r#"{"a":1,"b":2,"a":{"a":3},"c":4,"\u0061":5}"#, &["a"], r#"{"b":2,"c":4}"#),
        (r#"{"b":2,"a":3,"a":4,"c":4}"#, &["a"], r#"{"b":2,"c":4}"#),
        (r#"{"a":3, "a":4, "c":4}"#, &["a"], r#"{"c":4}"#),
        (r#"{"a":3, "a":4}"#, &["a"], "{}"),
        (r#" { "a":1 } "#, &["a"], " {  } "),
        (r#"{"b":{"a":[1,{"a":2}]},"a":1}"#, &["b", "a"], r#"{"b":{},"a":1}"#),
        (r#"{"b":1}"#, &["a"], r#"{"b":1}"#),
        (r#"{"b":1}"#, &[], r#"{"b":1}"#),
        (r#"[{"a":1}]"#, &["a"], r#"[{"a":1}]"#),
        (r#"{"a":1,}"#, &["a"], r#"{"a":1,}"#),
    ];
    for (json, path, expected) in cases {
        let mut draft = draft(json);
        draft.remove(path);
        assert_eq!(text(draft), *expected, "{json} {path:?}");
    }
}

#[test]
fn each_item_is_kept_changed_or_taken_out() {
    let change = |json: &str, path: &[&str]| {
        let mut draft = draft(json);
        draft.each(path, &mut |mut item| {
            item.set(&["n"], b"1");
            (item.get(&[]).as_deref() != Some(b"0")).then_some(item)
        });
        text(draft)
    };
    assert_eq!(
        change(r#"{"l":[ 0 , {} , 0 , 7, {"n":2} ,0 ]}"#, &["l"]),
        r#"{"l":[ {"n":1} , 7, {"n":1} ]}"#
    );
    assert_eq!(change("[0,0,{},0,0,[],0]", &[]), r#"[{"n":1},[]]"#);
    assert_eq!(change("[0,\n0]", &[]), "[]");
    assert_eq!(change(r#"{"l":{"l":0}}"#, &["l"]), r#"{"l":{"l":0}}"#);
    assert_eq!(change("[0,{}", &[]), "[0,{}");
    assert_eq!(change(r#"[0,"l"]"#, &["l"]), r#"[0,"l"]"#);
}

#[test]
fn each_member_is_told_with_its_unescaped_name() {
    let mut draft = draft(r#"{"o":{ "\u0061" : 1 , "b":[ ] ,"a":2}}"#);
    let mut names = Vec::new();
    draft.each_member(&["o"], &mut |name, mut value| {
        names.push(name.to_owned());
        value.set(&[], b"0");
        (name == "a").then_some(value)
    });
    draft.each_member(&["o", "a"], &mut |_, _| None);
    assert_eq!(text(draft), r#"{"o":{ "\u0061" : 0 ,"a":0}}"#);
    assert_eq!(names, ["a", "b", "a"]);
}

#[test]
fn without_a_change_the_very_bytes_stay() {
    let bytes = Bytes::from_static(br#" { "a" : [ 1e999, -0.0, "\ud800" ] } "#);
    let mut draft = Draft::of(&Message::parse(bytes.clone()));
    draft.remove(&["b"]);
    draft.each(&["a"], &mut Some);
    draft.set(&["a", "b"], b"0");
    assert_eq!(draft.get(&[]).unwrap().len(), bytes.len() - 2);
    assert_eq!(draft.into_bytes().as_ptr(), bytes.as_ptr());
}

#[test]
fn odd_values_beside_a_change_stay_as_they_are() {
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let big = "123456789012345678901234567890.00e+0400";
    let json = format!(r#"{{"d":{deep},"n":{big},"s":"\ud800\u00e9","x":0,"\udc00":1}}"#);
    let mut draft = draft(&json);
    draft.set(&["x"], b"[]");
    draft.set(&["y"], b"2");
    draft.remove(&["s"]);
    assert_eq!(text(draft), format!(r#"{{"d":{deep},"n":{big},"x":[],"\udc00":1,"y":2}}"#));
}

#[test]
fn a_long_list_is_changed_in_one_pass() {
    let item = r#"{"a":"x"},"#.repeat(200_000);
    let mut draft = draft(&format!("[{item}0]"));
    draft.each(&[], &mut |mut item| {
        item.set(&["a"], b"1");
        Some(item)
    });
    assert_eq!(text(draft), format!("[{}0]", r#"{"a":1},"#.repeat(200_000)));
}

/// JSON with white space, escaped names and repeats.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("-0.50e1".to_owned()),
        Just("123456789012".to_owned()),
        Just(r#""\u00e9\n{}""#.to_owned()),
        Just("{ }".to_owned()),
        Just("[]".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let gap = prop_oneof![Just(""), Just(" "), Just("\n\t")];
        let name = prop_oneof![Just("a"), Just(r"\u0061"), Just("b"), Just(r"\u00e9"), Just("é"), Just("")];
        let member = (gap.clone(), name, gap.clone(), inner.clone(), gap.clone())
            .prop_map(|(one, name, two, value, three)| format!("{one}\"{name}\":{two}{value}{three}"));
        prop_oneof![
            3 => prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            1 => (prop::collection::vec(inner, 0..4), gap)
                .prop_map(|(items, gap)| format!("[{gap}{}{gap}]", items.join(","))),
        ]
    })
}

fn path() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "é", "", "z"]), 0..4)
}

fn judge_set(value: &mut Value, path: &[&str], with: Value) {
    match path.split_first() {
        None => *value = with,
        Some((name, rest)) => {
            let Value::Object(members) = value else { return };
            let missing = || Value::Object(Map::new());
            judge_set(members.entry(*name).or_insert_with(missing), rest, with);
        }
    }
}

fn judge_remove(value: &mut Value, path: &[&str]) {
    let Some((name, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(value, |value, name| value.get_mut(*name));
    if let Some(Value::Object(members)) = parent {
        members.remove(*name);
    }
}

proptest! {
    #[test]
    fn changes_mean_what_they_mean_to_another_reader(
        json in json(),
        changes in prop::collection::vec((any::<bool>(), path(), json()), 1..5),
    ) {
        let mut judge: Value = serde_json::from_str(&json).unwrap();
        let mut draft = draft(&json);
        for (is_set, path, with) in &changes {
            if *is_set {
                draft.set(path, with.as_bytes());
                judge_set(&mut judge, path, serde_json::from_str(with).unwrap());
            } else {
                draft.remove(path);
                judge_remove(&mut judge, path);
            }
            prop_assert_eq!(&serde_json::from_slice::<Value>(&draft.bytes).unwrap(), &judge, "{:?}", path);
        }
    }

    #[test]
    fn members_that_are_not_on_the_path_keep_their_bytes(json in json(), path in path(), other in path()) {
        prop_assume!(!path.is_empty() && !other.starts_with(&path) && !path.starts_with(&other));
        let before = draft(&json);
        let mut set = before.clone();
        set.set(&path, b"[0]");
        prop_assert_eq!(set.get(&other), before.get(&other));
        let mut removed = before.clone();
        removed.remove(&path);
        prop_assert_eq!(removed.get(&other), before.get(&other));
    }

    #[test]
    fn bytes_that_are_not_json_stay(json in ".{0,40}", path in path()) {
        prop_assume!(serde_json::from_str::<Value>(&json).is_err());
        let mut draft = draft(&json);
        draft.set(&path, b"0");
        draft.remove(&path);
        draft.each(&path, &mut |_| None);
        prop_assert_eq!(text(draft), json);
    }
}
