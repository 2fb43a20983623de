use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::wrap::client::CLIENTS;
use crate::wrap::edit::apply;

/// A configuration file of a client, and what becomes of it.
struct Golden {
    client: &'static Client,
    before: String,
    after: PathBuf,
}

/// `CLIENT[.WHAT].before.FORMAT` and `CLIENT[.WHAT].after.FORMAT` in `golden/`; `UPDATE=1` writes the latter.
fn goldens() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wrap/plan/golden");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_str().unwrap().contains(".before.")).collect();
    paths.sort();
    assert!(paths.len() > CLIENTS.len());
    let golden = |path: PathBuf| Golden {
        client: Client::named(path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap())
            .unwrap(),
        before: fs::read_to_string(&path).unwrap(),
        after: path.to_str().unwrap().replace(".before.", ".after.").into(),
    };
    paths.into_iter().map(golden).collect()
}

fn wrapped(text: &str, client: &Client, names: &[String]) -> (String, Plan) {
    let plan = wrap(text, client, names, "tapgate").unwrap();
    (apply(text, &plan.edits), plan)
}

fn unwrapped(text: &str, client: &Client, names: &[String], records: &[Record]) -> String {
    apply(text, &unwrap(text, client, names, "tapgate", records).unwrap().edits)
}

fn client(name: &str) -> &'static Client {
    Client::named(name).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_client_gets_a_tap_as_it_would_write_it() {
    for Golden { client, before, after } in goldens() {
        let (changed, _) = wrapped(&before, client, &[]);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&after, &changed).unwrap();
        }
        assert_eq!(changed, fs::read_to_string(&after).unwrap(), "{}", after.display());
        let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(wrapped(&windows(&before), client, &[]).0, windows(&changed), "{}", after.display());
    }
}

#[test]
fn a_second_time_changes_nothing() {
    for Golden { client, before, .. } in goldens() {
        let (changed, first) = wrapped(&before, client, &[]);
        let (again, second) = wrapped(&changed, client, &[]);
        assert_eq!(again, changed);
        for (first, second) in first.verdicts.iter().zip(&second.verdicts) {
            assert_eq!(second.path, first.path);
            let fate = if first.fate == Fate::Change { &Fate::Keep } else { &first.fate };
            assert_eq!(&second.fate, fate);
        }
    }
}

#[test]
fn undone_at_once_every_byte_is_back() {
    for Golden { client, before, after } in goldens() {
        let (changed, plan) = wrapped(&before, client, &[]);
        let only_ours: Vec<String> =
            plan.records.iter().map(|record| record.path.last().unwrap().clone()).collect();
        assert_eq!(unwrapped(&changed, client, &only_ours, &plan.records), before, "{}", after.display());
        let kept = plan.records.iter().map(|record| Record::from_json(&record.to_json()).unwrap());
        let kept: Vec<Record> = kept.collect();
        assert_eq!(kept, plan.records);
    }
}

#[test]
fn without_a_record_the_entries_mean_what_they_meant() {
    for Golden { client, before, after } in goldens() {
        let (changed, plan) = wrapped(&before, client, &[]);
        let undone = unwrap(&changed, client, &[], "tapgate", &[]).unwrap();
        let text = apply(&changed, &undone.edits);
        let (was, is) = (parse(&before, client.format).unwrap(), parse(&text, client.format).unwrap());
        for verdict in undone.verdicts.iter().filter(|verdict| verdict.fate == Fate::Change) {
            let read = |tree: &Value| {
                let entry = Entry::read(tree.at(&verdict.path).unwrap(), &client.names, "tapgate");
                let served: Vec<String> = entry.served().iter().map(|word| (*word).to_owned()).collect();
                (matches!(entry, Entry::Tap(..)), served)
            };
            assert!(!read(&is).0, "{verdict:?}");
            assert_eq!(read(&is).1, read(&was).1, "{}: {verdict:?}", after.display());
        }
        let by_hand: Vec<&String> = undone
            .verdicts
            .iter()
            .filter_map(|verdict| match verdict.fate {
                Fate::Leave(_) => verdict.path.last(),
                Fate::Change | Fate::Keep => None,
            })
            .collect();
        // Codex names variables in a list that does not say which header they were for.
        let expected: &[&str] = match client.name {
            "codex" => &["hub", "named"],
            _ => &[],
        };
        assert_eq!(by_hand, expected, "{}", after.display());
        let n_changed = undone.verdicts.iter().filter(|verdict| verdict.fate == Fate::Change).count();
        assert!(n_changed > 0 && n_changed + expected.len() >= plan.records.len(), "{}", after.display());
    }
}

#[test]
fn only_the_named_servers_change() {
    let text = r#"{"mcpServers": {"a": {"command": "x"}, "b": {"command": "y"}}, "projects": {"/p": {"mcpServers": {"a": {"command": "z"}}}}}"#;
    let client = client("claude-code");
    let (changed, plan) = wrapped(text, client, &names(&["a"]));
    assert_eq!(plan.verdicts.len(), 2);
    assert!(changed.contains(r#""b": {"command": "y"}"#));
    assert_eq!(changed.matches("tapgate").count(), 2);
    let missing = wrap(text, client, &names(&["a", "c"]), "tapgate").unwrap_err();
    assert_eq!(missing, Obstacle::NoServer("c".to_owned(), names(&["a", "b", "a"])));
    assert_eq!(unwrapped(&changed, client, &names(&["a"]), &plan.records), text);
}

#[test]
fn one_server_of_several_is_undone_to_the_byte() {
    for Golden { client, before, after } in goldens() {
        let (changed, plan) = wrapped(&before, client, &[]);
        for record in &plan.records {
            let name = record.path.last().unwrap();
            let one_back = unwrapped(&changed, client, std::slice::from_ref(name), &plan.records);
            let others: Vec<String> = plan
                .records
                .iter()
                .map(|record| record.path.last().unwrap().clone())
                .filter(|other| other != name)
                .collect();
            let others = if others.is_empty() { before.clone() } else { wrapped(&before, client, &others).0 };
            assert_eq!(one_back, others, "{}: {name}", after.display());
        }
    }
}

#[test]
fn what_changed_elsewhere_meanwhile_stays() {
    let text = "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"env\": {\"K\": \"1\"}}}}";
    let client = client("cursor");
    let (changed, plan) = wrapped(text, client, &[]);
    let meanwhile = |text: &str| {
        text.replace("{\"mcp", "{ // new\n\"theme\": 1, \"mcp").replace("\"1\"", "\"22\", \"L\": \"3\"")
    };
    assert_eq!(unwrapped(&meanwhile(&changed), client, &[], &plan.records), meanwhile(text));
}

#[test]
fn an_entry_that_was_rewritten_is_put_together_again() {
    let client = client("claude-code");
    let cases = [
        // The client wrote the file again.
        (
            "{\"mcpServers\":{\"a\":{\"command\":\"tapgate\",\"args\":[\"tap\",\"--name=a\",\"--\",\"x\"]}}}",
            "{\"mcpServers\":{\"a\":{\"command\":\"x\",\"args\":[]}}}",
        ),
        (
            "{\"mcpServers\":{\"a\":{\"command\":\"/old/tapgate\",\"args\":[\n\"tap\",\n\"--\",\n\"x\",\n\"y\", // y\n],}}}",
            "{\"mcpServers\":{\"a\":{\"command\":\"x\",\"args\":[\n\"y\", // y\n],}}}",
        ),
        (
            "{\"mcpServers\":{\"a\":{\"command\":\"tapgate\",\"args\":[\"tap\",\"--\",\"x\" /* c */, /* d */]}}}",
            "{\"mcpServers\":{\"a\":{\"command\":\"x\",\"args\":[]}}}",
        ),
        (
            r#"{"mcpServers":{"a":{"command":"tapgate","args":["tap","--full=2","--bridge","--server-era","modern","--","x","--","y"]}}}"#,
            r#"{"mcpServers":{"a":{"command":"x","args":["--","y"]}}}"#,
        ),
        (
            "{\"mcpServers\":{\"a\":{\"type\":\"stdio\",\"command\":\"tapgate\",\n\"args\":[\"tap\",\"--header\",\"X: env:V\",\"http://h/\"],\"env\":{\"V\":\"v\"}}}}",
            "{\"mcpServers\":{\"a\":{\"type\":\"http\",\"url\":\"http://h/\",\"headers\":{\"X\":\"v\"}}}}",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(unwrapped(text, client, &[], &[]), expected);
    }
}

#[test]
fn what_cannot_be_undone_is_left_with_a_reason() {
    let client = client("claude-code");
    let cases = [
        (r#"["tap","--listen","127.0.0.1:1","--","x"]"#, "{}", "options"),
        (r#"["tap","--"]"#, "{}", "options"),
        (r#"["tap"]"#, "{}", "options"),
        (r#"["tap","--header","X: env:V","http://h/"]"#, "{}", "not in the file"),
        (r#"["tap","--header","X: env:V","http://h/"]"#, r#"{"V":"v","W":"w"}"#, "no headers"),
        (r#"["tap","--header","X: plain","http://h/"]"#, "{}", "options"),
    ];
    for (args, env, why) in cases {
        let text = format!(r#"{{"mcpServers":{{"a":{{"command":"tapgate","args":{args},"env":{env}}}}}}}"#);
        let plan = unwrap(&text, client, &[], "tapgate", &[]).unwrap();
        let Fate::Leave(said) = &plan.verdicts[0].fate else { panic!("{text}") };
        assert!(said.contains(why), "{said}");
        assert!(plan.edits.is_empty());
    }
}

#[test]
fn what_cannot_be_tapped_is_left_with_a_reason() {
    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/wrap/plan/golden/claude-code.project.before.json"
    ));
    let (_, plan) = wrapped(&text.unwrap(), client("claude-code"), &[]);
    let left: Vec<String> = plan
        .verdicts
        .iter()
        .filter_map(|verdict| match &verdict.fate {
            Fate::Leave(why) => Some(format!("{}: {why}", verdict.path.last().unwrap())),
            Fate::Change | Fate::Keep => None,
        })
        .collect();
    insta::assert_snapshot!(left.join("\n"));
}

#[test]
fn a_name_that_no_variable_can_have_is_left() {
    for member in
        ["bearer_token_env_var = 'A B'", "env_http_headers = { X-Key = ' A' }", "bearer_token_env_var = ''"]
    {
        let text = format!("[mcp_servers.a]\nurl = 'https://h/mcp'\n{member}\n");
        let (changed, plan) = wrapped(&text, client("codex"), &[]);
        assert_eq!(changed, text);
        assert!(
            matches!(&plan.verdicts[0].fate, Fate::Leave(why) if why.contains("variable")),
            "{:?}",
            plan.verdicts
        );
    }
}

#[test]
fn no_value_of_a_header_is_in_an_argument_or_in_a_record() {
    for name in ["cursor", "vscode", "zed", "gemini", "claude-code"] {
        let client = client(name);
        let table = client.tables[0][0];
        let url = client.names.urls[0];
        let text = format!(
            r#"{{"{table}":{{"a":{{"{url}":"https://h/mcp","headers":{{"Authorization":"Bearer planted-word"}}}}}}}}"#
        );
        let (changed, plan) = wrapped(&text, client, &[]);
        let tree = parse(&changed, client.format).unwrap();
        let args = tree.at(&names(&[table, "a", "args"])).unwrap().list().unwrap();
        assert!(args.iter().all(|arg| !arg.text().unwrap().contains("planted-word")), "{changed}");
        assert!(changed.contains("planted-word"));
        assert!(!plan.records[0].to_json().to_string().contains("planted-word"));
    }
}

#[test]
fn of_two_entries_with_one_name_the_last_one_counts() {
    let text = r#"{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y", "command": "z"}}}"#;
    let (changed, plan) = wrapped(text, client("cursor"), &[]);
    assert_eq!(
        changed,
        r#"{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y", "command": "tapgate", "args": ["tap", "--name", "a", "--", "z"]}}}"#
    );
    assert_eq!(unwrapped(&changed, client("cursor"), &[], &plan.records), text);
}

#[test]
fn names_reach_the_tap_as_they_are() {
    for (name, args) in [
        ("-x", r#"["tap", "--name=-x", "--", "c"]"#),
        ("", r#"["tap", "--", "c"]"#),
        ("ä b", r#"["tap", "--name", "ä b", "--", "c"]"#),
    ] {
        let text = format!(r#"{{"mcpServers": {{"{name}": {{"command": "c"}}}}}}"#);
        assert!(wrapped(&text, client("cursor"), &[]).0.contains(args), "{name}");
    }
}

/// Text that may stand between two tokens of JSON with comments.
const BLANKS: &[&str] = &["", "", " ", "\n", "\r\n\t", "\n    ", "/* \"{[ */", "// }]\n", " \t "];

/// Writes JSON with whatever `noise` says between its tokens.
struct Scribe<'a> {
    out: String,
    noise: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl Scribe<'_> {
    fn roll(&mut self) -> usize {
        usize::from(*self.noise.next().unwrap())
    }

    fn blank(&mut self) {
        let n = self.roll();
        self.out += BLANKS[n % BLANKS.len()];
    }

    fn text(&mut self, text: &str) {
        let written = quoted(text);
        // Clients may escape what need not be escaped.
        let rewritten = if self.roll().is_multiple_of(7) { written.replace('a', "\\u0061") } else { written };
        self.out += &rewritten;
    }

    fn value(&mut self, value: &serde_json::Value) {
        self.blank();
        match value {
            serde_json::Value::Object(members) => {
                self.out.push('{');
                for (n, (key, value)) in members.iter().enumerate() {
                    self.out += if n > 0 { "," } else { "" };
                    self.blank();
                    self.text(key);
                    self.blank();
                    self.out.push(':');
                    self.value(value);
                }
                self.end(members.is_empty(), '}');
            }
            serde_json::Value::Array(values) => {
                self.out.push('[');
                for (n, value) in values.iter().enumerate() {
                    self.out += if n > 0 { "," } else { "" };
                    self.value(value);
                }
                self.end(values.is_empty(), ']');
            }
            serde_json::Value::String(text) => self.text(text),
            other => self.out += &other.to_string(),
        }
        self.blank();
    }

    fn end(&mut self, is_empty: bool, close: char) {
        self.blank();
        if !is_empty && self.roll().is_multiple_of(3) {
            self.out.push(',');
            self.blank();
        }
        self.out.push(close);
    }
}

fn entry() -> impl Strategy<Value = serde_json::Value> {
    let text = || "[a-c\"\\\\ /{}$ä-]{0,6}";
    let args = proptest::option::of(proptest::collection::vec(text(), 0..4));
    let headers = proptest::option::of(proptest::collection::vec(("[A-Za-z-]{1,4}", text()), 0..3));
    prop_oneof![
        ("[a-c/]{1,6}", args, any::<bool>(), any::<bool>()).prop_map(|(command, args, args_first, env)| {
            let mut entry = serde_json::Map::new();
            let args = args.map(|args| ("args".to_owned(), serde_json::json!(args)));
            entry.extend(args.clone().filter(|_| args_first));
            entry.insert("command".to_owned(), command.into());
            entry.extend(args.filter(|_| !args_first));
            entry.extend(env.then(|| ("env".to_owned(), serde_json::json!({"a": "b"}))));
            entry.into()
        }),
        (proptest::option::of(prop_oneof!["http", "sse", "ws"]), headers).prop_map(|(kind, headers)| {
            let mut entry = serde_json::Map::new();
            entry.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
            entry.insert("url".to_owned(), "https://a.example/mcp".into());
            let headers =
                headers.map(|headers| headers.into_iter().map(|(name, value)| (name, value.into())));
            entry.extend(
                headers.map(|headers| ("headers".to_owned(), serde_json::Value::Object(headers.collect()))),
            );
            entry.into()
        }),
        Just(serde_json::json!({"a": [1, null, {"command": []}]})),
    ]
}

fn written(servers: &[(String, serde_json::Value)], noise: &[u8]) -> String {
    let table: serde_json::Map<_, _> = servers.iter().cloned().collect();
    let mut scribe = Scribe { out: String::new(), noise: noise.iter().cycle() };
    scribe.value(&serde_json::json!({"before": [{}], "mcpServers": table, "after": "a"}));
    scribe.out
}

proptest! {
    #[test]
    fn whatever_is_wrapped_is_unwrapped_to_the_byte(
        servers in proptest::collection::vec(("[a-c -]{0,3}", entry()), 0..5),
        noise in proptest::collection::vec(any::<u8>(), 1..60),
    ) {
        let text = written(&servers, &noise);
        let client = client("cursor");
        let (changed, plan) = wrapped(&text, client, &[]);
        prop_assert_eq!(&unwrapped(&changed, client, &[], &plan.records), &text);
        prop_assert_eq!(&wrapped(&changed, client, &[]).0, &changed);
        // Without records what the entries say is the same, and a second undo finds nothing.
        let told = unwrapped(&changed, client, &[], &[]);
        prop_assert_eq!(unwrapped(&told, client, &[], &[]), told.clone());
        let served = |text: &str| {
            let tree = parse(text, client.format).unwrap();
            let servers = chosen(&tree, client, &[]).unwrap();
            servers.iter().map(|(path, member)| {
                let entry = Entry::read(&member.value, &client.names, "tapgate");
                (path.clone(), entry.served().iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
            }).collect::<Vec<_>>()
        };
        prop_assert_eq!(served(&told), served(&text));
        prop_assert_eq!(served(&changed), served(&text));
    }

    #[test]
    fn a_damaged_file_is_refused_or_comes_back(
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        length in 0usize..9,
        with in "[\\[\\]{}\",:=#/* \na'.]{0,4}",
    ) {
        let goldens = goldens();
        let Golden { client, before, .. } = &goldens[which.index(goldens.len())];
        let start = before.floor_char_boundary(cut.index(before.len()));
        let end = before.floor_char_boundary((start + length).min(before.len()));
        let text = format!("{}{with}{}", &before[..start], &before[end..]);
        match wrap(&text, client, &[], "tapgate") {
            Ok(plan) => {
                let changed = apply(&text, &plan.edits);
                let ours: Vec<String> = plan.records.iter().map(|record| record.path.last().unwrap().clone()).collect();
                if !ours.is_empty() {
                    prop_assert_eq!(unwrapped(&changed, client, &ours, &plan.records), text);
                }
            }
            Err(obstacle) => prop_assert!(matches!(obstacle, Obstacle::Mistake(_)), "{:?}", text),
        }
    }
}
