//! What is found about logins.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

/// A session over HTTP.
macro_rules! session {
    ($revision:literal, $rest:literal) => {
        concat!(
            r#"
        legs client=http server=http
        client[1] POST /mcp  user-agent: probe | ask 0 initialize {"protocolVersion":""#,
            $revision,
            r#"","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}
        server[1] 200 json  mcp-session-id: s1 | answer 0 {"protocolVersion":""#,
            $revision,
            r#"","capabilities":{"tools":{}},"serverInfo":{"name":"srv","version":"2"}}
        "#,
            $rest
        )
    };
}

pub(super) static NO_CHALLENGE: Rule = Rule {
    id: "auth.no-challenge",
    about: "A server answered 401 without WWW-Authenticate, so the client cannot learn how to log in.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "RFC 9110, 15.5.2; spec 2025-11-25, basic/authorization",
    fix: "Send WWW-Authenticate with every 401.",
    fires: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401 | -
    "#
    )],
    quiet: &[
        session!(
            "2025-06-18",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer | -
    "#
        ),
        session!(
            "2025-06-18",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 403 | -
    "#
        ),
    ],
};

pub(super) static NO_METADATA: Rule = Rule {
    id: "auth.no-metadata",
    about: "A challenge does not say where the metadata of the resource is.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::NONE.with(Revision::V2025_06_18, Revision::V2025_06_18),
    source: "Spec 2025-06-18, basic/authorization, Authorization Server Location",
    fix: "Add resource_metadata with the URL of the metadata to the challenge.",
    fires: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer realm="x" | -
    "#
    )],
    quiet: &[
        session!(
            "2025-06-18",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
    "#
        ),
        session!(
            "2025-11-25",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-11-25 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer realm="x" | -
    "#
        ),
    ],
};

pub(super) static UNREACHABLE: Rule = Rule {
    id: "auth.metadata-unreachable",
    about: "The metadata that a challenge points to could not be fetched.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "RFC 9728, 3.2 and 5.1",
    fix: "Serve the metadata at the URL that the challenge names.",
    fires: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 404 | -
    "#
    )],
    quiet: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 200 json | {"resource":"https://host/mcp","authorization_servers":["https://as"]}
    "#
    )],
};

pub(super) static NOT_FOUND: Rule = Rule {
    id: "auth.metadata-not-found",
    about: "Neither the challenge nor a well-known path leads to the metadata of the resource.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-11-25, basic/authorization, Authorization Server Location; RFC 9728, 3",
    fix: "Name the metadata in the challenge, or serve it at the well-known path.",
    fires: &[session!(
        "2025-11-25",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-11-25 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 404 | -
        client[4] GET /.well-known/oauth-protected-resource  user-agent: probe | -
        server[4] 404 | -
    "#
    )],
    quiet: &[
        session!(
            "2025-11-25",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-11-25 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 404 | -
        client[4] GET /.well-known/oauth-protected-resource  user-agent: probe | -
        server[4] 200 json | {"resource":"https://host/mcp","authorization_servers":["https://as"]}
    "#
        ),
        session!(
            "2025-11-25",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-11-25 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 404 | -
    "#
        ),
    ],
};

pub(super) static INVALID: Rule = Rule {
    id: "auth.metadata-invalid",
    about: "The metadata of the resource lacks what it must have.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "RFC 9728, 2; spec 2025-11-25, basic/authorization, Authorization Server Location",
    fix: "Give the metadata a resource and at least one of authorization_servers.",
    fires: &[
        session!(
            "2025-06-18",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 200 json | {"resource":"https://host/mcp"}
    "#
        ),
        session!(
            "2025-06-18",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 200 json | hello
    "#
        ),
    ],
    quiet: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 200 json | {"resource":"https://host/mcp","authorization_servers":["https://as"]}
    "#
    )],
};

pub(super) static MISMATCH: Rule = Rule {
    id: "auth.resource-mismatch",
    about: "The metadata names another resource than the one that it was fetched for.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "RFC 9728, 3.3",
    fix: "Let resource be the URL that clients use.",
    fires: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 200 json | {"resource":"https://host/other","authorization_servers":["https://as"]}
    "#
    )],
    quiet: &[
        session!(
            "2025-06-18",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 200 json | {"resource":"https://host/mcp","authorization_servers":["https://as"]}
    "#
        ),
        session!(
            "2025-06-18",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 401  www-authenticate: Bearer resource_metadata="https://host/.well-known/oauth-protected-resource/mcp" | -
        client[3] GET /.well-known/oauth-protected-resource/mcp  user-agent: probe | -
        server[3] 200 json | {"resource":"https://host/mcp/","authorization_servers":["https://as"]}
    "#
        ),
    ],
};

pub(super) static NO_SCOPE: Rule = Rule {
    id: "auth.no-scope",
    about: "A 403 for a missing scope does not say which scope is needed.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::since(Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/authorization, Scope Challenge Handling",
    fix: "Add scope with all scopes of the operation to the challenge.",
    fires: &[session!(
        "2025-11-25",
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-11-25; authorization: Bearer x | ask 1 tools/list
        server[2] 403  www-authenticate: Bearer error="insufficient_scope" | -
    "#
    )],
    quiet: &[
        session!(
            "2025-11-25",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-11-25; authorization: Bearer x | ask 1 tools/list
        server[2] 403  www-authenticate: Bearer error="insufficient_scope", scope="a b" | -
    "#
        ),
        session!(
            "2025-11-25",
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe; mcp-protocol-version: 2025-11-25; authorization: Bearer x | ask 1 tools/list
        server[2] 403 | -
    "#
        ),
    ],
};

pub(super) static IN_QUERY: Rule = Rule {
    id: "auth.token-in-query",
    about: "An access token stands in the query of a URL, where logs and referrers keep it.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_03_26),
    source: "Spec 2025-11-25, basic/authorization, Token Requirements; RFC 9700, 4.3.2",
    fix: "Send the token in the header Authorization.",
    fires: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp?access_token=abc  mcp-session-id: s1; user-agent: probe | ask 1 tools/list
    "#
    )],
    quiet: &[session!(
        "2025-06-18",
        r#"client[2] POST /mcp?token=abc  mcp-session-id: s1; user-agent: probe | ask 1 tools/list
    "#
    )],
};

pub(super) static LOOP: Rule = Rule {
    id: "auth.loop",
    about: "A client is refused with 401 again and again although it sends a token.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/authorization",
    fix: "Check that the token is for this server, not expired, and sent to the URL that it was issued for.",
    fires: &[session!(
        "2025-06-18",
        r#"client[11] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 11 tools/list
        server[11] 401  www-authenticate: Bearer | -
        client[12] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 12 tools/list
        server[12] 401  www-authenticate: Bearer | -
        client[13] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 13 tools/list
        server[13] 401  www-authenticate: Bearer | -
    "#
    )],
    quiet: &[
        session!(
            "2025-06-18",
            r#"client[11] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 11 tools/list
        server[11] 401  www-authenticate: Bearer | -
        client[12] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 12 tools/list
        server[12] 401  www-authenticate: Bearer | -
        client[13] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 13 tools/list
        server[13] 200 json | answer 13 {"tools":[]}
        client[14] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 14 tools/list
        server[14] 401  www-authenticate: Bearer | -
    "#
        ),
        session!(
            "2025-06-18",
            r#"client[11] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 11 tools/list
        server[11] 401  www-authenticate: Bearer | -
        client[12] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 12 tools/list
        server[12] 401  www-authenticate: Bearer | -
        client[13] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 13 tools/list
        server[13] 401  www-authenticate: Bearer | -
    "#
        ),
    ],
};

pub(super) static LOST: Rule = Rule {
    id: "auth.expired",
    about: "A token that had been good was refused with 401 in the middle of a session.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/authorization, Token Handling",
    fix: "Refresh the token before it expires.",
    fires: &[session!(
        "2025-06-18",
        r#"client[11] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 11 tools/list
        server[11] 200 json | answer 11 {"tools":[]}
        client[12] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 12 tools/list
        server[12] 401  www-authenticate: Bearer | -
    "#
    )],
    quiet: &[session!(
        "2025-06-18",
        r#"client[11] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 11 tools/list
        server[11] 401  www-authenticate: Bearer | -
        client[12] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 12 tools/list
        server[12] 200 json | answer 12 {"tools":[]}
    "#
    )],
};
