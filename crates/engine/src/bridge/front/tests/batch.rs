use super::*;

const V03: Revision = Revision::V2025_03_26;

fn array(parts: &[&str]) -> String {
    format!("[{}]", parts.join(", "))
}

#[test]
fn answers_come_back_as_one_array_in_the_order_in_which_they_were_given() {
    let mut stage = Stage::http();
    let session = stage.session(V03, "");
    same(
        &stage.post(&session, &array(&[&request(1, "a"), LOG, &request(2, "b"), &result(9)])),
        "asked 2 [Legacy 1 2025-03-26] 1 a
         told [Legacy 1 2025-03-26] notifications/message
         asked 3 [Legacy 1 2025-03-26] 2 b
         told [Legacy 1 2025-03-26] Result 9",
    );
    same(&stage.answer(3, &result(2)), "");
    same(&stage.answer(2, &result(1)), &format!("respond 2 200 [{},{}]", result(2), result(1)));
    same(
        &stage.post(&session, &array(&[LOG, LOG])),
        "told [Legacy 1 2025-03-26] notifications/message\ntold [Legacy 1 2025-03-26] notifications/message\nrespond 3 202",
    );
}

#[test]
fn an_aside_turns_the_array_into_events() {
    let mut stage = Stage::http();
    let session = stage.session(V03, "");
    stage.post(&session, &array(&[&request(1, "a"), &request(2, "b"), &request(3, "c")]));
    same(&stage.answer(2, &result(1)), "");
    same(
        &stage.aside(3, LOG),
        &format!("begin 2\nemit 2 id: 1.2.0 | data: {}\nemit 2 id: 1.2.1 | data: {LOG}", result(1)),
    );
    same(&stage.answer(4, &result(3)), &format!("emit 2 id: 1.2.2 | data: {}", result(3)));
    same(&stage.answer(3, &result(2)), &format!("emit 2 id: 1.2.3 | data: {}\nfinish 2", result(2)));
}

#[test]
fn what_is_wrong_in_a_batch_is_answered_beside_the_rest() {
    let mut stage = Stage::http();
    let session = stage.session(V03, "");
    let parts = [&request(1, "a"), "7", &request(1, "b"), r#"{"id":null,"jsonrpc":"2.0","method":"x"}"#];
    assert!(stage.post(&session, &array(&parts)).starts_with("asked 2 [Legacy 1 2025-03-26] 1 a"));
    let told = stage.answer(2, &result(1));
    assert_eq!(told.matches(r#""code":-32600"#).count(), 3, "{told}");
    assert!(told.contains(r#""id":1,"error""#) && told.ends_with(&format!("{}]", result(1))), "{told}");
    let told = stage.post(&session, "[7]");
    assert!(
        told.starts_with(r#"respond 3 200 [{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#),
        "{told}"
    );
}

#[test]
fn a_batch_is_refused_where_none_may_be() {
    let mut stage = Stage::with(|settings| settings.bounds.ports = 2);
    let session = stage.session(V03, "");
    let later = stage.session(Revision::V2025_06_18, "");
    let one = array(&[&request(1, "a")]);
    let init = array(&[&request(1, "a"), &request(2, "initialize")]);
    let three = array(&[&request(1, "a"), &request(2, "a"), &request(3, "a")]);
    let many = array(&vec![LOG; 1025]);
    let cases = [
        ("another revision", &later, &one, 400),
        ("no session", &String::from("x-none: 1"), &one, 400),
        ("initialize", &session, &init, 400),
        ("nothing", &session, &"[]".to_owned(), 400),
        ("too many parts", &session, &many, 400),
        ("too many requests", &session, &three, 503),
    ];
    for (what, session, body, status) in cases {
        let told = stage.post(session, body);
        assert!(
            told.contains(&format!(r#" {status} {{"jsonrpc":"2.0","id":null,"error""#)),
            "{what}: {told}"
        );
        assert_eq!(told.lines().count(), 1, "{what}: {told}");
    }
}

#[test]
fn a_cancelled_part_is_left_out() {
    let mut stage = Stage::http();
    let session = stage.session(V03, "");
    stage.post(&session, &array(&[&request(1, "a"), &request(2, "b")]));
    stage.front.drop_port(Port(2));
    same(&stage.tick(0), "");
    same(&stage.answer(3, &result(2)), &format!("respond 2 200 [{}]", result(2)));
}

#[test]
fn a_part_that_the_server_refuses_is_an_error_among_the_answers() {
    let mut stage = Stage::http();
    let session = stage.session(V03, "");
    stage.post(&session, &array(&[&request(1, "a"), &request(2, "b")]));
    stage.front.refuse(stage.now, Port(2), 401, HeaderMap::new(), "no".into(), &mut stage.acts);
    same(&stage.told(), "");
    let told = stage.answer(3, &result(2));
    assert!(told.starts_with(r#"respond 2 200 [{"jsonrpc":"2.0","id":1,"error":{"code":-32603"#), "{told}");
}

#[test]
fn a_client_that_left_a_batch_gets_nothing_and_nothing_stays() {
    let mut stage = Stage::http();
    let session = stage.session(V03, "");
    stage.post(&session, &array(&[&request(1, "a"), &request(2, "b")]));
    same(&stage.leave(2), "");
    same(&stage.answer(2, &result(1)), "");
    same(&stage.answer(3, &result(2)), "");
    stage.front.forget(stage.now, SessionNo(1), &mut stage.acts);
    assert_eq!(stage.front.held(), 0);
}

#[test]
fn a_batch_on_the_pipe_is_answered_by_one_line() {
    let mut stage = Stage::pipe();
    stage.line(&request(0, "initialize"));
    stage.open(1, V03);
    stage.answer(1, &result(0));
    let told = stage.line(&array(&[&request(1, "a"), LOG, &request(2, "b")]));
    assert_eq!(told.lines().count(), 3, "{told}");
    same(&stage.aside(2, LOG), &format!("line {LOG}"));
    same(&stage.answer(2, &result(1)), "");
    same(&stage.answer(3, &result(2)), &format!("line [{},{}]", result(1), result(2)));
    same(&stage.line(&array(&[LOG])), "told [Legacy 1 2025-03-26] notifications/message");
    assert!(stage.line("[]").contains("-32600"));
}
