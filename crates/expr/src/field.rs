//! The exchange as every expression sees it.

use crate::Value;

/// Who can say what the fields of one exchange are; asked only for fields that an expression names.
pub trait Fields {
    /// The value of `field`; its empty value ([`Spec::empty`]) when it is not known.
    fn value(&self, field: Field) -> Value<'_>;
}

/// What kind of value a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A text; empty when unknown.
    Text,
    /// A text that is one of these words, or empty when unknown.
    Word(&'static [&'static str]),
    /// A whole number.
    Int,
    /// A whole number, or null.
    MaybeInt,
    /// A truth value.
    Bool,
    /// A length of time: compare with `duration("1s")`.
    Duration,
    /// A point in time: compare with `timestamp("2026-07-28T10:00:00Z")` or `now - duration("1h")`.
    Time,
    /// A list of texts.
    Texts,
    /// Whatever JSON the caller sent; a map when the arguments are an object.
    Json,
}

impl Type {
    /// The name of the type in CEL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text | Self::Word(_) => "string",
            Self::Int => "int",
            Self::MaybeInt => "int or null",
            Self::Bool => "bool",
            Self::Duration => "duration",
            Self::Time => "timestamp",
            Self::Texts => "list(string)",
            Self::Json => "map",
        }
    }
}

/// One field as the manual describes it.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Which one.
    pub field: Field,
    /// The name in expressions.
    pub name: &'static str,
    /// The key of the short form, where it is not the name.
    pub short: Option<&'static str>,
    /// The type.
    pub kind: Type,
    /// What it means, in one sentence; names the layer that fills it when journals do not.
    pub doc: &'static str,
    /// An expression that uses it.
    pub example: &'static str,
}

impl Spec {
    /// What the field is when it is not known.
    pub fn empty(&self) -> Value<'static> {
        match self.kind {
            Type::Text | Type::Word(_) => Value::text(""),
            Type::Int => Value::Int(0),
            Type::MaybeInt | Type::Json => Value::Null,
            Type::Bool => Value::Bool(false),
            Type::Duration => Value::Duration(0),
            Type::Time => Value::Time(0),
            Type::Texts => Value::List(Vec::new()),
        }
    }
}

/// Writes the enum and the table together, so that no field lacks its row.
macro_rules! fields {
    ($($field:ident $name:literal $(/ $short:literal)? : $kind:expr, $doc:literal, $example:literal;)*) => {
        /// A field of the exchange.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $doc] $field,)*
        }

        /// Every field, in the order of the manual.
        pub const FIELDS: &[&Spec] = &[$(Field::$field.spec(),)*];

        impl Field {
            /// The row of the manual.
            pub const fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$field => &Spec {
                        field: Self::$field,
                        name: $name,
                        short: fields!(@short $($short)?),
                        kind: $kind,
                        doc: $doc,
                        example: $example,
                    },)*
                }
            }
        }
    };
    (@short) => { None };
    (@short $short:literal) => { Some($short) };
}

fields! {
    Id "id": Type::Text, "The exchange's id in the journal; empty for a live call.", "id == \"x3f9k2\"";
    Session "session": Type::Text, "The id of its session.", "session == \"s7\"";
    Source "source": Type::Text, "The name of the recording process: `--name`, else the server's.", "source == \"files\"";
    Server "server": Type::Text, "The server's name as configured, else as it calls itself.", "server == \"github\"";
    Tool "tool": Type::Text, "The tool of a `tools/call`; empty for everything else.", "tool == \"delete_repo\"";
    Method "method": Type::Text, "The JSON-RPC method; plain HTTP is `http/` and its method.", "method == \"tools/call\"";
    Target "target": Type::Text, "The tool, prompt, resource URI or task; for plain HTTP the path.", "target.startsWith(\"file://\")";
    Args "args": Type::Json, "The arguments of the call, masked when they come from the journal.", "args.path.contains(\"/.ssh/\")";
    AskedBy "asked_by" / "by": Type::Word(&["client", "server"]), "The side that asked.", "asked_by == \"server\"";
    Effect "effect": Type::Word(&["read", "write", "destructive", "open"]), "What the tool may do, from its annotations; filled by the gateway, else empty.", "effect == \"destructive\"";
    User "user": Type::Text, "The person who calls; filled by the gateway, else empty.", "user == \"ada@example.com\"";
    Groups "groups" / "group": Type::Texts, "The person's groups; filled by the gateway, else empty.", "\"dev\" in groups";
    Tenant "tenant": Type::Text, "The tenant of the caller; filled by the gateway, else empty.", "tenant == \"acme\"";
    ClientName "client.name" / "client": Type::Text, "The client's name as it says.", "client.name == \"claude-code\"";
    ClientVersion "client.version": Type::Text, "The client's version as it says.", "client.version.startsWith(\"2.\")";
    Era "era": Type::Word(&["legacy", "modern"]), "Handshake (to 2025-11-25) or self-contained requests (2026-07-28).", "era == \"modern\"";
    Revision "revision" / "rev": Type::Text, "The protocol revision; revisions are dates, so they have an order.", "revision >= \"2025-06-18\"";
    Transport "transport": Type::Word(&["stdio", "http", "sse"]), "How messages travel on the leg that was recorded.", "transport == \"stdio\"";
    Leg "leg": Type::Word(&["client", "server"]), "The leg it was recorded on; a bridge records each call on both, and views show the client's unless the filter names this field.", "leg == \"server\"";
    Status "status": Type::Word(&["pending", "ok", "tool_error", "error", "cancelled", "unanswered", "unknown"]), "Where the exchange stands; `tool_error` is a result with `isError`, `error` a JSON-RPC or HTTP error.", "status == \"error\"";
    ErrorCode "error.code" / "code": Type::MaybeInt, "The JSON-RPC error code; null without an error.", "error.code == -32602";
    ErrorMessage "error.message" / "error": Type::Text, "The JSON-RPC error message; empty without an error.", "error.message.contains(\"timeout\")";
    HttpStatus "http.status" / "http": Type::MaybeInt, "The HTTP status of the answer; null on stdio.", "http.status >= 400";
    Duration "duration" / "dur": Type::Duration, "From the request's first byte to the answer's last; while it is pending, the time so far.", "duration > duration(\"1s\")";
    DurationFirst "duration.first" / "first": Type::Duration, "From the request's first byte to the first byte that answers it, progress included; 0 without an answer.", "duration.first > duration(\"500ms\")";
    DurationRest "duration.rest" / "rest": Type::Duration, "From the first byte that answers to the answer's last; 0 until it is closed.", "duration.rest > duration(\"500ms\")";
    TimeClient "time.client": Type::Duration, "The part of the duration in which the client had it in hand: between rounds, between polls of a task, before an answer that needs no person; 0 when the split is not known.", "time.client > duration(\"1s\")";
    TimeTapgate "time.tapgate": Type::Duration, "The part that tapgate took to pass messages on; 0 when the split is not known.", "time.tapgate > duration(\"10ms\")";
    TimeWire "time.wire": Type::Duration, "The part in which messages were on their way, from their first byte to their last; 0 when the split is not known.", "time.wire > duration(\"100ms\")";
    TimeServer "time.server": Type::Duration, "The part in which the server had it in hand; 0 when the split is not known.", "time.server > duration(\"1s\")";
    TimePerson "time.person": Type::Duration, "The part that waited for a person: elicitation and sampling; 0 when the split is not known.", "time.person > duration(\"0s\")";
    TimeInjected "time.injected": Type::Duration, "The part in which `tap --chaos` held it back on purpose; 0 when the split is not known.", "time.injected > duration(\"0s\")";
    Blocked "blocked": Type::Word(&["client", "tapgate", "network", "server", "person", "injected"]), "Whom a pending exchange waits for; empty when it is over.", "blocked == \"person\"";
    Chain "chain": Type::Text, "The id of the exchange that it repeats or goes on with, of several the first; empty for one that repeats nothing.", "chain == \"x3f9k2\"";
    Again "again": Type::Word(&["transport", "application", "resume", "session", "login", "throttle", "restart"]), "How it repeats or goes on with an earlier one: sent again, asked again, a stream resumed, after the session was gone, after a login, after waiting as asked, after the server was started again.", "again == \"login\"";
    BytesIn "bytes.in" / "in": Type::Int, "Bytes of its messages towards the server.", "bytes.in > 65536";
    BytesOut "bytes.out" / "out": Type::Int, "Bytes of its messages towards the client.", "bytes.out > 262144";
    Retries "retries": Type::Int, "Times that it was repeated because an answer did not come or was refused.", "retries > 0";
    Rounds "rounds": Type::Int, "Times that it was asked again to go on (multi round-trip).", "rounds > 1";
    Progress "progress": Type::Int, "Progress notifications seen.", "progress > 0";
    Late "late": Type::Bool, "An answer came after it was closed.", "late";
    Findings "findings" / "finding": Type::Texts, "Codes of what was odd.", "findings.exists(f, f.startsWith(\"not-\"))";
    Decision "decision": Type::Word(&["allow", "ask", "deny"]), "What policy said; filled by the gateway, else empty.", "decision == \"deny\"";
    At "at": Type::Time, "When the first byte of the request was read.", "at > timestamp(\"2026-07-28T10:00:00Z\")";
    Now "now": Type::Time, "When the expression is evaluated.", "at > now - duration(\"10m\")";
    Text "text": Type::Text, "What free text searches: server, method, target, error message and arguments, one a line.", "text.contains(\"invoice\")";
}

impl Field {
    /// The field with this name.
    pub fn named(name: &str) -> Option<Self> {
        FIELDS.iter().find(|spec| spec.name == name).map(|spec| spec.field)
    }

    /// Its bit in a set of fields.
    pub(crate) fn bit(self) -> u64 {
        1 << (self as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::FIELDS;
    use crate::Filter;

    #[test]
    fn every_field_has_its_row_and_an_example_that_uses_it() {
        assert!(FIELDS.len() <= 64);
        for spec in FIELDS {
            assert_eq!(spec.field.spec().name, spec.name);
            let filter =
                Filter::parse(spec.example).unwrap_or_else(|mistake| panic!("{}: {mistake}", spec.name));
            assert!(filter.names(spec.field), "{}", spec.example);
        }
    }

    #[test]
    fn names_and_short_keys_are_unique() {
        let mut keys: Vec<_> =
            FIELDS.iter().flat_map(|spec| [Some(spec.name), spec.short]).flatten().collect();
        keys.sort_unstable();
        let n = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), n);
    }
}
