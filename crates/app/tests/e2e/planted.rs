//! Faults planted in conversations: what `check` finds is the plant and nothing else, down to the side and the message,
//! and a bundle of it shows it again from its file alone.
//!
//! The tables are below `planted/`; `planted/table.rs` says how a row is written.

use std::sync::Mutex;
use std::thread;

use serde_json::Value;
use tapgate_store::MessageId;

use crate::support::Home;

use self::table::{At, Found, Row};

mod pipes;
mod table;
mod web;

/// So many conversations at once; most of their time is waiting for processes to start.
const AT_ONCE: usize = 3;

/// Most messages of a bundle.
const MOST_IN_BUNDLE: u64 = 10;

/// What a bundle cannot show, and why.
const NOT_BUNDLED: &[(&str, &str)] = &[
    ("session.id-characters", "the id of a session is masked"),
    ("frame.broken-coding", "of a body that cannot be read nothing is stored"),
    ("frame.unknown-coding", "of a body that cannot be read nothing is stored"),
];

/// Rules about how often something happens, which few messages cannot show, and the messages that they take.
const COUNTS: &[(&str, u64)] = &[("rounds.many", 18)];

#[test]
fn a_fault_on_pipes_is_found_as_what_it_is() {
    all_are_found(include_str!("planted/pipes.txt"), pipes::play);
}

#[test]
fn a_fault_on_pipes_of_the_modern_era_is_found_as_what_it_is() {
    all_are_found(include_str!("planted/pipes-modern.txt"), pipes::play);
}

#[test]
fn a_fault_over_http_is_found_as_what_it_is() {
    all_are_found(include_str!("planted/web.txt"), web::play);
}

/// Plays every row of a table, and says at the end in which something else was found.
fn all_are_found(text: &str, play: fn(&Home, &Row)) {
    let rows = table::read(text);
    let rest = Mutex::new(rows.iter());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = { rest.lock().unwrap().next() } {
                    let home = Home::new();
                    play(&home, row);
                    if let Some(why) = judge(&home, row) {
                        wrong.lock().unwrap().push(format!("{}\n{why}", row.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} rows:\n\n{}", wrong.len(), rows.len(), wrong.join("\n\n"));
}

/// What is wrong with what was found in the home of a row.
fn judge(home: &Home, row: &Row) -> Option<String> {
    let found = found(home);
    let mut is: Vec<&Found> = found.iter().map(|(found, _)| found).collect();
    let mut wanted: Vec<&Found> = row.finds.iter().collect();
    is.sort();
    wanted.sort();
    if is != wanted {
        let texts: Vec<String> =
            found.iter().map(|(found, finding)| format!("{found} | {finding}")).collect();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        return Some(format!(
            "  wanted\n    {}\n  found\n    {}",
            wanted.join("\n    "),
            texts.join("\n    ")
        ));
    }
    let is_bundled = |found: &Found| NOT_BUNDLED.iter().all(|(rule, _)| *rule != found.rule);
    let bundled = found.iter().filter(|(found, _)| is_bundled(found));
    bundled.into_iter().find_map(|(found, finding)| not_bundled(home, found, finding))
}

/// What `check` finds in the sessions of a home, and where.
fn found(home: &Home) -> Vec<(Found, Value)> {
    let messages = messages(home);
    let mut found = Vec::new();
    for session in home.json(&["ls"]).iter().filter(|line| line["kind"] == "session") {
        let ran = home.run(&["check", "--json", session["session"].as_str().unwrap()]);
        let report: Value = serde_json::from_str(&ran.out()).unwrap_or_else(|_| panic!("{}", ran.err()));
        for finding in report["findings"].as_array().unwrap() {
            let evidence = &finding["evidence"];
            let at = match (evidence["message"].as_str(), evidence["exchange"].as_str()) {
                (Some(message), _) => {
                    let place = messages.iter().position(|id| id == message);
                    At::Message(place.unwrap_or_else(|| panic!("{message} is not recorded: {finding}")))
                }
                (None, Some(exchange)) => {
                    At::Exchange(home.json(&["show", exchange])[0]["method"].as_str().unwrap().to_owned())
                }
                (None, None) => At::Session,
            };
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            found.push((Found { rule: text("rule"), side: text("side"), at }, finding.clone()));
        }
    }
    found
}

/// The ids of what was recorded of the peers, in the order in which it passed.
fn messages(home: &Home) -> Vec<String> {
    let journal = rusqlite::Connection::open(home.journal()).unwrap();
    // 8 is what tapgate notes itself, such as that the server started.
    let mut rows = journal.prepare("SELECT id FROM message WHERE piece <> 8 ORDER BY id").unwrap();
    let ids = rows.query_map([], |row| row.get(0)).unwrap();
    ids.map(|id| MessageId(id.unwrap()).to_string()).collect()
}

/// What is wrong with the bundle of a finding, which must be small and show it again where nothing else is known.
fn not_bundled(home: &Home, found: &Found, finding: &Value) -> Option<String> {
    let session = finding["evidence"]["session"].as_str().unwrap();
    let file = home.path().join(format!("{found}.json").replace([' ', '/'], "-"));
    let path = file.to_str().unwrap();
    let ran = home.run(&["bundle", session, "--rule", &found.rule, "-o", path, "--json"]);
    let Ok(said) = serde_json::from_str::<Value>(&ran.out()) else {
        return Some(format!("  {found} has no bundle: {}", ran.err()));
    };
    let most = COUNTS.iter().find(|(rule, _)| *rule == found.rule).map_or(MOST_IN_BUNDLE, |(_, most)| *most);
    let n_messages = said["messages"].as_u64().unwrap();
    let report = Home::new().run(&["check", path, "--json"]);
    let report: Value = serde_json::from_str(&report.out()).unwrap();
    let again = report["findings"].as_array().unwrap();
    let is_same = |one: &Value| {
        let names = ["/rule", "/side", "/evidence/subject"];
        names.iter().all(|name| one.pointer(name) == finding.pointer(name))
    };
    let is_again = again.iter().any(is_same);
    (n_messages > most || !is_again)
        .then(|| format!("  the bundle of {found} has {n_messages} messages and shows {again:?}"))
}
