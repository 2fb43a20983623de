use std::collections::BTreeMap;

use tapgate_testkit::chance::Chance;

use super::*;

fn get(session: &str, last: &str) -> String {
    let last = if last.is_empty() { String::new() } else { format!("\nlast-event-id: {last}") };
    format!("GET /mcp\naccept: text/event-stream\n{session}{last}")
}

/// A front with a session of a revision.
fn stage(revision: Revision) -> (Stage, String) {
    let mut stage = Stage::http();
    let session = stage.session(revision, "");
    (stage, session)
}

/// An event id as it stands on the wire.
fn id(stage: &Stage, rest: &str) -> String {
    format!("{:x}.{rest}", stage.seal.tag())
}

#[test]
fn what_is_pushed_waits_for_the_stream_and_a_second_one_replaces_it() {
    let (mut stage, session) = stage(Revision::V2025_06_18);
    same(&stage.push(1, LOG), "");
    same(&stage.push(1, SAMPLE), "");
    same(
        &stage.ask(&get(&session, "")),
        &format!("listens 1\nbegin 2\nemit 2 id: 1.0.0 | data: {LOG}\nemit 2 id: 1.0.1 | data: {SAMPLE}"),
    );
    same(&stage.push(1, LOG), &format!("emit 2 id: 1.0.2 | data: {LOG}"));
    same(&stage.ask(&get(&session, "")), "finish 2\nbegin 3");
    same(&stage.push(1, LOG), &format!("emit 3 id: 1.0.3 | data: {LOG}"));
    same(&stage.leave(2), "");
    same(&stage.push(1, LOG), &format!("emit 3 id: 1.0.4 | data: {LOG}"));
    same(&stage.leave(3), "");
    same(&stage.push(1, SAMPLE), "");
    let last = id(&stage, "1.0.3");
    same(
        &stage.ask(&get(&session, &last)),
        &format!("begin 4\nemit 4 id: 1.0.4 | data: {LOG}\nemit 4 id: 1.0.5 | data: {SAMPLE}"),
    );
}

#[test]
fn a_request_of_the_server_rides_on_the_oldest_post_when_nobody_listens() {
    let (mut stage, session) = stage(Revision::V2025_06_18);
    stage.post(&session, &request(1, "a"));
    stage.post(&session, &request(2, "b"));
    same(&stage.push(1, LOG), "");
    same(&stage.push(1, SAMPLE), &format!("begin 2\nemit 2 id: 1.2.0 | data: {SAMPLE}"));
    stage.answer(2, &result(1));
    same(&stage.push(1, SAMPLE), &format!("begin 3\nemit 3 id: 1.3.0 | data: {SAMPLE}"));
    stage.ask(&get(&session, ""));
    same(&stage.push(1, SAMPLE), &format!("emit 4 id: 1.0.1 | data: {SAMPLE}"));
}

#[test]
fn a_broken_answer_is_resumed_where_it_broke() {
    let (mut stage, session) = stage(Revision::V2025_06_18);
    stage.post(&session, &request(1, "a"));
    stage.aside(2, LOG);
    same(&stage.leave(2), "");
    same(&stage.aside(2, SAMPLE), "");
    let last = id(&stage, "1.2.0");
    same(&stage.ask(&get(&session, &last)), &format!("begin 3\nemit 3 id: 1.2.1 | data: {SAMPLE}"));
    same(&stage.aside(2, LOG), &format!("emit 3 id: 1.2.2 | data: {LOG}"));
    stage.leave(3);
    same(&stage.answer(2, &result(1)), "");
    let (event, end) = (format!("emit 4 id: 1.2.3 | data: {}", result(1)), "finish 4");
    let last = id(&stage, "1.2.2");
    same(&stage.ask(&get(&session, &last)), &format!("begin 4\n{event}\n{end}"));
    // Asked again, it is said again; nobody can tell whether it arrived.
    same(&stage.ask(&get(&session, &last)), &format!("begin 5\n{event}\n{end}").replace(" 4", " 5"));
    // Long after that it is gone, and the client is told so instead of being left waiting.
    stage.tick(300 * SECOND);
    let told = stage.ask(&get(&session, &last));
    assert!(told.starts_with("respond 6 400 {"), "{told}");
}

#[test]
fn a_client_that_resumes_while_its_post_is_open_moves_there() {
    let (mut stage, session) = stage(Revision::V2025_06_18);
    stage.post(&session, &request(1, "a"));
    stage.aside(2, LOG);
    let last = id(&stage, "1.2.0");
    same(&stage.ask(&get(&session, &last)), "finish 2\nbegin 3");
    same(&stage.leave(2), "");
    same(&stage.answer(2, &result(1)), &format!("emit 3 id: 1.2.1 | data: {}\nfinish 3", result(1)));
}

#[test]
fn a_pause_sends_the_newest_clients_away_and_lets_others_wait() {
    let (mut stage, session) = stage(Revision::V2025_11_25);
    stage.post(&session, &request(1, "a"));
    stage.front.pause(stage.now, Port(2), Some(250), &mut stage.acts);
    same(
        &stage.told(),
        "begin 2\nemit 2 id: 1.2.0 | retry: 1000 | data: \nemit 2 id: 1.2.1 | retry: 250 | data: \nfinish 2",
    );
    stage.front.pause(stage.now, Port(2), Some(250), &mut stage.acts);
    same(&stage.told(), "");
    same(&stage.answer(2, &result(1)), "");
    let last = id(&stage, "1.2.1");
    same(
        &stage.ask(&get(&session, &last)),
        &format!("begin 3\nemit 3 id: 1.2.2 | data: {}\nfinish 3", result(1)),
    );
    stage.post(&session, &request(2, "a"));
    stage.front.pause(stage.now, Port(3), None, &mut stage.acts);
    same(
        &stage.told(),
        "begin 4\nemit 4 id: 1.3.0 | retry: 1000 | data: \nemit 4 id: 1.3.1 | data: \nfinish 4",
    );
    let older = stage.session(Revision::V2025_06_18, "");
    stage.post(&older, &request(1, "a"));
    stage.front.pause(stage.now, Port(5), Some(1), &mut stage.acts);
    same(&stage.told(), "");
    same(&stage.answer(5, &result(1)), &format!("respond 6 200 {}", result(1)));
}

#[test]
fn an_answer_whose_client_left_before_the_first_event_is_nobodys() {
    let (mut stage, session) = stage(Revision::V2025_06_18);
    stage.post(&session, &request(1, "a"));
    same(&stage.leave(2), "");
    // It may still ask its client something, on the only way that is left.
    same(&stage.aside(2, SAMPLE), "");
    same(&stage.answer(2, &result(1)), "");
    same(&stage.ask(&get(&session, "")), &format!("listens 1\nbegin 3\nemit 3 id: 1.0.0 | data: {SAMPLE}"));
}

#[test]
fn an_id_of_nothing_that_was_said_here_begins_anew() {
    let last = ["x", "1.0.0", "ffffffffffffffffff.1.0.0", "-1.1.0.0", "1.1.0.0"].map(str::to_owned);
    let (some, _) = stage(Revision::V2025_06_18);
    // Another session's push stream, and an event that is still to come.
    for last in last.into_iter().chain([id(&some, "2.0.0"), id(&some, "1.0.1"), id(&some, "1.0.0.0")]) {
        let (mut stage, session) = stage(Revision::V2025_06_18);
        stage.push(1, LOG);
        let told = stage.ask(&get(&session, &last));
        same(&told, &format!("listens 1\nbegin 2\nemit 2 id: 1.0.0 | data: {LOG}"));
        stage.leave(2);
        // What was sent is not said again to who does not ask for it.
        same(&stage.ask(&get(&session, "")), "begin 3");
    }
    let (mut stage, session) = stage(Revision::V2025_06_18);
    assert!(stage.ask(&get(&session, &id(&some, "1.9.0"))).contains(" 400 "));
}

#[test]
fn an_answer_that_pushes_its_own_events_out_still_ends_its_stream() {
    let mut stage = Stage::with(|settings| settings.bounds.replay_bytes = 700);
    let session = stage.session(Revision::V2025_06_18, "");
    stage.post(&session, &request(1, "a"));
    stage.aside(2, LOG);
    same(&stage.answer(2, &result(1)), &format!("emit 2 id: 1.2.1 | data: {}\nfinish 2", result(1)));
    let last = id(&stage, "1.2.0");
    same(
        &stage.ask(&get(&session, &last)),
        &format!("begin 3\nemit 3 id: 1.2.1 | data: {}\nfinish 3", result(1)),
    );
}

#[test]
fn replay_is_bounded_in_each_session_and_over_all() {
    let mut stage = Stage::with(|settings| settings.bounds.replay_bytes = 4096);
    let sessions: Vec<_> = (0..100).map(|_| stage.session(Revision::V2025_06_18, "")).collect();
    let few = stage.front.held();
    for session in 1..=100 {
        for n in 0..100 {
            stage.push(session, &format!(r#"{{"jsonrpc":"2.0","method":"n{n}"}}"#));
        }
    }
    let held = stage.front.held() - few;
    assert!(held > 28 * 4096 && held <= 32 * 4096 + 100, "{held}");
    // The newest are there, the oldest are not.
    let told = stage.ask(&get(&sessions[0], ""));
    assert!(told.contains("\"n99\"") && !told.contains("\"n0\""), "{told}");
    // One that is larger than all that may be kept passes and is not kept.
    let large = format!(r#"{{"jsonrpc":"2.0","method":"{}"}}"#, "x".repeat(5000));
    assert!(stage.push(1, &large).contains("xxx"));
    assert_eq!(stage.push(2, &large), "");
    let told = stage.ask(&get(&sessions[1], ""));
    assert!(!told.contains("xxx") && told.contains("\"n99\""), "{told}");
    for session in 1..=100 {
        stage.front.forget(stage.now, SessionNo(session), &mut stage.acts);
    }
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn what_was_sent_is_kept_for_some_minutes_only() {
    let (mut stage, session) = stage(Revision::V2025_06_18);
    stage.ask(&get(&session, ""));
    let before = stage.front.held();
    stage.push(1, LOG);
    assert!(stage.front.held() > before + LOG.len());
    stage.tick(299 * SECOND);
    assert!(stage.front.held() > before + LOG.len());
    stage.tick(20 * SECOND);
    assert_eq!(stage.front.held(), before);
}

/// What a client of the storm below knows of one stream.
#[derive(Default)]
struct Known {
    last: Option<String>,
    messages: Vec<String>,
}

/// Sessions, posts and breaks in any order: what a client pieces together of a stream is what was said on it, once,
/// in order, and nothing else.
#[test]
fn replay_never_crosses_streams_or_sessions() {
    for seed in 0..60 {
        let mut chance = Chance::new(seed);
        let mut stage = Stage::http();
        let sessions: Vec<_> = (0..3).map(|_| stage.session(Revision::V2025_06_18, "")).collect();
        // By session and by what the stream is for: the port of a POST, or 0 for pushes.
        let mut said: BTreeMap<(u64, u64), Vec<String>> = BTreeMap::new();
        let mut known: BTreeMap<(u64, u64), Known> = BTreeMap::new();
        let mut open: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        let mut waiting = Vec::new();
        for step in 0..300 {
            let session = chance.below(3) as u64 + 1;
            let header = &sessions[session as usize - 1];
            match chance.below(8) {
                0 => {
                    let stream = stage.send(&post(header, &request(step, "a")));
                    let Some(FromClient::Asked { port, .. }) = stage.out.pop() else { panic!("no request") };
                    waiting.push((session, port.0, step));
                    open.insert(stream.0, (session, port.0));
                    // The first event tells the client an id, from then on it can resume.
                    say(&mut stage, &mut said, (session, port.0), step);
                }
                1 | 2 if !waiting.is_empty() => {
                    let (session, port, _) = waiting[chance.below(waiting.len())];
                    say(&mut stage, &mut said, (session, port), step);
                }
                3 if !waiting.is_empty() => {
                    let (session, port, id) = waiting.swap_remove(chance.below(waiting.len()));
                    said.entry((session, port)).or_default().push(result(id));
                    stage.front.answer(stage.now, Port(port), Answer::new(result(id)), &mut stage.acts);
                }
                4 => say(&mut stage, &mut said, (session, 0), step),
                5 if !open.is_empty() => {
                    let stream = *open.keys().nth(chance.below(open.len())).unwrap();
                    open.remove(&stream);
                    stage.hear(Heard::Left { stream: StreamId(stream) });
                }
                6 | 7 => {
                    let mine: Vec<_> = known.keys().copied().filter(|(owner, _)| *owner == session).collect();
                    let (key, last) = match mine.get(chance.below(mine.len() + 1)) {
                        Some(key) => (*key, known[key].last.clone().unwrap_or_default()),
                        None => (
                            (session, 0),
                            known.get(&(session, 0)).and_then(|k| k.last.clone()).unwrap_or_default(),
                        ),
                    };
                    open.retain(|_, held| *held != key);
                    let stream = stage.send(&get(header, &last));
                    open.insert(stream.0, key);
                }
                _ => {}
            }
            collect(&mut stage, &mut known, &mut open);
        }
        // In the end everybody resumes everything.
        for key in said.keys() {
            open.retain(|_, held| held != key);
            let last = known.get(key).and_then(|known| known.last.clone()).unwrap_or_default();
            let stream = stage.send(&get(&sessions[key.0 as usize - 1], &last));
            open.insert(stream.0, *key);
            collect(&mut stage, &mut known, &mut open);
            assert_eq!(known[key].messages, said[key], "seed {seed}, {key:?}");
        }
        assert!(said.len() > 10);
    }
}

fn say(stage: &mut Stage, said: &mut BTreeMap<(u64, u64), Vec<String>>, key: (u64, u64), step: u64) {
    let text = format!(r#"{{"jsonrpc":"2.0","method":"{}/{}/{step}"}}"#, key.0, key.1);
    said.entry(key).or_default().push(text.clone());
    if key.1 == 0 {
        stage.front.push(stage.now, SessionNo(key.0), text.into(), &mut stage.acts);
    } else {
        stage.front.aside(stage.now, Port(key.1), text.into(), &mut stage.acts);
    }
}

/// Reads what streams said as their clients do.
fn collect(stage: &mut Stage, known: &mut BTreeMap<(u64, u64), Known>, open: &mut BTreeMap<u64, (u64, u64)>) {
    stage.out.clear();
    for act in stage.acts.drain(..) {
        match act {
            Act::Emit { stream, bytes } => {
                let key = open.get(&stream.0).expect("nothing is said on a stream that is over");
                let known = known.entry(*key).or_default();
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                for line in text.lines() {
                    if let Some(id) = line.strip_prefix("id: ") {
                        known.last = Some(id.to_owned());
                    } else if let Some(message) = line.strip_prefix("data: ") {
                        known.messages.push(message.to_owned());
                    }
                }
            }
            Act::Finish { stream } => {
                open.remove(&stream.0);
            }
            Act::Begin { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}
