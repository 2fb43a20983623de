use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Filter, MAX_TEXT};
use crate::{FIELDS, Failure, Field, Fields, Value};

const SECOND: i64 = 1_000_000_000;

/// A call of `delete_repo` on a server, as a journal might hold it.
struct Call {
    args: Json,
}

fn call() -> Call {
    Call {
        args: json!({
            "path": "/home/ada/.ssh/id",
            "n": 7,
            "ratio": 0.5,
            "force": true,
            "nothing": null,
            "tags": ["a", "bb", "ccc"],
            "deep": { "er": [1, 2, { "x": "y" }] },
            "odd name": 1,
            "big": 18_446_744_073_709_551_615_u64,
        }),
    }
}

impl Fields for Call {
    fn value(&self, field: Field) -> Value<'_> {
        match field {
            Field::Tool | Field::Target => Value::text("delete_repo"),
            Field::Server => Value::text("github"),
            Field::Method => Value::text("tools/call"),
            Field::Args => Value::json(&self.args),
            Field::Status => Value::text("tool_error"),
            Field::ErrorMessage => Value::text("Upstream timeout"),
            Field::HttpStatus => Value::Int(502),
            Field::ClientName => Value::text("claude-code"),
            Field::Duration => Value::Duration(1_500_000_000),
            Field::BytesIn => Value::Int(300),
            Field::BytesOut => Value::Int(300_000),
            Field::Retries => Value::Int(2),
            Field::Late => Value::Bool(true),
            Field::Findings => Value::List(vec![Value::text("not-utf8"), Value::text("late-answer")]),
            Field::Revision => Value::text("2025-06-18"),
            Field::Era => Value::text("legacy"),
            Field::At => Value::Time(1_785_232_800 * SECOND),
            Field::Now => Value::Time(1_785_232_800 * SECOND + 300 * SECOND),
            Field::Text => Value::text(
                "github\ntools/call\ndelete_repo\nUpstream timeout\n{\"path\":\"/home/ada/.ssh/id\"}",
            ),
            other => other.spec().empty(),
        }
    }
}

fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|mistake| panic!("{text}\n{mistake}"))
}

#[test]
fn what_is_true_of_an_exchange_matches_it() {
    for text in [
        r#"tool == "delete_repo""#,
        r"tool == 'delete_repo' // with a comment",
        r#"tool != "x" && server == "github""#,
        r#"server in ["gitlab", "github"]"#,
        r#"status == "tool_error" || args.missing == 1"#,
        r#"args.missing == 1 || status == "tool_error""#,
        r#"!(args.missing == 1 && status == "ok")"#,
        r#"tool.startsWith("delete_") && tool.endsWith("repo") && tool.contains("te_re")"#,
        r#"tool.matches("^del.te_(repo|branch)$")"#,
        r#"matches(tool, "repo")"#,
        r#"duration > duration("1s")"#,
        r#"duration == duration("1.5s") && duration <= duration("1500ms")"#,
        "duration.getSeconds() == 1 && duration.getMilliseconds() == 1500",
        r#"duration + duration("500ms") == duration("2s")"#,
        r#"-duration < duration("-1s")"#,
        r#"at == timestamp("2026-07-28T10:00:00Z")"#,
        r#"at > now - duration("10m") && now - at == duration("5m")"#,
        "int(at) == 1785232800",
        "bytes.in < bytes.out && bytes.out > 262144",
        "bytes.out / bytes.in == 1000 && bytes.out % 7 == 1",
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 - 2 - 1 == 4",
        "2.5 * 2.0 == 5.0 && 1 == 1.0 && 1 < 1.5 && -1 < 0",
        "0x10 == 16 && 1e3 == 1000.0 && .5 == 0.5",
        "-9223372036854775808 < 9223372036854775807",
        "retries > 0 ? late : false",
        "error.code == null && http.status != null",
        "http.status >= 500",
        r#"revision >= "2025-03-26""#,
        r#""late-answer" in findings"#,
        r#"findings.exists(f, f.startsWith("not-"))"#,
        "findings.all(f, size(f) > 3)",
        r#"findings.exists_one(f, f == "not-utf8")"#,
        "findings.size() == 2",
        "findings.map(f, size(f)) == [8, 11]",
        r#"findings.filter(f, f.contains("late")) == ["late-answer"]"#,
        r#"findings.map(f, f.upperAscii())[0] == "NOT-UTF8""#,
        r#"findings[1] == "late-answer""#,
        "groups == [] && !has(groups) && has(findings)",
        r#"!("dev" in groups)"#,
        r#"groups.all(g, g == "x") && !groups.exists(g, g == "x")"#,
        r#"args.path.contains("/.ssh/")"#,
        r#"args["path"] == args.path && args["odd name"] == 1"#,
        "args.n > 3 && args.n == 7.0 && args.n + 1 == 8",
        "args.ratio * 2.0 == 1.0",
        "args.force && args.nothing == null",
        r#"args.tags[1] == "bb" && "ccc" in args.tags && size(args.tags) == 3"#,
        r#"args.tags == ["a", "bb", "ccc"] && args.tags + ["d"] == ["a", "bb", "ccc", "d"]"#,
        r"args.tags.exists(t, t.size() == 2)",
        r#"args.deep.er[2].x == "y" && args.deep == args.deep"#,
        r#"args.exists(key, key == "path") && "n" in args"#,
        "has(args.path) && !has(args.missing) && !has(args.missing.er)",
        "has(args) && has(client.name) && !has(client.version)",
        "args.big > 9.0e18",
        r#"string(args.n) == "7" && int("7") == args.n && double("0.5") == args.ratio"#,
        "int(7.9) == 7 && int(-7.9) == -7",
        r#"string(args.force) == "true""#,
        r#"tool + "!" == "delete_repo!""#,
        r#"error.message.lowerAscii() == "upstream timeout""#,
        r#"size("日本") == 2"#,
        r#""\u0041\x42\103\n" == "ABC
""#
        .replace('\n', "\\n")
        .as_str(),
        r#"r"a\d" == "a\\d" && '''it's''' == "it's""#,
        r"[1, 2.0, 3] == [1.0, 2, 3]",
        r"[[1], [2]].exists(pair, pair.exists(n, n == 2))",
        r#"user == "" && decision == "" && effect != "write""#,
        "late",
        "true",
        "",
        "   ",
    ] {
        assert_eq!(filter(text).judge(&call()), Ok(true), "{text}");
    }
}

#[test]
fn an_empty_text_asks_for_everything() {
    for (text, is_everything) in [("", true), (" ", true), ("true", true), ("late", false), ("x", false)] {
        assert_eq!(filter(text).is_everything(), is_everything, "{text:?}");
    }
    assert_eq!(Filter::everything().judge(&call()), Ok(true));
    assert_eq!(Filter::everything().to_cel(), filter("").to_cel());
}

#[test]
fn what_is_false_or_has_no_value_does_not_match() {
    for (text, outcome) in [
        (r#"tool == "x""#, Ok(false)),
        ("!late", Ok(false)),
        ("args.missing == 1", Err(Failure::Missing)),
        ("!(args.missing == 1)", Err(Failure::Missing)),
        ("args.tags[9] == 1", Err(Failure::Missing)),
        ("args.tags[-1] == 1", Err(Failure::Missing)),
        ("args.path > 3", Err(Failure::Misfit("string"))),
        ("args.path.x == 3", Err(Failure::Misfit("string"))),
        ("(args.n)", Err(Failure::Misfit("int"))),
        ("args.n.exists(x, true)", Err(Failure::Misfit("int"))),
        ("error.code < 0", Err(Failure::Misfit("null"))),
        ("args.n / 0 == 1", Err(Failure::Range)),
        ("-9223372036854775808 / (0 - 1) == 1", Err(Failure::Range)),
        ("9223372036854775807 + 1 == 0", Err(Failure::Range)),
        ("int(1.0e30) == 0", Err(Failure::Range)),
        ("int(args.path) == 0", Err(Failure::Unreadable)),
        ("duration(args.path) == duration", Err(Failure::Unreadable)),
        (
            "[1,1,1,1,1,1,1,1,1,1].all(a, [1,1,1,1,1,1,1,1,1,1].all(b, [1,1,1,1,1,1,1,1,1,1].all(c, \
             [1,1,1,1,1,1,1,1,1,1].all(d, [1,1,1,1,1,1,1,1,1,1].all(e, true)))))",
            Err(Failure::TooLong),
        ),
    ] {
        let filter = filter(text);
        assert_eq!(filter.judge(&call()), outcome, "{text}");
        assert!(!filter.matches(&call()), "{text}");
    }
}

#[test]
fn the_short_form_is_the_cel_that_it_prints() {
    for (short, cel, matches) in [
        ("tool:repo", r#"tool.contains("repo")"#, true),
        ("tool=repo", r#"tool == "repo""#, false),
        ("-tool:repo", r#"!tool.contains("repo")"#, false),
        ("not tool:repo", r#"!tool.contains("repo")"#, false),
        ("not -tool:repo", r#"tool.contains("repo")"#, true),
        ("tool!=a,b", r#"tool != "a" && tool != "b""#, true),
        ("tool:del*_repo", r#"tool.matches("(?s)^del.*_repo$")"#, true),
        ("tool:d*.repo", r#"tool.matches("(?s)^d.*\\.repo$")"#, false),
        ("server:files,github", r#"server.contains("files") || server.contains("github")"#, true),
        ("-server:files,git", r#"!(server.contains("files") || server.contains("git"))"#, false),
        ("status:error", r#"status in ["tool_error", "error"]"#, true),
        ("status=error", r#"status == "error""#, false),
        ("status:ok,tool", r#"status == "ok" || status == "tool_error""#, true),
        ("dur>1s", r#"duration > duration("1s")"#, true),
        ("dur>=1.5s dur<2m", r#"duration >= duration("1.5s") && duration < duration("2m")"#, true),
        ("out>256KB", "bytes.out > 256000", true),
        ("bytes.out>1MiB", "bytes.out > 1048576", false),
        ("in<1k", "bytes.in < 1000", true),
        ("http:502", "http.status == 502", true),
        ("code:-32602", "error.code == -32602", false),
        ("retries>0", "retries > 0", true),
        ("late:yes", "late == true", true),
        ("client:claude", r#"client.name.contains("claude")"#, true),
        ("error:timeout", r#"error.message.contains("timeout")"#, true),
        ("finding:utf8", r#"findings.exists(it, it.contains("utf8"))"#, true),
        ("finding=utf8", r#""utf8" in findings"#, false),
        ("finding!=utf8", r#"!("utf8" in findings)"#, true),
        ("since:10m", r#"at >= now - duration("10m")"#, true),
        ("since:1m", r#"at >= now - duration("1m")"#, false),
        ("until:2026-07-29", r#"at < timestamp("2026-07-29T00:00:00Z")"#, true),
        ("at>2026-07-28T09:00:00Z", r#"at > timestamp("2026-07-28T09:00:00Z")"#, true),
        ("rev>=2025-06-18", r#"revision >= "2025-06-18""#, true),
        ("args.path:.ssh", r#"has(args.path) && string(args.path).contains(".ssh")"#, true),
        ("args.n>3", "has(args.n) && args.n > 3", true),
        ("args.nope=3", r#"has(args.nope) && string(args.nope) == "3""#, false),
        ("TIMEOUT", r#"text.matches("(?i)TIMEOUT")"#, true),
        ("\"upstream time\"", r#"text.matches("(?i)upstream time")"#, true),
        ("'up.tream'", r#"text.matches("(?i)up\\.tream")"#, false),
        ("-invoice", r#"!text.matches("(?i)invoice")"#, true),
        ("don't", r#"text.matches("(?i)don't")"#, false),
        (r#"error:"Upstream time""#, r#"error.message.contains("Upstream time")"#, true),
        (r#"tool:"say \"hi\"""#, r#"tool.contains("say \"hi\"")"#, false),
        (
            "tool:repo status:error dur>1s \"upstream\" -tool:x server:git since:10m",
            r#"tool.contains("repo") && status in ["tool_error", "error"] && duration > duration("1s") && text.matches("(?i)upstream") && !tool.contains("x") && server.contains("git") && at >= now - duration("10m")"#,
            true,
        ),
        ("tool:repo and late:true", r#"tool.contains("repo") && late == true"#, true),
    ] {
        let filter = filter(short);
        assert_eq!(filter.to_cel(), cel, "{short}");
        assert_eq!(filter.matches(&call()), matches, "{short}");
    }
}

#[test]
fn canonical_cel_keeps_its_meaning() {
    for (text, cel) in [
        ("(late)", "late"),
        ("(late||late)&&late", "(late || late) && late"),
        ("late||(late&&late)", "late || late && late"),
        ("1-(2-3)==2", "1 - (2 - 3) == 2"),
        ("(1-2)-3==-4", "1 - 2 - 3 == -4"),
        ("!(late && late)", "!(late && late)"),
        ("!!late", "!!late"),
        (
            "(late ? late : late) ? late : late ? late : late",
            "(late ? late : late) ? late : late ? late : late",
        ),
        (r"tool == '\x1b\u202e\'\\\n'", r#"tool == "\U0000001b\U0000202e'\\\n""#),
        ("1.0 == 1e300", "1.0 == 1e300"),
        ("(args).path == args['x y'][0]", "args.path == args[\"x y\"][0]"),
        ("(late == late) == late", "late == late == late"),
        ("late == (late == late)", "late == (late == late)"),
    ] {
        let once = filter(text);
        assert_eq!(once.to_cel(), cel, "{text}");
        assert_eq!(filter(once.to_cel()).to_cel(), cel, "{text}");
    }
}

#[test]
fn mistakes_are_underlined_and_name_the_way_out() {
    let mut shown = Vec::new();
    for text in [
        "tol == \"x\"",
        "sttus == \"error\"",
        "status == \"eror\"",
        "\"eror\" == status",
        "status in [\"ok\", \"eror\"]",
        "status > 3",
        "(status)",
        "(duration)",
        "duration > 1",
        "duration > \"1s\"",
        "duration > 1s",
        "at > \"2026-07-28\"",
        "client == \"cursor\"",
        "client.nam == \"cursor\"",
        "dur == \"x\"",
        "!tool.name",
        "tool.name == \"x\"",
        "tool = \"x\"",
        "tool == \"x\" and late",
        "tool == \"x\" or late",
        "tool == \"x",
        "tool == 'a\\q'",
        "(late",
        "late)",
        "late ? late",
        "tool.contain(\"x\")",
        "contains(tool, \"x\")",
        "tool.duration(\"1s\")",
        "groups.contains(\"dev\")",
        "groups == \"dev\"",
        "\"x\" in tool",
        "tool.contains(3)",
        "tool.contains()",
        "tool.matches(\"(\")",
        "tool.matches(\"(a{1000}){1000}\")",
        "tool.matches(server)",
        "duration > duration(\"soon\")",
        "at > timestamp(\"2026-13-01T00:00:00Z\")",
        "bytes.in + 1.5 > 2.0",
        "!tool",
        "-tool == 1",
        "late && tool",
        "99999999999999999999 == 1",
        "0xZZ == 1",
        "b\"x\" == tool",
        "{\"a\": 1} == args",
        "findings.exists(f)",
        "findings.exists(\"f\", true)",
        "tool.exists(c, c == \"a\")",
        "has(late && late)",
        "has(args.path, 1)",
        "has(tol)",
        "tool == \u{202e}",
        "tol:x",
        "status:eror",
        "dur>1",
        "dur>fast",
        "out>big",
        "since:yesterday",
        "late:maybe",
        "tool: search",
        "tool:a or tool:b",
        "https://example.com",
        "tool:\"x",
        "args:path",
        "args.a-b:1",
        "finding>3",
        "tool:x not",
        "\n  tool == \"a\" &&\n  sttus == \"ok\"",
    ] {
        let mistake = Filter::parse(text).expect_err(text);
        shown.push(mistake.to_string());
    }
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn a_filter_says_which_fields_it_needs() {
    let named: Vec<_> = FIELDS
        .iter()
        .filter(|spec| filter("args.path == tool && findings.exists(tool, tool == server)").names(spec.field))
        .map(|spec| spec.name)
        .collect();
    assert_eq!(named, ["server", "tool", "args", "findings"]);
}

#[test]
fn expressions_are_bounded_in_length_and_depth() {
    let long = format!("tool == \"{}\"", "x".repeat(MAX_TEXT));
    assert!(Filter::parse(&long).is_err_and(|mistake| mistake.says.contains("longer than")));
    for (open, close) in
        [("(", ")"), ("!", ""), ("[", "]"), ("-(", ")"), ("late ? late : ", ""), ("1 + (", ")")]
    {
        let text = format!("{}late == late{}", open.repeat(250), close.repeat(250));
        assert!(Filter::parse(&text).is_err_and(|mistake| mistake.says.contains("levels deep")), "{open}");
    }
    for step in [".x", "[0]", " + 1", " == 1", ".size()"] {
        let text = format!("late == args{}", step.repeat(500));
        assert!(Filter::parse(&text).is_err_and(|mistake| mistake.says.contains("levels deep")), "{step}");
    }
    let wide = vec!["late"; 500].join(" && ");
    assert!(filter(&wide).matches(&call()));
}

/// The judge is another implementation of the language; it must say the same of what both know.
#[test]
fn another_implementation_agrees() {
    let mut context = cel::Context::default();
    context.add_variable("tool", "delete_repo").unwrap();
    context.add_variable("server", "github").unwrap();
    context.add_variable("retries", 2_i64).unwrap();
    context.add_variable("late", true).unwrap();
    context.add_variable("findings", vec!["not-utf8", "late-answer"]).unwrap();
    for text in [
        "tool == 'delete_repo' && retries > 1",
        "retries * 3 - 1 == 5 || late",
        "1 - 2 - 3 == -4",
        "7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1",
        "2 + 3 * 4 == 14 && !(2 + 3 * 4 == 20)",
        "1 / 0 == 1 || late",
        "late || 1 / 0 == 1",
        "!(!late && 1 / 0 == 1)",
        "!(1 / 0 == 1 && !late)",
        "retries == 2.0 && 1 < 1.5",
        "late ? retries == 2 : 1 / 0 == 1",
        "findings.exists(f, f.startsWith('not'))",
        "findings.all(f, f.contains('-')) && findings.exists_one(f, f == 'not-utf8')",
        "findings.filter(f, f.size() > 8).size() == 1",
        "findings.map(f, f + '!')[0] == 'not-utf8!'",
        "'late-answer' in findings && !('x' in findings)",
        "tool.matches('^del.*o$') && tool.endsWith('repo')",
        "size('日本') == 2 && '\\u65e5' == '日'",
        "'a' < 'b' && 'a' + 'b' == 'ab' && \"it's\" == 'it\\'s'",
        "r'\\d' == '\\\\d'",
        "[1, 2] + [3] == [1, 2, 3] && [] == []",
        "int('42') == 42 && double('1.5') == 1.5 && string(42) == '42'",
        "0x1F == 31 && 1e2 == 100.0",
        "null == null && retries != null",
        "int(7.9) == 7 && int(-7.9) == -7",
        "late == true != false",
        "false || false || late && late",
    ] {
        let judged = cel::Program::compile(text).unwrap().execute(&context).unwrap();
        assert_eq!(judged, cel::Value::Bool(true), "the judge, {text}");
        assert_eq!(filter(text).judge(&call()), Ok(true), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        if let Ok(filter) = Filter::parse(&text) {
            let _ = filter.judge(&call());
        }
    }

    #[test]
    fn no_mixture_of_its_own_words_makes_it_panic(words in proptest::collection::vec(0..WORDS.len(), 0..24), gap in " ?") {
        let text: Vec<_> = words.into_iter().map(|n| WORDS[n]).collect();
        match Filter::parse(&text.join(&gap)) {
            Ok(filter) => {
                let _ = filter.judge(&call());
                let again = Filter::parse(filter.to_cel());
                prop_assert_eq!(again.map(|again| again.to_cel().to_owned()), Ok(filter.to_cel().to_owned()));
            }
            Err(mistake) => prop_assert!(mistake.to_string().contains('^')),
        }
    }
}

const WORDS: &[&str] = &[
    "tool",
    "args",
    "args.n",
    "findings",
    "late",
    "duration",
    "status",
    "at",
    "now",
    "in",
    "true",
    "null",
    "1",
    "-",
    "1.5",
    "0x1",
    "\"x\"",
    "'",
    "\"",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "{",
    ".",
    ",",
    "?",
    ":",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "+",
    "*",
    "/",
    "%",
    "has(",
    ".exists(",
    "f",
    ".size()",
    ".contains(",
    "duration(\"1s\")",
    "tool:x",
    "dur>1s",
    "-tool:x",
    "since:1h",
    "not",
    "é",
    "\u{202e}",
    "\0",
    "\n",
    "//",
    "status:error",
    "out>1KB",
    "a,b",
];
