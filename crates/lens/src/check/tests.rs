use tapgate_store::{SessionId, SourceId};
use tapgate_wire::record::{Era, Transport};

use super::*;

fn row() -> SessionRow {
    SessionRow {
        id: SessionId(1),
        source: SourceId(1),
        opened: 0,
        closed: None,
        era: Some(Era::Legacy),
        transport: Transport::Stdio,
        revision: Some("2025-11-25".to_owned()),
        client: Some(("probe".to_owned(), "1".to_owned())),
        server: Some(("srv".to_owned(), "2".to_owned())),
        key: None,
    }
}

fn exchange(method: &str, status: tapgate_wire::record::Status) -> ExchangeRow {
    let world = crate::sample::world();
    let mut exchange = world.exchanges[0].clone();
    exchange.method = method.to_owned();
    exchange.status = status;
    exchange.findings.clear();
    exchange
}

fn finding(rule: &str, severity: Severity) -> FindingRow {
    FindingRow {
        session: SessionId(1),
        exchange: None,
        message: None,
        rule: rule.to_owned(),
        side: Side::Server,
        severity,
        at: 0,
        revision: None,
        subject: "echo".to_owned(),
        text: "It <is> \"wrong\".".to_owned(),
    }
}

fn tools(items: &str) -> SurfaceRow {
    SurfaceRow {
        session: SessionId(1),
        kind: Offered::Tools,
        at: 0,
        whole: true,
        items: items.as_bytes().to_vec(),
    }
}

fn expected() -> Expected {
    Expected {
        tools: Vec::new(),
        no_tools: Vec::new(),
        may_be_empty: false,
        budgets: Budgets::default(),
        calls: CallBudgets::default(),
    }
}

fn report(
    exchanges: &[ExchangeRow],
    findings: &[FindingRow],
    surfaces: &[SurfaceRow],
    stored: Stored,
    expected: &Expected,
) -> Report {
    let row = row();
    let session = Session { row: &row, source: None, exchanges, findings, surfaces, stored };
    check(&[session], expected, &|_| false)
}

fn words(report: &Report) -> Vec<&'static str> {
    report.checks.iter().map(|check| check.verdict.word()).collect()
}

use tapgate_wire::record::Status;

#[test]
fn what_was_not_seen_is_unknown_and_never_a_pass() {
    let nothing = check(&[], &expected(), &|_| false);
    assert_eq!(words(&nothing), ["unknown"; 6]);
    let only_calls =
        report(&[exchange("tools/call", Status::Unknown)], &[], &[], Stored::default(), &expected());
    assert_eq!(words(&only_calls), ["unknown", "unknown", "unknown", "unknown", "unknown", "warn"]);
}

#[test]
fn a_whole_recording_of_a_good_server_passes() {
    let calls = [exchange("initialize", Status::Ok), exchange("tools/list", Status::Ok)];
    let stored = Stored { n_inputs: 3, n_outputs: 2, ..Stored::default() };
    let list = tools(r#"[{"name":"echo","digest":"x","bytes":120}]"#);
    let report = report(&calls, &[], std::slice::from_ref(&list), stored, &expected());
    assert_eq!(words(&report), ["pass"; 6]);
    assert!(!report.fails(Severity::Note));
}

#[test]
fn each_check_fails_for_its_own_reason() {
    let stored = Stored { n_inputs: 1, n_outputs: 1, ..Stored::default() };
    let calls = [exchange("initialize", Status::Ok), exchange("tools/list", Status::Ok)];
    let good = tools(r#"[{"name":"echo","digest":"x","bytes":120}]"#);
    let verdict = |report: Report, at: usize| (report.checks[at].verdict, report.checks[at].side);

    let refused = [exchange("initialize", Status::Error)];
    let made = report(&refused, &[], std::slice::from_ref(&good), stored, &expected());
    assert_eq!(verdict(made, 0), (Verdict::Fail, Some(Side::Server)));

    let missing = Expected { tools: vec!["search".to_owned()], ..expected() };
    let made = report(&calls, &[], std::slice::from_ref(&good), stored, &missing);
    assert!(made.checks[1].why.contains("search"));
    assert_eq!(verdict(made, 1), (Verdict::Fail, Some(Side::Server)));
    let unwanted = Expected { no_tools: vec!["echo".to_owned()], ..expected() };
    assert_eq!(
        verdict(report(&calls, &[], std::slice::from_ref(&good), stored, &unwanted), 1).0,
        Verdict::Fail
    );
    assert_eq!(verdict(report(&calls, &[], &[tools("[]")], stored, &expected()), 1).0, Verdict::Fail);
    let empty = Expected { may_be_empty: true, ..expected() };
    assert_eq!(verdict(report(&calls, &[], &[tools("[]")], stored, &empty), 1).0, Verdict::Pass);

    let heavy = tools(r#"[{"name":"echo","digest":"x","bytes":200000}]"#);
    assert_eq!(verdict(report(&calls, &[], &[heavy], stored, &expected()), 2).0, Verdict::Fail);
    let wrong = [finding("schema.invalid", Severity::Error)];
    assert_eq!(verdict(report(&calls, &wrong, &[good], stored, &expected()), 2).0, Verdict::Fail);

    let full = Stored { n_full_inputs: 1, n_full_outputs: 1, ..stored };
    let made = report(&calls, &[], &[], full, &expected());
    assert_eq!((made.checks[3].verdict, made.checks[4].verdict), (Verdict::Fail, Verdict::Fail));
    assert_eq!(made.checks[3].side, Some(Side::Tapgate));
}

#[test]
fn findings_come_gravest_first_and_what_is_suppressed_only_counts() {
    let found = [finding("list.a", Severity::Note), finding("header.b", Severity::Error)];
    let row = row();
    let session = Session {
        row: &row,
        source: None,
        exchanges: &[],
        findings: &found,
        surfaces: &[],
        stored: Stored::default(),
    };
    let report = check(&[session], &expected(), &|finding| finding.rule == "list.a");
    assert_eq!((report.findings.len(), report.n_suppressed), (1, 1));
    assert!(report.fails(Severity::Error));
    let json = report.json(&|_| None);
    assert_eq!(json["checks"].as_array().unwrap().len(), 6);
    assert_eq!(json["findings"][0]["evidence"]["text"], "It <is> \"wrong\".");
    let sarif = report.sarif(&|_| None, Some(("mcp.lock", "{\n  \"name\": \"echo\",\n")));
    let place = &sarif["runs"][0]["results"].as_array().unwrap().last().unwrap()["locations"][0];
    assert_eq!(place["physicalLocation"]["region"]["startLine"], 2);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().last().unwrap()["ruleId"], "header.b");
    let junit = report.junit(&|_| None, Severity::Error);
    assert!(junit.contains("It &lt;is&gt; &quot;wrong&quot;."), "{junit}");
    assert!(!junit.contains("<is>"));
}

#[test]
fn budgets_in_tokens_hold_beside_those_in_bytes() {
    let list = tools(
        r#"[{"name":"echo","digest":"x","bytes":40,"definition":{"name":"echo","description":"one two three"}}]"#,
    );
    let with = |tool, warn, fail| {
        let tokenizer = Tokenizer { name: "words", count: |text| text.split_whitespace().count() as u64 };
        let tokens = Some(TokenBudgets { tokenizer, tool, warn, fail });
        let expected = Expected { budgets: Budgets { tokens, ..Budgets::default() }, ..expected() };
        let made = report(&[], &[], std::slice::from_ref(&list), Stored::default(), &expected);
        (made.checks[2].verdict, made.checks[2].why.clone())
    };
    assert_eq!(with(9, 9, 9).0, Verdict::Pass);
    assert_eq!(
        with(9, 9, 2),
        (Verdict::Fail, "1 tool is 40 B. Together they are 3 tokens (words), more than 2.".to_owned())
    );
    assert_eq!(
        with(2, 9, 9),
        (Verdict::Warn, "1 tool is 40 B. echo alone is 3 tokens (words), more than 2.".to_owned())
    );
    assert_eq!(with(9, 2, 9).0, Verdict::Warn);
}

#[test]
fn sizes_and_clients_are_told_where_somebody_asks() {
    let list = tools(
        r#"[{"name":"a.b","digest":"x","bytes":40,"definition":{"name":"a.b","inputSchema":{"type":"object"}}}]"#,
    );
    let row = row();
    let surfaces = [list];
    let session = Session {
        row: &row,
        source: None,
        exchanges: &[],
        findings: &[],
        surfaces: &surfaces,
        stored: Stored::default(),
    };
    let mut report = check(&[session], &expected(), &|_| false);
    assert!(report.json(&|_| None)["sizes"].is_null());
    let session = Session {
        row: &row,
        source: None,
        exchanges: &[],
        findings: &[],
        surfaces: &surfaces,
        stored: Stored::default(),
    };
    report.sizes = Sizes::of(std::slice::from_ref(&session), None);
    // A day in 2025 on which all that is known was fresh.
    report.portability = portability(&[session], 1_766_000_000_000_000_000);
    let json = report.json(&|_| None);
    assert_eq!(json["sizes"]["total"]["bytes"], 40);
    assert!(json["clients"].as_array().unwrap().iter().any(|line| line["status"] == "warn"));
    let page = format!("{:?}", report.page(&|_| None));
    assert!(page.contains("the name `a.b`"), "{page}");
}

#[test]
fn calls_keep_to_their_budgets_or_fail_by_name() {
    let mut call = exchange("tools/call", Status::Ok);
    call.target = Some("echo".to_owned());
    (call.opened, call.closed, call.n_retries, call.bytes_out) = (0, Some(2_000_000_000), 3, 50_000);
    let judged = |calls| {
        let expected = Expected { calls, ..expected() };
        let made = report(std::slice::from_ref(&call), &[], &[], Stored::default(), &expected);
        (made.checks[5].verdict, made.checks[5].why.clone())
    };
    let most = CallBudgets {
        duration: Some(2_000_000_000),
        p95: Some(2_000_000_000),
        retries: Some(3),
        result: Some(50_000),
    };
    assert_eq!(judged(most).0, Verdict::Pass);
    for (less, says) in [
        (CallBudgets { duration: Some(1_000_000_000), ..most }, "`echo` took 2.00s, more than 1.00s"),
        (CallBudgets { p95: Some(1_000_000_000), ..most }, "The p95 of tools/call `echo` is 2.00s"),
        (CallBudgets { retries: Some(2), ..most }, "was repeated 3 times, more than 2"),
        (CallBudgets { result: Some(49_999), ..most }, "The result of tools/call `echo` has 50 KB"),
    ] {
        let (verdict, why) = judged(less);
        assert!(verdict == Verdict::Fail && why.contains(says), "{says}: {why}");
    }
}

#[test]
fn each_expectation_that_is_missed_is_told() {
    let list = tools(r#"[{"name":"wipe","digest":"x","bytes":5000}]"#);
    let expected = Expected {
        tools: vec!["find".to_owned()],
        no_tools: vec!["wipe".to_owned()],
        budgets: Budgets { tool: 4_000, warn: 10, fail: 100, tokens: None },
        calls: CallBudgets { p95: Some(1), result: Some(1), ..CallBudgets::default() },
        ..expected()
    };
    let mut call = exchange("tools/call", Status::Ok);
    (call.opened, call.closed, call.bytes_out) = (0, Some(2_000_000_000), 50_000);
    let made = report(&[call], &[], &[list], Stored::default(), &expected);
    for (at, told) in [
        (1, ["Missing: find.", "Must not be there: wipe."]),
        (2, ["more than 100 B", "wipe alone is 5.0 KB"]),
        (5, ["The p95 of", "The result of"]),
    ] {
        let why = &made.checks[at].why;
        assert!(told.iter().all(|told| why.contains(told)), "{why}");
    }
}

#[test]
fn a_call_without_an_answer_is_an_error_and_its_wait_no_latency() {
    let mut lost = exchange("tools/call", Status::Unanswered);
    (lost.opened, lost.closed) = (0, Some(60_000_000_000));
    let mut quick = exchange("tools/call", Status::Ok);
    (quick.opened, quick.closed) = (0, Some(1_000_000));
    let told =
        |calls: &[ExchangeRow]| report(calls, &[], &[], Stored::default(), &expected()).checks[5].why.clone();
    let why = told(&[lost.clone(), quick.clone()]);
    assert!(why.contains("p95 1.00ms") && why.contains("1 error (1 unanswered)"), "{why}");
    // A subscription that nothing was told on has not failed.
    lost.method = "subscriptions/listen".to_owned();
    assert!(told(&[lost, quick]).contains("0 errors,"));
}

#[test]
fn a_finding_turns_its_check_whatever_else_was_seen() {
    for (rule, severity, at, verdict) in [
        ("header.missing", Severity::Error, 0, "fail"),
        ("cache.b", Severity::Warning, 1, "warn"),
        ("hidden.tags", Severity::Warning, 2, "warn"),
        ("task.b", Severity::Error, 5, "fail"),
        ("task.b", Severity::Note, 5, "unknown"),
    ] {
        let made = report(&[], &[finding(rule, severity)], &[], Stored::default(), &expected());
        assert_eq!(words(&made)[at], verdict, "{rule}");
    }
}

#[test]
fn findings_alike_are_one_test_with_a_name_that_stays() {
    let twice = |session| {
        let mut found = finding("header.missing", Severity::Error);
        found.session = SessionId(session);
        found.text = "It hides \u{202e}text.".to_owned();
        [found.clone(), found]
    };
    let names = |session| {
        let made = report(&[], &twice(session), &[], Stored::default(), &expected())
            .junit(&|_| None, Severity::Error);
        assert!(made.contains("hides \\u{202e}text") && made.contains(": srv 2 in 2025-11-25\""), "{made}");
        made.lines()
            .filter_map(|line| Some(line.split_once(" name=\"")?.1.split('"').next()?.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(1), names(2));
    assert_eq!(names(1).iter().filter(|name| *name == "header.missing of echo (server)").count(), 1);
}
