use super::*;

#[test]
fn names_are_read_exactly_and_ordered_by_date() {
    for revision in Revision::ALL {
        assert_eq!(Revision::parse(revision.as_str()), Some(*revision));
    }
    assert!(Revision::ALL.is_sorted());
    for name in ["", "2025-03-26 ", "2025-3-26", "2030-01-01", "DRAFT-2026-v1"] {
        assert_eq!(Revision::parse(name), None, "{name}");
    }
    assert_eq!(Revision::V2025_11_25.era(), Era::Legacy);
    assert_eq!(Revision::LATEST.era(), Era::Modern);
    let eras = [("2023-01-01", Some(Era::Legacy)), ("2027-01-01", Some(Era::Modern)), ("2026-07", None)];
    for (name, era) in eras {
        assert_eq!(Revision::era_of(name), era, "{name}");
    }
}

#[test]
fn sets_hold_what_was_put_in() {
    let set = Revisions::NONE.with(V2025_03_26, V2025_06_18).with(V2026_07_28, V2026_07_28);
    assert_eq!(set.iter().collect::<Vec<_>>(), [V2025_03_26, V2025_06_18, V2026_07_28]);
    assert_eq!(ALL.iter().count(), Revision::ALL.len());
    assert_eq!(Revisions::NONE.iter().count(), 0);
}

/// Where a method exists, one letter a revision: client, server, both, input, none.
fn senders(name: &str) -> String {
    let method = method(name).unwrap_or_else(|| panic!("{name} is not in the table"));
    let letter = |revision: &Revision| {
        let [client, server] = [Leg::Client, Leg::Server].map(|leg| method.is_sent_by(leg, *revision));
        match (client, server, method.as_input.contains(*revision)) {
            (true, true, _) => 'b',
            (true, false, _) => 'c',
            (false, true, _) => 's',
            (false, false, true) => 'i',
            _ => '-',
        }
    };
    Revision::ALL.iter().map(letter).collect()
}

#[test]
fn methods_come_and_go_as_the_changelogs_say() {
    let cases = [
        ("initialize", "cccc-"),
        ("notifications/initialized", "cccc-"),
        ("ping", "bbbb-"),
        ("tools/call", "ccccc"),
        ("completion/complete", "ccccc"),
        ("logging/setLevel", "cccc-"),
        ("resources/subscribe", "cccc-"),
        ("subscriptions/listen", "----c"),
        ("server/discover", "----c"),
        ("sampling/createMessage", "ssssi"),
        ("roots/list", "ssssi"),
        ("elicitation/create", "--ssi"),
        ("tasks/get", "---b-"),
        ("tasks/list", "---b-"),
        ("notifications/cancelled", "bbbbb"),
        ("notifications/progress", "bbbbs"),
        ("notifications/tasks/status", "---b-"),
        ("notifications/elicitation/complete", "---s-"),
        ("notifications/roots/list_changed", "cccc-"),
        ("notifications/tools/list_changed", "sssss"),
        ("notifications/subscriptions/acknowledged", "----s"),
    ];
    for (name, expected) in cases {
        assert_eq!(senders(name), expected, "{name}");
    }
    assert!(METHODS.is_sorted_by_key(|method| method.name));
    assert!(method("tools/call").is_some_and(|method| method.is_request));
    assert!(method("notifications/progress").is_some_and(|method| !method.is_request));
    assert!(method("tasks/update").is_none() && EXTENSION_METHODS.contains(&"tasks/update"));
}

#[test]
fn fields_are_known_and_required_where_they_are() {
    let known = |field: Option<&Field>| field.map(|field| (field.known, field.required));
    let call = method("tools/call").unwrap();
    assert_eq!(known(call.param("name")), Some((ALL, ALL)));
    assert_eq!(known(call.param("_meta")).map(|(_, required)| required), Some(MODERN));
    assert_eq!(known(call.param("requestState")), Some((MODERN, Revisions::NONE)));
    assert_eq!(known(call.result_field("resultType")), Some((MODERN, MODERN)));
    assert!(call.result_field("structuredContent").is_some_and(|field| !field.known.contains(V2025_03_26)));
    assert!(method("ping").is_some_and(|ping| ping.result_field("resultType").is_none()));
}

#[test]
fn codes_and_keys_have_their_meaning_in_their_revisions() {
    assert_eq!(error_name(-32_601, V2024_11_05), Some("MethodNotFound"));
    assert_eq!(error_name(-32_042, V2025_11_25), Some("URLElicitationRequired"));
    assert_eq!(error_name(-32_042, V2026_07_28), None);
    assert_eq!(error_name(-32_022, V2026_07_28), Some("UnsupportedProtocolVersion"));
    assert_eq!(error_name(-32_002, V2026_07_28), None);
    let has =
        |key: &str, revision| meta_keys().any(|meta| meta.key == key && meta.revisions.contains(revision));
    assert!(has("progressToken", V2024_11_05) && has("progressToken", V2026_07_28));
    assert!(has("io.modelcontextprotocol/protocolVersion", V2026_07_28));
    assert!(!has("io.modelcontextprotocol/protocolVersion", V2025_11_25));
    assert!(has("io.modelcontextprotocol/related-task", V2025_11_25));
    assert_eq!(mirrored_param("resources/read"), Some("uri"));
    assert!(HEADERS.iter().all(|header| header.name == header.name.to_ascii_lowercase()));
}
