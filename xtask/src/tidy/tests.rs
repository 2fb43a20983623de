//! Each rule refuses a violation planted in a small tree, and accepts the tree without it.

use std::fs;

use super::*;
use crate::generated;

/// What a rule says about a tree with these files.
fn says(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("{root}", folder.path().to_str().unwrap())).unwrap();
    }
    let house = House::open(folder.path()).unwrap();
    rule(&house).into_iter().map(|b| format!("{}:{}: {}", b.path, b.line, b.says)).collect()
}

/// Holds one file against a rule: the words that a breach must contain, or none for a file that passes.
fn each(rule: Rule, cases: &[(&str, &str, Option<&str>)]) {
    for (path, text, expected) in cases {
        let said = says(rule, &[(path, text)]);
        match expected {
            None => assert!(said.is_empty(), "{path}: {said:?}"),
            Some(words) => assert!(said.iter().any(|line| line.contains(words)), "{path}: {said:?}"),
        }
    }
}

#[test]
fn this_house_is_tidy() {
    let outcome = run();
    assert!(outcome.is_ok(), "{:#}", outcome.unwrap_err());
}

#[test]
fn a_house_has_its_papers() {
    let said = says(files::papers, &[("README.md", "x"), ("LICENSE", "x")]);
    assert!(said.contains(&"SECURITY.md:0: is missing".to_owned()), "{said:?}");
    assert!(!said.iter().any(|line| line.starts_with("README.md")), "{said:?}");
}

#[test]
fn dependencies_point_one_way() {
    let manifest = |section: &str, name: &str| format!("[{section}]\n{name} = {{ workspace = true }}\n");
    let cases = [
        ("crates/engine/Cargo.toml", manifest("dependencies", "tapgate-wire"), None),
        (
            "crates/wire/Cargo.toml",
            manifest("dependencies", "tapgate-engine"),
            Some("wire must not know engine"),
        ),
        (
            "crates/store/Cargo.toml",
            manifest("dependencies", "tapgate-engine"),
            Some("store must not know engine"),
        ),
        (
            "crates/expr/Cargo.toml",
            manifest("build-dependencies", "tapgate-wire"),
            Some("expr must not know wire"),
        ),
        (
            "crates/lens/Cargo.toml",
            manifest("target.'cfg(unix)'.dependencies", "tapgate-engine"),
            Some("must not"),
        ),
        ("crates/wire/Cargo.toml", manifest("dev-dependencies", "tapgate-testkit"), None),
        (
            "crates/app/Cargo.toml",
            manifest("dependencies", "tapgate-testkit"),
            Some("app must not know testkit"),
        ),
        ("crates/spare/Cargo.toml", String::new(), Some("a new crate needs its rule")),
        ("crates/wire/Cargo.toml", "[dependencies".to_owned(), Some("not readable")),
    ];
    for (path, text, expected) in &cases {
        each(crates::dependencies, &[(path, text, *expected)]);
    }
}

#[test]
fn a_crate_never_mentions_what_it_must_not_know() {
    each(
        crates::absence,
        &[
            ("crates/wire/src/a.rs", "use std::collections::HashMap;", None),
            (
                "crates/wire/src/a.rs",
                "use std::{collections::HashMap, fs};",
                Some(":1: wire must not know `std::fs`"),
            ),
            ("crates/wire/src/a.rs", "fn f() {\n    std::thread::yield_now();\n}", Some(":2: ")),
            ("crates/wire/src/a.rs", "use std::time::{Duration, Instant};", Some("`std::time::Instant`")),
            ("crates/engine/src/a.rs", "fn f() { let now = time::SystemTime::now(); }", Some("SystemTime")),
            ("crates/engine/src/a.rs", "fn f() { log!(\"{:?}\", std::env::args()); }", Some("std::env")),
            ("crates/expr/src/a.rs", "use tokio::sync::mpsc;", Some("tokio")),
            ("crates/store/src/a.rs", "use tokio::sync::mpsc;", Some("tokio")),
            ("crates/transport/src/a.rs", "use tokio::sync::mpsc;", None),
            (
                "crates/transport/src/a.rs",
                "use tapgate_wire::{Leg, shape::Id};",
                Some("tapgate_wire::shape::Id"),
            ),
            ("crates/wire/src/a.rs", "// std::fs is for others.\nconst A: &str = \"std::fs\";", None),
            ("crates/wire/src/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}", None),
            ("crates/wire/src/a.rs", "#[cfg(test)]\nuse std::fs;\nuse std::net::TcpStream;", Some(":3: ")),
            ("crates/wire/src/a/tests.rs", "use std::fs;", None),
            ("crates/wire/tests/cuts.rs", "use std::fs;", None),
            ("crates/wire/src/a.rs", "fn f( {", Some("not readable as Rust")),
        ],
    );
}

#[test]
fn a_long_file_says_why_and_a_longer_one_is_split() {
    let lines = |n: usize| "const _: u8 = 0;\n".repeat(n);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(700));
    let cases = [
        (lines(400), None),
        (lines(401), Some("has 401 lines")),
        (format!("// Long because the table has no seams.\n{}", lines(450)), None),
        (format!("// Long because the table has no seams.\n{}", lines(600)), Some("more than 600")),
        (format!("{}{tests}", lines(300)), None),
        (format!("{}{tests}", lines(401)), Some("has 401 lines")),
    ];
    for (text, expected) in &cases {
        each(files::budget, &[("crates/wire/src/a.rs", text, *expected)]);
    }
    for path in ["crates/wire/src/a/tests.rs", generated::FILES[0]] {
        each(files::budget, &[(path, &lines(900), None)]);
    }
}

#[test]
fn names_say_what_they_hold() {
    each(
        files::names,
        &[
            ("crates/wire/src/frame.rs", "", None),
            ("crates/wire/src/frame/mod.rs", "", Some("never `mod.rs`")),
            ("crates/wire/src/util.rs", "", Some("`util` hides")),
            ("crates/wire/src/helpers/id.rs", "", Some("`helpers` hides")),
            ("crates/wire/tests/common.rs", "", Some("`common` hides")),
        ],
    );
}

#[test]
fn nothing_is_silenced_without_a_reason() {
    each(
        silence::silence,
        &[
            ("a.rs", "#[expect(dead_code, reason = \"why\")]\nfn f() {}", None),
            ("a.rs", "\n#[allow(dead_code)]\nfn f() {}", Some("a.rs:2: ")),
            ("a.rs", "#![allow(dead_code)]", Some("a.rs:1: ")),
            ("a.rs", "#[cfg_attr(unix, allow(dead_code))]\nfn f() {}", Some("expect")),
            ("a.rs", "mod tests {\n    #[test]\n    #[ignore]\n    fn f() {}\n}", Some("a.rs:3: ")),
            ("a.rs", "#[ignore = \"slow\"]\nfn f() {}", Some("never ignored")),
            ("a.rs", "/// Writes `#[allow(x)]`.\nconst A: &str = \"#[ignore]\";", None),
        ],
    );
}

#[test]
fn links_lead_somewhere() {
    each(
        links::links,
        &[
            ("docs/a.md", "See [this](a.md) and [that](https://example.com/x).", None),
            ("docs/a.md", "See [this](b.md).", Some("docs/a.md:1: link `b.md`: leads to nothing")),
            ("docs/a.md", "See [this](../../b.md).", Some("leads out of the project")),
            ("docs/a.md", "See [this](../docs/a.md).", None),
            ("docs/a.md", "# The long way\n[here](#the-long-way)", None),
            (
                "docs/a.md",
                "# The long way\n[here](#the-short-way)",
                Some("names a heading that is not there"),
            ),
            ("docs/a.md", "Write `[text](b.md)`.\n```text\n[text](b.md)\n```", None),
        ],
    );
}

#[test]
fn examples_parse() {
    each(
        examples::examples,
        &[
            ("a.md", "```json\n{\"a\":1}\n{\"a\":2}\n```", None),
            ("a.md", "Text.\n```json\n{\"a\":}\n```", Some("a.md:3: this json example")),
            ("a.md", "```toml\na = 1\n```", None),
            ("a.md", "```toml\na = \n```", Some("this toml example")),
            ("a.md", "```yaml\na: { b: c }\n```", None),
            ("a.md", "```yaml\na: { b: c\n```", Some("this yaml example")),
            ("a.md", "```text\n{{{\n```", None),
        ],
    );
}

#[test]
fn the_architecture_names_paths_and_tests_that_exist() {
    let source = "#[test]\nfn bytes_stay() {}\nfn no_test() {}\nproptest! {\n    #[test]\n    fn cuts_join(x in 0..1) {}\n}";
    let cases = [
        ("See `crates/wire/src/a.rs`.", None),
        ("See `crates/wire/src/b.rs`.", Some("`crates/wire/src/b.rs` does not exist")),
        ("## Invariants\n\n- Bytes stay: `bytes_stay`.", None),
        ("## Invariants\n\n1. Bytes stay:\n   `wire::a::cuts_join`.", None),
        ("## Invariants\n\n- Bytes stay.", Some("ARCHITECTURE.md:3: an invariant names the test")),
        ("## Invariants\n\n- Bytes stay: `no_test`.", Some("there is no test `no_test`")),
        ("## Code map\n\n- Bytes stay.", None),
    ];
    for (page, expected) in cases {
        let said =
            says(architecture::architecture, &[("ARCHITECTURE.md", page), ("crates/wire/src/a.rs", source)]);
        match expected {
            None => assert!(said.is_empty(), "{page}: {said:?}"),
            Some(words) => assert!(said.iter().any(|line| line.contains(words)), "{page}: {said:?}"),
        }
    }
}

#[test]
fn what_is_required_is_proven_by_tests_that_exist() {
    use crate::requirements::{FILE, PAGE, page, read};

    let source = "#[test]\nfn bytes_stay() {}\nfn no_test() {}";
    let list = |more: &str| {
        format!(
            "[[topic]]\ntitle = \"Bytes\"\n[[topic.requirement]]\nsays = \"They stay.\"\nlevel = \"must\"\n\
             revisions = \"all\"\nsource = \"basic\"\n{more}"
        )
    };
    let cases = [
        ("tests = [\"wire::a::bytes_stay\"]", None),
        ("tests = [\"wire::a::tests::bytes_stay\"]", None),
        ("why = \"There are none.\"", None),
        ("open = \"They change.\"", None),
        ("tests = [\"wire::a::no_test\"]", Some(":8: there is no test `wire::a::no_test`")),
        ("tests = [\"wire::b::bytes_stay\"]", Some("there is no test `wire::b::bytes_stay`")),
        ("tests = []", Some("names tests")),
        ("", Some("one of `tests`")),
        ("why = \"\"", Some("`why` is missing")),
        ("tests = [\"wire::a::bytes_stay\"]\nwhy = \"x\"", Some("one of `tests`")),
        ("why = \"x\"\nelse = 1", Some("five members")),
    ];
    for (more, expected) in cases {
        let list = list(more);
        let page = read(&list).map(|topics| page(&topics)).unwrap_or_default();
        let said = says(
            requirements::requirements,
            &[(FILE, &list), (PAGE, &page), ("crates/wire/src/a.rs", source)],
        );
        match expected {
            None => assert!(said.is_empty(), "{more}: {said:?}"),
            Some(words) => assert!(said.len() == 1 && said[0].contains(words), "{more}: {said:?}"),
        }
    }
    let said = says(requirements::requirements, &[(FILE, &list("why = \"x\"")), (PAGE, "edited")]);
    assert_eq!(said, [format!("{PAGE}:0: is old: run `cargo xtask requirements`")]);
}

#[test]
fn nothing_private_is_committed() {
    let token = format!("ghp_{}", "x1Y2".repeat(9));
    let key = format!("-----BEGIN PRIVATE{} KEY-----\n{}\n", "", "Ab+/".repeat(16));
    each(
        private::secrets,
        &[
            ("a.rs", "const A: &str = concat!(\"ghp\", \"_fake\");", None),
            (
                "docs/a.md",
                &format!("Text.\nThe token {token}."),
                Some("docs/a.md:2: looks like a GitHub token"),
            ),
            ("a.pem", &key, Some("a private key")),
        ],
    );
    each(
        private::machine_paths,
        &[
            ("a.md", "Look into `~/.config` and /etc.", None),
            ("a.md", "Text.\nLook into {root}/target.", Some("a.md:2: names a path of this machine")),
            ("package-lock.json", "{\n\"resolved\": \"x\"}", Some("package-lock.json:2: ")),
        ],
    );
}

#[test]
fn every_shape_of_a_secret_is_an_expression() {
    for (name, shape) in private::SECRETS {
        let compiled = regex::bytes::RegexBuilder::new(shape).unicode(false).build();
        assert!(compiled.is_ok(), "{name}");
    }
}
