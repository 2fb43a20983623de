//! What a journey must come to.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::play::{Saw, TAPGATE};
use crate::table::{Journey, Passes, Server, journeys};

/// What a client prints at a step that it, or its era, has no words for.
const NOT_SAID: &str = "not said by this client";

/// What is wrong with what a client saw; `direct` is what the client or its stand-in saw without tapgate.
pub fn wrong(journey: &Journey, direct: &Saw, saw: &Saw) -> Vec<String> {
    let is_own = journey.client.reference(journey.server).name == journey.client.name;
    let same_era = is_own && era(direct) == era(saw);
    if journey.shape.passes == Passes::Untouched || same_era {
        unequal(direct, saw)
    } else {
        failing(journey.server, direct, saw)
    }
}

/// Steps that are not as they were, field by field.
pub fn unequal(direct: &Saw, saw: &Saw) -> Vec<String> {
    let mut wrong: Vec<String> = direct
        .iter()
        .zip(saw)
        .filter(|(direct, saw)| direct != saw)
        .map(|((step, direct), (name, saw))| {
            format!("{step}\n      direct {}\n      now    {name}: {}", short(direct), short(saw))
        })
        .collect();
    if direct.len() != saw.len() {
        wrong.push(format!("{} steps instead of {}; the last: {:?}", saw.len(), direct.len(), saw.last()));
    }
    wrong
}

/// Steps that do not show what the plan says and the server shows without tapgate.
pub fn failing(server: &Server, direct: &Saw, saw: &Saw) -> Vec<String> {
    let shows = |saw: &Saw, name: &str, part: &str| {
        let found = saw.iter().find(|(step, _)| step == name).map(|(_, saw)| saw);
        let text = found.map(Value::to_string).unwrap_or_default();
        (text.contains(part), short(found.unwrap_or(&Value::Null)))
    };
    let mut wrong = Vec::new();
    for step in &plan(server) {
        let (Some(name), Some(part)) = (step["step"].as_str(), step["sees"].as_str()) else { continue };
        let (direct_shows, direct) = shows(direct, name, part);
        let (now_shows, now) = shows(saw, name, part);
        if direct_shows && !now_shows && !now.contains(NOT_SAID) {
            wrong.push(format!("{name} does not show {part:?}\n      direct {direct}\n      now    {now}"));
        }
    }
    wrong
}

fn era(saw: &Saw) -> Option<&Value> {
    saw.iter().find(|(step, _)| step == "era").map(|(_, era)| era)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 700 {
        text
    } else {
        format!("{}… ({} bytes)", &text[..text.floor_char_boundary(700)], text.len())
    }
}

/// What is wrong with the journal, which holds the conversation: every call, paired with its answer, and nothing lost.
pub fn misrecorded(server: &Server, saw: &Saw, home: &Path) -> Vec<String> {
    let calls = json_lines(home, &["calls", "--json", "--limit", "1000"]);
    let plan = plan(server);
    // A client that cannot cancel just stops waiting, and may be gone before the server answers: one call a step.
    let mut given_up: Vec<&Value> =
        plan.iter().filter(|step| step["do"] == "cancel").map(|step| &step["name"]).collect();
    let mut wrong = Vec::new();
    for call in &calls {
        let findings = call["findings"].to_string();
        let status = call["status"].as_str().unwrap_or_default();
        let is_open = match status {
            "pending" => match given_up.iter().position(|tool| **tool == call["tool"]) {
                Some(place) => {
                    given_up.swap_remove(place);
                    false
                }
                None => true,
            },
            status => status == "unknown",
        };
        if findings.contains("track.unmatched") || is_open {
            wrong.push(format!("journal: {call}"));
        }
    }
    let mut said: HashMap<&Value, usize> = HashMap::new();
    for step in plan.iter().filter(|step| saw.iter().any(|(name, _)| step["step"] == name.as_str())) {
        let n_calls = match step["do"].as_str() {
            Some("call" | "large" | "progress" | "cancel" | "changed") => 1,
            Some("parallel") => step["many"].as_array().unwrap().len(),
            _ => continue,
        };
        *said.entry(&step["name"]).or_default() += n_calls;
    }
    for (tool, n_said) in said {
        let n_recorded =
            calls.iter().filter(|call| call["method"] == "tools/call" && call["tool"] == *tool).count();
        if n_recorded < n_said {
            wrong.push(format!(
                "journal: {n_recorded} of {n_said} calls of {tool}, {} exchanges",
                calls.len()
            ));
        }
    }
    for source in json_lines(home, &["ls", "--json"]) {
        if source["lost_bytes"].as_u64().unwrap_or(0) != 0 {
            wrong.push(format!("journal: {source}"));
        }
    }
    wrong
}

/// The steps that are played with a server.
fn plan(server: &Server) -> Vec<Value> {
    let plan = fs::read_to_string(journeys().join("plans").join(server.plan)).unwrap();
    serde_json::from_str(&plan).unwrap()
}

fn json_lines(home: &Path, args: &[&str]) -> Vec<Value> {
    let out = Command::new(TAPGATE).args(args).env("TAPGATE_HOME", home).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
