use tapgate_store::Totals;

use super::{Colour, Style, json, text};
use crate::page::Page;
use crate::pages::{
    ExchangeView, Explained, Keeping, Line, SessionSummary, SessionView, SourceSummary, Stats, Tail, calls,
    explain, lone, ls, session, session_waterfall, show, wire,
};
use crate::sample::{NOW, World, world};

fn style(width: usize) -> Style {
    Style { width, colour: Colour::Off, now: NOW }
}

fn meaning(code: &str) -> Option<&'static str> {
    match code {
        "retry.application" => Some("The request repeats one that failed shortly before."),
        "frame.duplicate-key" => {
            Some("An object names a member twice, and receivers differ in which one they take.")
        }
        _ => None,
    }
}

/// Every page over a world, by name.
fn pages(world: &World) -> Vec<(&'static str, Page)> {
    let summaries: Vec<_> = world
        .sources
        .iter()
        .map(|row| SourceSummary {
            row,
            is_alive: row.ended.is_none(),
            sessions: world
                .sessions
                .iter()
                .filter(|session| session.source == row.id)
                .map(|row| SessionSummary {
                    row,
                    totals: Totals { exchanges: 6, errors: u64::from(row.closed.is_some()), pending: 0 },
                    last: Some(NOW - 4_000_000_000),
                })
                .collect(),
        })
        .collect();
    let view = |n: usize| {
        let exchange = &world.exchanges[n];
        ExchangeView {
            call: world.call_of(exchange),
            children: if n == 2 { &world.exchanges[4..5] } else { &[] },
            around: &world.exchanges,
            messages: match n {
                2 => &world.messages[2..4],
                6 => &world.messages[5..7],
                _ => &[],
            },
            stderr: if n == 2 { &world.messages[4..5] } else { &[] },
            findings: &[],
            rules: &|_| None,
            meaning: &meaning,
        }
    };
    let of_first: Vec<_> = world.exchanges.iter().take(6).map(|exchange| world.call_of(exchange)).collect();
    let lines = || {
        let mut lines: Vec<Line<'_>> = world.calls().into_iter().map(Line::Call).collect();
        lines.insert(3, Line::Piece(&world.messages[4], Some(&world.sources[0])));
        lines
    };
    vec![
        ("ls", ls(&summaries, Some("the journal /home/ada/journal.db is locked by another process"), NOW)),
        ("calls", calls(&world.calls())),
        ("show", show(&view(2))),
        ("show_failed", show(&view(6))),
        ("show_retried", show(&view(3))),
        ("wire", wire(&view(2))),
        (
            "session",
            session(&SessionView {
                row: &world.sessions[0],
                source: Some(&world.sources[0]),
                handshake: &world.messages[..2],
                calls: &of_first,
                findings: &[],
                outside: &world.messages[4..5],
                meaning: &|_| None,
                rules: &|_| None,
                now: NOW,
            }),
        ),
        (
            "waterfall",
            session_waterfall(
                &world.sessions[0],
                world.sources.first(),
                &world.exchanges,
                &world.messages,
                NOW,
            ),
        ),
        ("tail", Tail::new().page(lines(), NOW)),
        ("stats", stats(world)),
        ("explain", explain(&explained(world))),
        (
            "explain_full",
            explain(&Explained {
                connects: &[
                    ("name", "files".to_owned()),
                    ("client", "speaks to the tap's standard input and output".to_owned()),
                    ("server", "npx some-server".to_owned()),
                ],
                keeping: Keeping::Full(2),
                ..explained(world)
            }),
        ),
        ("lone", lone(&world.messages[0], world.sessions.first(), world.sources.first(), &|_| None, NOW)),
    ]
}

fn stats(world: &World) -> Page {
    let mut stats = Stats::default();
    world.calls().iter().for_each(|call| stats.count(call));
    stats.page(&world.sources, NOW)
}

fn explained(world: &World) -> Explained<'_> {
    Explained {
        home: "/home/ada/.local/state/tapgate",
        journal: "/home/ada/.local/state/tapgate/journal.db",
        journal_bytes: Some(1_400_000),
        connects: &[],
        keeping: Keeping::Masked,
        retention: 7 * 86_400_000_000_000,
        full_retention: 86_400_000_000_000,
        max_bytes: 1 << 30,
        n_rules: 42,
        trouble: None,
        sources: &world.sources,
        now: NOW,
    }
}

#[test]
fn every_page_reads_well_in_every_width() {
    for (name, page) in pages(&world()) {
        for width in [40, 80, 140] {
            let drawn = text(&page, &style(width));
            for line in drawn.lines() {
                assert!(crate::Plain::of(line).width() <= width, "{name} at {width}: {line}");
                assert!(!line.ends_with(' '), "{name} at {width}: {line:?}");
            }
            insta::assert_snapshot!(format!("{name}_{width}"), drawn);
        }
    }
}

#[test]
fn colours_add_nothing_but_colours() {
    for (name, page) in pages(&world()) {
        let plain = text(&page, &style(80));
        let coloured = text(&page, &Style { colour: Colour::On, ..style(80) });
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\x1b[") {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        let trimmed: Vec<_> = stripped.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, plain.lines().collect::<Vec<_>>(), "{name}");
    }
    insta::assert_snapshot!(
        "calls_in_colour",
        text(&calls(&world().calls()), &Style { colour: Colour::On, ..style(80) })
    );
}

#[test]
fn every_page_is_json_lines_too() {
    for (name, page) in pages(&world()) {
        let drawn = json(&page);
        for line in drawn.lines() {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["v"], 1, "{name}");
            assert!(object["kind"].is_string(), "{name}");
        }
        if !matches!(name, "show_failed" | "show_retried" | "wire") {
            insta::assert_snapshot!(format!("{name}_json"), drawn);
        }
    }
}

#[test]
fn the_json_of_an_exchange_has_the_names_of_expressions() {
    let drawn = json(&calls(&world().calls()));
    let object: serde_json::Value = serde_json::from_str(drawn.lines().last().unwrap()).unwrap();
    // The gateway fills these, arguments are in the messages, and the rest is about asking, not about the exchange.
    let absent = ["args", "effect", "user", "groups", "tenant", "decision", "now", "text"];
    for spec in tapgate_expr::FIELDS.iter().filter(|spec| !absent.contains(&spec.name)) {
        assert!(object.get(spec.name).is_some(), "{}", spec.name);
    }
}

#[test]
fn an_empty_journal_teaches() {
    for page in [ls(&[], None, NOW), calls(&[]), Stats::default().page(&[], NOW)] {
        let drawn = text(&page, &style(80));
        assert!(drawn.contains("`tapgate"), "{drawn}");
    }
}

#[test]
fn a_full_capture_says_so_on_every_page() {
    let mut world = world();
    for source in &mut world.sources {
        source.full_until = Some(NOW + 1);
    }
    for (name, page) in pages(&world) {
        for width in [40, 140] {
            assert!(text(&page, &style(width)).contains("FULL"), "{name} at {width}");
        }
        assert!(json(&page).contains("FULL") || json(&page).contains("\"full\":true"), "{name}");
    }
}

#[test]
fn a_tail_tells_each_exchange_once_and_changes_again() {
    let mut world = world();
    let mut tail = Tail::new();
    let told = |tail: &mut Tail, world: &World| {
        let page = tail.page(world.calls().into_iter().map(Line::Call).collect(), NOW);
        page.blocks.iter().filter(|block| matches!(block, crate::page::Block::Table(_))).count()
    };
    assert_eq!(told(&mut tail, &world), 8, "what is pending is not over");
    assert_eq!(told(&mut tail, &world), 0);
    world.exchanges[5].status = tapgate_wire::record::Status::Ok;
    world.exchanges[0].late = true;
    assert_eq!(told(&mut tail, &world), 2);
}

/// Text that a hostile peer would send: every control character, every character that reorders or hides.
fn hostile() -> String {
    let controls = (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32);
    let format = ('\u{200b}'..='\u{200f}').chain('\u{2028}'..='\u{202e}').chain('\u{2060}'..='\u{206f}');
    let others = ['\u{ad}', '\u{61c}', '\u{180e}', '\u{feff}', '\u{fff9}', '\u{e0041}', '\u{3164}'];
    controls.chain(format).chain(others).chain("\x1b]0;owned\x07\x1b[2J".chars()).collect()
}

#[test]
fn hostile_text_in_any_field_reaches_no_terminal() {
    let mut world = world();
    let text_of = hostile;
    for source in &mut world.sources {
        (source.name, source.server) = (text_of(), text_of());
    }
    for session in &mut world.sessions {
        session.revision = Some(text_of());
        session.client = Some((text_of(), text_of()));
        session.server = Some((text_of(), text_of()));
        session.key = Some(text_of());
    }
    for exchange in &mut world.exchanges {
        exchange.target = Some(text_of());
        exchange.rpc_id = Some(text_of());
        exchange.error_text = Some(text_of());
        exchange.revision = Some(text_of());
        exchange.task = Some(text_of());
        exchange.findings = vec![text_of()];
        if exchange.id.0 % 2 == 0 {
            exchange.method = text_of();
        }
    }
    for message in &mut world.messages {
        if message.id.0 % 2 == 1 {
            message.body = text_of().into_bytes();
        } else {
            let member = serde_json::json!({ "params": { "protocolVersion": text_of(), "capabilities": { text_of(): { text_of(): true } } } });
            message.body = member.to_string().into_bytes();
        }
        message.body.extend_from_slice(b"\xff\xfe\x9b");
        message.head = Some(text_of().into_bytes());
        message.event = Some(text_of().into_bytes());
        message.faults = vec![(text_of(), 3)];
        message.hits = vec![(text_of(), 1)];
    }
    // Judged by the list above, not by the rule that the drawing follows.
    let listed = hostile();
    let reaches =
        |drawn: &str| drawn.chars().find(|c| *c != '\n' && !(' '..='~').contains(c) && listed.contains(*c));
    for (name, page) in pages(&world) {
        for width in [20, 80, 4_000] {
            let drawn = text(&page, &style(width));
            assert_eq!(reaches(&drawn), None, "{name} at {width}");
        }
        let drawn = json(&page);
        assert_eq!(reaches(&drawn), None, "{name} as JSON");
        assert!(
            drawn.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
            "{name} as JSON"
        );
    }
}
