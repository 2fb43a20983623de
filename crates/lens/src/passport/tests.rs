use tapgate_store::ExchangeId;
use tapgate_wire::Leg;
use tapgate_wire::record::Piece;

use super::*;
use crate::sample;

/// A session in which tools are listed and called; what is listed is the answer's result.
fn passport(lists: &[&str], calls: &[&str], changed: bool, offered: &[&str]) -> Passport {
    let world = sample::world();
    let (mut exchanges, mut messages) = (Vec::new(), Vec::new());
    let mut add = |method: &str, target: Option<&str>, body: String| {
        let n = i64::try_from(exchanges.len()).unwrap();
        let exchange = ExchangeRow {
            id: ExchangeId(n),
            method: method.to_owned(),
            target: target.map(str::to_owned),
            asked_by: Leg::Client,
            opened: sample::NOW + n,
            again: None,
            chain: None,
            ..world.exchanges[0].clone()
        };
        let piece = if method.starts_with("notifications/") { Piece::Notification } else { Piece::Result };
        messages.push(MessageRow {
            exchange: Some(exchange.id),
            from: Leg::Server,
            piece,
            at: exchange.opened,
            body: body.into_bytes(),
            ..world.messages[0].clone()
        });
        exchanges.push(exchange);
    };
    for list in lists {
        add("tools/list", None, format!(r#"{{"result":{list}}}"#));
    }
    for tool in calls {
        add("tools/call", Some(tool), r#"{"result":{}}"#.to_owned());
    }
    if changed {
        let method = "notifications/tools/list_changed";
        add(method, None, format!(r#"{{"method":"{method}"}}"#));
    }
    let offered = offered.iter().map(|name| (*name).to_owned()).collect();
    let row = &world.sessions[0];
    let mut passport = Passport::default();
    passport.add(&Stay {
        row,
        exchanges: &exchanges,
        messages: &messages,
        offered: &offered,
        now: sample::NOW,
    });
    passport
}

fn why(passport: &Passport) -> Vec<(Habit, Vec<&str>)> {
    let named = WHY_IDLE.iter().map(|(habit, _)| (*habit, passport.of(*habit).collect::<Vec<_>>()));
    named.filter(|(_, names)| !names.is_empty()).collect()
}

#[test]
fn each_tool_that_is_never_called_has_its_reason() {
    let whole = r#"{"tools":[{"name":"a"},{"name":"b"}]}"#;
    let cut = r#"{"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"x"}"#;
    let all = ["a", "b", "c"];
    let unchosen = || (Habit::Unchosen, vec!["b"]);
    assert_eq!(why(&passport(&[whole], &["a"], false, &all)), [unchosen()], "it could not know");
    let unread = (Habit::Unread, vec!["c"]);
    let cut_passport = passport(&[cut], &["a"], false, &all);
    assert_eq!(cut_passport.why("a").as_deref(), Some("it was called 1 time"));
    assert!(cut_passport.why("c").unwrap().contains("never fetched") && cut_passport.why("d").is_none());
    assert_eq!(why(&passport(&[cut], &["a"], false, &all)), [unchosen(), unread]);
    let stale = (Habit::Stale, vec!["c"]);
    assert_eq!(why(&passport(&[whole], &["a"], true, &all)), [unchosen(), stale]);
    assert_eq!(why(&passport(&[], &[], false, &all)), [], "nobody listed anything");
    let all_called = passport(&[whole], &["a", "b"], false, &["a", "b"]);
    assert_eq!((why(&all_called), all_called.of(Habit::Idle).count()), (vec![], 0));
}

#[test]
fn a_share_is_told_where_it_is_not_all_or_nothing() {
    let mut passport = passport(&[], &["a", "a", "b"], false, &[]);
    assert_eq!(passport.told(Habit::Calls), ["a ×2", "b ×1"]);
    assert_eq!(passport.told(Habit::Cancels), ["0 of 3 requests"]);
    passport.habits.insert(Habit::Progress, Seen { of: 42, values: [("asks for it".to_owned(), 3)].into() });
    assert_eq!(passport.told(Habit::Progress), ["asks for it in 3 of 42 calls"]);
    let told = Passport::from_json(&passport.to_json("c", "1")).unwrap();
    assert_eq!(told.0, ("c".to_owned(), "1".to_owned()));
    assert_eq!(told.1.told(Habit::Progress), ["asks for it in 3 of 42 calls"]);
    assert_eq!(told.1.seen(Habit::Calls), None, "the names of tools are not for others");
    assert_eq!(Passport::from_json(&json!({ "kind": "passport" })), None);
}
