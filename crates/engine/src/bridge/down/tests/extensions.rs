//! Extensions of clients, and the sessions of legacy servers that hear of them.

use super::stage::{ABLE, ASKABLE, Legs, Stage};

const UI: &str = r#"{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}"#;

fn declaring(stage: &mut Stage, extensions: &str) {
    stage.capabilities = format!(r#"{{"roots":{{}},"extensions":{extensions}}}"#);
}

#[test]
fn extensions_of_a_client_are_told_to_its_server() {
    for legs in [Legs::HttpToPipe, Legs::HttpToHttp, Legs::PipeToPipe] {
        let mut stage = Stage::new(legs);
        declaring(&mut stage, UI);
        stage.asks("1", "prompts/get", r#"{"name":"p"}"#);
        let hello = stage.greets(r#"{"prompts":{},"extensions":{"io.modelcontextprotocol/ui":{}}}"#);
        if legs != Legs::HttpToHttp {
            let told = hello.at(&["params", "capabilities"]);
            assert_eq!(told, format!(r#"{{"roots":{{}},"extensions":{UI}}}"#));
        }
        stage.gets("prompts/get");
    }
}

#[test]
fn a_client_that_declares_only_extensions_is_told_apart_from_one_that_can_be_asked() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.capabilities = format!(r#"{{"extensions":{UI}}}"#);
    stage.asks("1", "prompts/get", r#"{"name":"p"}"#);
    let told = stage.greets(ABLE).at(&["params", "capabilities"]);
    // As where nothing was declared, the server is told all, and its questions are answered for the client.
    assert_eq!(told, format!(r#"{},"extensions":{UI}}}"#, ASKABLE.strip_suffix('}').unwrap()));
    stage.gets("prompts/get");
}

#[test]
fn clients_with_different_extensions_have_different_sessions_and_those_of_tasks_alone_do_not() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    let ask = |stage: &mut Stage, extensions: &str| {
        declaring(stage, extensions);
        stage.asks("1", "resources/list", "{}");
        let is_new = stage.got.front().unwrap().method() == "initialize";
        if is_new {
            stage.greets(ABLE);
        }
        stage.gets("resources/list");
        is_new
    };
    assert!(ask(&mut stage, "{}"));
    assert!(!ask(&mut stage, r#"{"io.modelcontextprotocol/tasks":{}}"#));
    assert!(ask(&mut stage, r#"{"a/a":{},"a/b":{}}"#));
    assert!(!ask(&mut stage, r#"{"a/b":{},"a/a":{},"io.modelcontextprotocol/tasks":{}}"#));
    assert!(ask(&mut stage, r#"{"a/a":{}}"#));
    stage.who = "bob".into();
    assert!(ask(&mut stage, r#"{"a/a":{}}"#));
}

#[test]
fn too_many_kinds_of_extensions_are_served_without_them() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    let mut n_greeted = 0;
    for n in 0..20 {
        declaring(&mut stage, &format!(r#"{{"a/{n}":{{}}}}"#));
        stage.asks("1", "resources/list", "{}");
        if stage.got.front().unwrap().method() == "initialize" {
            n_greeted += 1;
            let told = stage.greets(ABLE).at(&["params", "capabilities", "extensions"]);
            assert_eq!(told.is_empty(), n >= 4, "{n}");
        }
        let list = stage.gets("resources/list");
        stage.answers(&list, r#"{"resources":[]}"#);
        stage.hears();
    }
    assert_eq!(n_greeted, 5);
    stage.is_empty();
}
