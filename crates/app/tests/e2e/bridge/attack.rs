//! Hostile peers on both sides of a bridge.
//!
//! The peers are scripts, because they say what no library lets one say: each test runs one attack of a file in
//! `attack/`, which starts the tap, both peers, and fails with what it saw.

use std::path::Path;
use std::process::Command;

use crate::support::TAPGATE;

fn attack(file: &str, name: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/bridge/attack").join(file);
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).arg(name).env("TAPGATE", TAPGATE);
    // The script ends itself when it takes too long, and its taps end with it.
    let output = command.output().unwrap();
    let [said, failed] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{name}\n{said}\n{failed}");
}

macro_rules! attacks {
    ($($file:literal: $($test:ident is $name:literal)*;)*) => {
        $($(#[test] fn $test() { attack($file, $name); })*)*
    };
}

attacks! {
    "servers.py":
        an_odd_answer_is_one_error_and_the_next_call_works is "odd_answers"
        a_call_without_answer_is_cancelled_and_others_go_on is "never"
        an_answer_that_is_too_large_is_an_error_and_costs_no_memory is "too_much"
        a_child_that_says_odd_things_or_ends_is_survived is "children"
        a_child_that_never_stops_to_complain_is_survived is "chatter"
        a_child_that_does_not_end_is_ended is "stubborn"
        a_refusal_for_want_of_credentials_passes_to_who_has_them is "credentials"
        an_endpoint_elsewhere_is_not_visited is "endpoints"
        a_stream_that_says_nothing_disturbs_nobody is "streams";
    "clients.py":
        a_header_that_lies_does_not_reach_the_server is "lying_headers"
        a_session_is_good_only_for_its_own_client is "strange_sessions"
        an_endpoint_is_good_only_for_its_own_client is "strange_endpoints"
        a_request_state_is_good_only_as_it_was_given is "forged_states"
        who_shares_a_child_cannot_touch_what_others_asked is "one_child_for_all"
        a_message_that_can_be_read_in_two_ways_is_refused is "strange_messages"
        a_body_that_is_too_large_is_refused_with_words is "large_bodies"
        a_client_that_does_not_read_costs_little is "silent_readers"
        what_is_pushed_at_who_does_not_read_is_bounded is "pushed_at"
        a_batch_is_bounded_like_all_that_waits is "batches"
        a_client_that_is_slow_takes_no_place_from_others is "slow_loris"
        two_thousand_connections_at_once_are_served is "two_thousand"
        ten_thousand_sessions_that_nobody_closes_are_served is "ten_thousand_sessions"
        sessions_of_a_command_make_room_for_others is "many_children"
        a_request_whose_end_is_a_matter_of_opinion_smuggles_nothing is "smuggling";
    "payloads.py":
        within_an_era_every_byte_arrives is "same_era"
        across_eras_every_byte_of_a_payload_arrives is "across_eras";
    "bodies.py":
        a_body_that_is_no_json_is_refused_and_goes_nowhere is "over_http"
        a_line_that_is_no_json_is_refused_and_goes_nowhere is "on_lines";
    "life.py":
        a_tap_that_is_killed_leaves_none_of_twenty_children is "killed"
        a_tap_that_is_asked_to_end_ends_what_it_began is "terminated"
        a_server_that_comes_back_is_greeted_again is "restarted_server"
        a_modern_server_that_comes_back_goes_on is "restarted_modern_server"
        a_server_that_comes_late_is_found is "late_server"
        a_child_that_is_killed_is_followed_by_another is "killed_child"
        a_child_that_dies_at_every_call_is_survived is "crash_loop";
}
