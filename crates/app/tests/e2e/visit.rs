//! What `check` says of servers that it visits: which of them refuse what they must, and which end in time.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Home, Ran, Running};

/// A server on pipes, whose fault its first argument names.
const PIPES: &str = include_str!("visit/pipes.py");

/// A server over HTTP, whose faults its first argument names.
const WEB: &str = include_str!("visit/web.py");

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out()).unwrap_or_else(|_| panic!("{} {}", ran.out(), ran.err()))
}

/// The report about the server on pipes with this fault.
fn on_pipes(fault: &str, more: &[&str]) -> (Option<i32>, Value) {
    let home = Home::new();
    let ran = home.run(&[&["check", "--json"], more, &["--", "python3", "-c", PIPES, fault]].concat());
    (ran.code, report(&ran))
}

/// A server over HTTP with these faults, and its URL.
fn web(faults: &str) -> (Running, String) {
    let mut command = Command::new("python3");
    let mut server = Running::start(command.args(["-u", "-c", WEB, faults]).stdout(Stdio::piped()));
    let mut stdout = std::io::BufReader::new(server.child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    (server, line.trim().to_owned())
}

fn over_http(faults: &str, more: &[&str]) -> (Option<i32>, Value) {
    let (_server, url) = web(faults);
    let home = Home::new();
    let ran = home.run(&[&["check", "--json", &url], more].concat());
    (ran.code, report(&ran))
}

/// The rules of the findings that blame somebody, once each.
fn rules(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["side"] != "client"), "{report:#}");
    let grave = findings.iter().filter(|finding| finding["severity"] != "note");
    let mut rules: Vec<_> = grave.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect();
    rules.sort();
    rules.dedup();
    rules
}

fn status<'r>(report: &'r Value, name: &str) -> &'r str {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap()["status"].as_str().unwrap()
}

fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let visits = report["visits"].as_array().unwrap().iter();
    visits.map(|visit| (visit["revision"].as_str().unwrap(), visit["outcome"].as_str().unwrap())).collect()
}

#[test]
fn a_server_that_refuses_what_it_must_is_clean_on_its_own_transport() {
    for faults in ["none", "stateless", "no-delete", "streams"] {
        let (code, report) = over_http(faults, &[]);
        assert_eq!((code, rules(&report)), (Some(0), vec![]), "{faults}: {report:#}");
        let spoken: Vec<_> =
            ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"].map(|date| (date, "spoken")).into();
        assert_eq!(outcomes(&report)[1..], spoken, "{faults}: {report:#}");
    }
    let (code, report) = on_pipes("none", &[]);
    assert_eq!((code, rules(&report)), (Some(0), vec![]), "{report:#}");
}

#[test]
fn what_a_server_does_not_refuse_is_found_by_name_and_in_no_revision_that_lets_it() {
    for (fault, rule, revisions) in [
        ("any-page", "refusal.foreign-page", 4),
        ("any-session", "refusal.session", 4),
        ("deaf-to-delete", "refusal.deleted-session", 3),
        ("any-revision", "refusal.revision", 2),
        ("any-method", "refusal.method", 4),
    ] {
        let (code, report) = over_http(fault, &[]);
        assert_eq!(rules(&report), [rule], "{fault}: {report:#}");
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(
            findings.iter().filter(|finding| finding["rule"] == rule).count(),
            revisions,
            "{report:#}"
        );
        assert_eq!(code, Some(i32::from(rule != "refusal.method")), "{fault}: {report:#}");
    }
    for (fault, rule) in [
        ("any-page", "refusal.foreign-page"),
        ("any-header", "refusal.header"),
        ("any-revision", "refusal.revision"),
    ] {
        let (_, report) = over_http(&format!("modern,{fault}"), &["--revision", "2026-07-28"]);
        assert_eq!(rules(&report), [rule], "{fault}: {report:#}");
    }
    let (code, report) = over_http("modern", &["--revision", "2026-07-28"]);
    assert_eq!((code, rules(&report)), (Some(0), vec![]), "{report:#}");
}

#[test]
fn a_session_of_a_visit_that_is_named_later_is_judged_as_the_visit_was() {
    let (_server, url) = web("none");
    let home = Home::new();
    assert_eq!(home.run(&["check", "--json", &url]).code, Some(0));
    for session in home.json(&["ls"]).iter().filter(|row| row["kind"] == "session") {
        let ran = home.run(&["check", "--json", session["session"].as_str().unwrap()]);
        assert_eq!(rules(&report(&ran)), Vec::<String>::new(), "{session}");
    }
}

#[test]
fn a_login_says_what_is_asked_for_and_with_which_flag_to_give_it() {
    let (code, report) = over_http("login", &[]);
    let why = report["visits"][0]["why"].as_str().unwrap();
    assert!(why.contains("WWW-Authenticate: Bearer realm=") && why.contains("--header"), "{report:#}");
    assert!(report["checks"][0]["next"].as_str().unwrap().contains("--header"), "{report:#}");
    let blamed = rules(&report);
    assert!(code == Some(1) && blamed.iter().all(|rule| rule.starts_with("auth.")), "{report:#}");
    let (code, report) = over_http("login", &["--header", "Authorization: Bearer open-sesame"]);
    assert_eq!((code, rules(&report)), (Some(0), vec![]), "{report:#}");
}

#[test]
fn a_server_that_floods_is_broken_off_and_fills_nothing() {
    // The last one never reads what it is answered.
    for fault in ["flood", "flood-before", "flood-stderr", "asks"] {
        let home = Home::new();
        let once = ["check", "--json", "--revision", "2025-11-25"];
        let ran = home.run(&[&once[..], &["--", "python3", "-c", PIPES, fault]].concat());
        let report = report(&ran);
        assert_eq!((ran.code, status(&report, "visible")), (Some(1), "fail"), "{fault}: {report:#}");
        let why = report["visits"][0]["why"].as_str().unwrap();
        assert!(why.contains("broken off: the server said more than 16 MB"), "{fault}: {report:#}");
        let n_bytes = std::fs::metadata(home.journal()).unwrap().len();
        assert!(n_bytes < 40 << 20, "{fault}: the journal has {n_bytes} bytes");
    }
}

#[test]
fn a_server_that_floods_a_stream_is_broken_off() {
    for fault in ["comments", "events"] {
        let (_server, url) = web(fault);
        let home = Home::new();
        let ran = home.run(&["check", "--json", &url, "--revision", "2025-11-25"]);
        let report = report(&ran);
        assert_eq!((ran.code, status(&report, "visible")), (Some(1), "fail"), "{fault}: {report:#}");
        let n_bytes = std::fs::metadata(home.journal()).unwrap().len();
        // What was under way when it was broken off is recorded too.
        assert!(n_bytes < 40 << 20, "{fault}: the journal has {n_bytes} bytes");
    }
}

#[test]
fn a_server_that_hangs_is_not_waited_for_again_and_again() {
    let (code, report) = on_pipes("silent", &["--patience", "2"]);
    assert_eq!((code, status(&report, "handshake")), (Some(1), "fail"), "{report:#}");
    let left_out = outcomes(&report).iter().filter(|(_, outcome)| *outcome == "left out").count();
    assert_eq!(left_out, 3, "{report:#}");
}

#[test]
fn a_server_that_answers_nothing_or_goes_away_fails_and_nobody_else_is_blamed() {
    for (fault, outcome, why) in [
        ("silent", "silent", "no answer to initialize in 2 s"),
        ("dies", "gone", "the server went away while it was asked"),
        ("leaves", "spoken", "the server went away while it was asked"),
    ] {
        let (code, report) = on_pipes(fault, &["--patience", "2", "--revision", "2025-11-25"]);
        assert_eq!((code, status(&report, "visible")), (Some(1), "fail"), "{fault}: {report:#}");
        let visit = &report["visits"][0];
        assert_eq!((&visit["outcome"], &visit["why"]), (&outcome.into(), &why.into()), "{fault}: {report:#}");
        let ended = report["checks"][0]["why"].as_str().unwrap().contains("ended without");
        assert_eq!(ended, fault == "dies", "{report:#}");
    }
    let (code, report) = on_pipes("deep-greeting", &["--revision", "2025-11-25"]);
    let why = report["checks"][0]["why"].as_str().unwrap();
    assert!(code == Some(1) && why.contains("the answer to initialize cannot be read"), "{report:#}");
    let (code, report) = over_http("hangs", &["--patience", "2", "--revision", "2026-07-28"]);
    let handshake = &report["checks"][0];
    assert_eq!((code, &handshake["side"]), (Some(1), &"server".into()), "{report:#}");
    assert!(handshake["why"].as_str().unwrap().contains("no answer to server/discover in 2 s"), "{report:#}");
}

#[test]
fn words_of_a_server_do_not_decide_that_it_cannot_be_reached() {
    let (code, report) = over_http("rude", &["--revision", "2025-11-25"]);
    assert_eq!((code, &report["visits"][0]["outcome"]), (Some(1), &"refused".into()), "{report:#}");
    // Nobody listens where a listener was.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = Home::new().run(&["check", &format!("http://{free}/mcp")]);
    assert!(ran.code == Some(4) && ran.err().contains("cannot be reached"), "{}", ran.err());
    let ran = Home::new().run(&["check", "--", "/no/such/server"]);
    assert!(ran.code == Some(4) && ran.err().contains("cannot be started"), "{}", ran.err());
    let says = "import sys; sys.exit('tapgate: failed to start')";
    let ran = Home::new().run(&["check", "--revision", "2025-11-25", "--", "python3", "-c", says]);
    assert_eq!(ran.code, Some(1), "{}", ran.err());
}

#[test]
fn a_server_that_answers_everything_with_nothing_does_not_speak_every_revision() {
    let (code, report) = over_http("shrugs", &[]);
    assert_eq!((code, outcomes(&report)[0]), (Some(0), ("2026-07-28", "refused")), "{report:#}");
}

#[test]
fn a_wrong_path_is_said_to_be_wrong() {
    let (code, report) = over_http("nowhere", &["--revision", "2025-11-25"]);
    let handshake = &report["checks"][0];
    assert_eq!(code, Some(1), "{report:#}");
    assert!(handshake["why"].as_str().unwrap().ends_with("HTTP 404."), "{report:#}");
    assert!(handshake["next"].as_str().unwrap().contains("path of the URL"), "{report:#}");
}

#[test]
fn a_report_says_what_it_is_about() {
    let (_server, url) = web("any-page");
    let home = Home::new();
    let one = ["check", url.as_str(), "--revision", "2025-11-25"];
    let checked = &report(&home.run(&[&one[..], &["--json"]].concat()))["checked"][0];
    let said = (&checked["server"]["name"], &checked["revision"], checked["run"].as_str());
    assert_eq!(said, (&"web".into(), &"2025-11-25".into(), Some(url.as_str())), "{checked:#}");
    let text = home.run(&[&one[..], &["--format", "text"]].concat()).out();
    assert!(text.contains(": web 1 in 2025-11-25 (") && text.contains(" (2025-11-25)\n"), "{text}");
    let junit = home.run(&[&one[..], &["--format", "junit"]].concat()).out();
    assert!(
        junit.contains("name=\"checked\" value=\"s") && junit.contains(" in 2025-11-25 (server)\""),
        "{junit}"
    );
}

#[test]
fn of_a_bridge_the_other_leg_is_named() {
    let home = Home::new();
    let file = home.path().join("mcp.lock");
    let args = ["lock", "update", "--file", file.to_str().unwrap(), "--", "python3", "-c", PIPES, "none"];
    assert_eq!(home.run(&args).code, Some(0));
    let sessions: Vec<Value> =
        home.json(&["ls"]).into_iter().filter(|row| row["kind"] == "session").collect();
    assert_eq!(sessions.len(), 2, "{sessions:#?}");
    for (one, other) in [(0, 1), (1, 0)] {
        let ran = home.run(&["check", "--json", sessions[one]["session"].as_str().unwrap()]);
        assert_eq!(report(&ran)["other_leg"], sessions[other]["session"]);
    }
}

#[test]
fn a_list_that_the_recorder_lost_does_not_pass() {
    let (code, report) = on_pipes("giant", &["--revision", "2025-11-25"]);
    assert_eq!((code, status(&report, "visible")), (Some(1), "fail"), "{report:#}");
    let why = report["visits"][0]["why"].as_str().unwrap();
    assert!(why.contains("the list of tools came and was not judged"), "{report:#}");
}

#[test]
fn a_secret_in_a_header_is_in_no_artefact() {
    let (_server, url) = web("echoes");
    let home = Home::new();
    let secret = "correcthorsebattery";
    let ran = home.run(&["check", "--json", &url, "--header", &format!("X-Team-Thing: {secret}")]);
    assert_eq!(ran.code, Some(1), "{}", ran.err());
    let mut seen = vec![ran.out(), ran.err()];
    for session in home.json(&["ls"]).iter().filter(|row| row["kind"] == "session") {
        seen.push(home.run(&["show", "--wire", session["session"].as_str().unwrap()]).out());
    }
    assert!(seen.len() > 2 && seen.iter().all(|text| !text.contains(secret)), "{seen:#?}");
    assert!(seen.iter().any(|text| text.contains("[masked:")), "{seen:#?}");
    for file in std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", file.display());
    }
}

#[test]
fn a_server_that_dies_of_a_line_that_is_no_message_is_found_by_that() {
    let (code, report) = on_pipes("brittle", &["--revision", "2025-11-25"]);
    assert_eq!((code, rules(&report)), (Some(0), vec!["process.broken-line".to_owned()]), "{report:#}");
}

#[test]
fn a_server_that_outlives_its_input_is_found() {
    let (_, report) = on_pipes("lingers", &["--revision", "2025-11-25"]);
    assert_eq!(rules(&report), ["process.lingers"], "{report:#}");
}

#[test]
fn a_list_that_leads_round_is_told_once_and_counted_once() {
    for fault in ["loop", "round"] {
        let (code, report) = on_pipes(fault, &["--revision", "2025-11-25", "--sizes"]);
        assert_eq!((code, status(&report, "tools")), (Some(1), "fail"), "{fault}: {report:#}");
        assert!(rules(&report).contains(&"list.loop".to_owned()), "{fault}: {report:#}");
        let why = report["checks"][2]["why"].as_str().unwrap();
        assert!(why.starts_with("1 tool is"), "{fault}: {report:#}");
    }
}

#[test]
fn an_answer_that_nobody_can_read_does_not_pass() {
    for fault in ["deep", "no-unicode"] {
        let (code, report) = on_pipes(fault, &["--revision", "2025-11-25"]);
        assert_eq!(code, Some(1), "{fault}: {report:#}");
        for check in ["tools", "schemas"] {
            assert_eq!(status(&report, check), "unknown", "{fault}: {report:#}");
        }
        let why = report["visits"][0]["why"].as_str().unwrap();
        assert!(why.contains("tools/list cannot be read"), "{fault}: {report:#}");
    }
    let (code, report) = on_pipes("large", &["--revision", "2025-11-25"]);
    let why = report["checks"][1]["why"].as_str().unwrap();
    assert!(code == Some(1) && why.contains("1 MiB") && why.contains("bytes"), "{report:#}");
}

#[test]
fn flags_about_visits_are_refused_where_nobody_is_visited() {
    let home = Home::new();
    for flag in [&["--header", "a: b"][..], &["--revision", "2025-11-25"], &["--patience", "3"]] {
        let ran = home.run(&[&["check", "--json", "last"], flag].concat());
        let problem: Value = serde_json::from_str(&ran.err()).unwrap();
        assert_eq!(
            (ran.code, &problem["error"]["code"]),
            (Some(2), &"check.needs-server".into()),
            "{problem}"
        );
    }
    let file = home.path().join("bundle.json");
    let (_server, url) = web("any-page");
    home.run(&["check", "--revision", "2025-11-25", &url]);
    let rows = home.json(&["ls"]);
    let session = rows.iter().find(|row| row["kind"] == "session").unwrap()["session"].as_str().unwrap();
    let file = file.to_str().unwrap();
    let made = home.run(&["bundle", session, "--output", file]);
    assert_eq!(made.code, Some(0), "{}", made.err());
    let ran = home.run(&["check", "--format", "text", file]);
    assert!(ran.out().starts_with("bundle.json: a bundle") && !ran.out().contains("in s"), "{}", ran.out());
    for (flag, code) in [
        (&["--patience", "3"][..], "check.needs-server"),
        (&["--expect-tool", "x"], "check.needs-session"),
        (&["--sizes"], "check.needs-session"),
    ] {
        let ran = home.run(&[&["check", "--json", file], flag].concat());
        let problem: Value = serde_json::from_str(&ran.err()).unwrap();
        assert_eq!((ran.code, &problem["error"]["code"]), (Some(2), &code.into()), "{problem}");
    }
    let ran = home.run(&["check", "--"]);
    assert!(ran.code == Some(2) && ran.err().contains("nothing stands after `--`"), "{}", ran.err());
    for words in [&["check", "npx", "foo"][..], &["check", "python3"]] {
        let ran = home.run(words);
        assert!(ran.code == Some(2) && ran.err().contains("tapgate check -- "), "{}", ran.err());
    }
    let sarif = home.run(&[
        "check",
        "--format",
        "sarif",
        "--forbid-tool",
        "echo",
        "--",
        "python3",
        "-c",
        PIPES,
        "none",
    ]);
    assert!(!sarif.out().contains("mcp.lock"), "{}", sarif.out());
}
