//! One exchange with all that is known around it, as expressions and pages see it.

use std::cell::OnceCell;

use serde_json::Value as Json;
use tapgate_expr::{Field, Fields, Value};
use tapgate_store::{ExchangeRow, SessionRow, SourceRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Clock, Era, Hand, Status, Transport, UnixNanos};
use tapgate_wire::rule::Side;

use crate::capture::is_full;
use crate::page::status_word;
use crate::pages::again_word;

/// An exchange of the journal with its session and source.
///
/// Its arguments are loaded when an expression asks for them, at most once.
pub struct Call<'a> {
    /// The exchange.
    pub exchange: &'a ExchangeRow,
    /// Its session, if it is still there.
    pub session: Option<&'a SessionRow>,
    /// The source of that, if it is still there.
    pub source: Option<&'a SourceRow>,
    /// Now: the end of what is pending.
    pub now: UnixNanos,
    request: Option<&'a dyn Fn() -> Option<Vec<u8>>>,
    args: OnceCell<Json>,
    text: OnceCell<String>,
}

impl<'a> Call<'a> {
    /// An exchange whose arguments are not known.
    pub fn new(
        exchange: &'a ExchangeRow,
        session: Option<&'a SessionRow>,
        source: Option<&'a SourceRow>,
        now: UnixNanos,
    ) -> Self {
        Self { exchange, session, source, now, request: None, args: OnceCell::new(), text: OnceCell::new() }
    }

    /// Says how to load the stored body of its request; asked for only when an expression names `args` or `text`.
    #[must_use]
    pub fn with_request(self, request: &'a dyn Fn() -> Option<Vec<u8>>) -> Self {
        Self { request: Some(request), ..self }
    }

    /// The server's name: as configured, else as it calls itself.
    pub fn server(&self) -> &str {
        let configured = self.source.map(|source| source.name.as_str()).filter(|name| !name.is_empty());
        let own = || self.session.and_then(|session| session.server.as_ref()).map(|(name, _)| name.as_str());
        configured.or_else(own).unwrap_or_default()
    }

    /// The tool that was called, if it was one.
    pub fn tool(&self) -> Option<&str> {
        (self.exchange.method == "tools/call").then_some(self.exchange.target.as_deref()).flatten()
    }

    /// Nanoseconds from the first byte of the request to the last of the answer, or to now.
    pub fn duration(&self) -> i64 {
        self.exchange.closed.unwrap_or(self.now).saturating_sub(self.exchange.opened).max(0)
    }

    /// Nanoseconds to the first byte that answers, 0 without one.
    pub(crate) fn first(&self) -> i64 {
        self.exchange.first_answer.map_or(0, |first| first.saturating_sub(self.exchange.opened).max(0))
    }

    /// Nanoseconds from the first byte that answers to the last, 0 until there is one.
    pub(crate) fn rest(&self) -> i64 {
        let both = self.exchange.first_answer.zip(self.exchange.closed);
        both.map_or(0, |(first, closed)| closed.saturating_sub(first).max(0))
    }

    /// Whom it waits for while it is open, and since when; nobody once its session is over.
    pub(crate) fn waits_for(&self) -> Option<(Hand, UnixNanos)> {
        let is_over = self.session.is_some_and(|session| session.closed.is_some())
            || self.source.is_some_and(|source| source.ended.is_some());
        let is_open = self.exchange.status == Status::Pending && !is_over;
        self.exchange.in_hand.filter(|_| is_open)
    }

    fn spent(&self, part: impl Fn(&Clock) -> u64) -> Value<'_> {
        let nanos = self.exchange.clock.as_ref().map_or(0, part);
        Value::Duration(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// Whether its bodies were stored unmasked.
    pub(crate) fn is_full(&self) -> bool {
        self.source.is_some_and(|source| is_full(source, self.exchange.opened))
    }

    /// The leg that it was recorded on.
    pub fn leg(&self) -> Leg {
        self.source.map_or(Leg::Client, |source| source.leg)
    }

    pub(crate) fn era(&self) -> Option<Era> {
        self.exchange.era.or(self.session.and_then(|session| session.era))
    }

    pub(crate) fn revision(&self) -> Option<&str> {
        self.exchange.revision.as_deref().or(self.session.and_then(|session| session.revision.as_deref()))
    }

    pub(crate) fn client(&self) -> Option<(&str, &str)> {
        let (name, version) = self.session?.client.as_ref()?;
        Some((name, version))
    }

    fn args(&self) -> &Json {
        self.args.get_or_init(|| {
            let body = self.request.and_then(|request| request());
            let message = body.and_then(|body| serde_json::from_slice::<Json>(&body).ok());
            message
                .and_then(|mut message| Some(message.pointer_mut("/params/arguments")?.take()))
                .unwrap_or_default()
        })
    }

    fn text(&self) -> &str {
        self.text.get_or_init(|| {
            let exchange = self.exchange;
            let mut lines = vec![self.server().to_owned(), exchange.method.clone()];
            lines.extend(exchange.target.clone());
            lines.extend(exchange.error_text.clone());
            if !self.args().is_null() {
                lines.push(self.args().to_string());
            }
            lines.join("\n")
        })
    }
}

impl Fields for Call<'_> {
    fn value(&self, field: Field) -> Value<'_> {
        let exchange = self.exchange;
        match field {
            Field::Id => Value::Text(exchange.id.to_string().into()),
            Field::Session => Value::Text(exchange.session.to_string().into()),
            Field::Source => Value::text(self.source.map_or("", |source| &source.name)),
            Field::Server => Value::text(self.server()),
            Field::Tool => Value::text(self.tool().unwrap_or_default()),
            Field::Method => Value::text(&exchange.method),
            Field::Target => Value::text(exchange.target.as_deref().unwrap_or_default()),
            Field::Args => Value::json(self.args()),
            Field::AskedBy => Value::text(leg_word(exchange.asked_by)),
            Field::ClientName => Value::text(self.client().map_or("", |(name, _)| name)),
            Field::ClientVersion => Value::text(self.client().map_or("", |(_, version)| version)),
            Field::Era => Value::text(self.era().map_or("", era_word)),
            Field::Revision => Value::text(self.revision().unwrap_or_default()),
            Field::Transport => {
                Value::text(self.session.map_or("", |session| transport_word(session.transport)))
            }
            Field::Leg => Value::text(leg_word(self.leg())),
            Field::Status => Value::text(status_word(exchange.status)),
            Field::ErrorCode => exchange.error_code.map_or(Value::Null, Value::Int),
            Field::ErrorMessage => Value::text(exchange.error_text.as_deref().unwrap_or_default()),
            Field::HttpStatus => exchange.http_status.map_or(Value::Null, |status| Value::Int(status.into())),
            Field::Duration => Value::Duration(self.duration()),
            Field::DurationFirst => Value::Duration(self.first()),
            Field::DurationRest => Value::Duration(self.rest()),
            Field::TimeClient => self.spent(|clock| clock.client),
            Field::TimeTapgate => self.spent(|clock| clock.tapgate),
            Field::TimeWire => self.spent(|clock| clock.wire),
            Field::TimeServer => self.spent(|clock| clock.server),
            Field::TimePerson => self.spent(|clock| clock.person),
            Field::TimeInjected => self.spent(|clock| clock.injected),
            Field::Blocked => Value::text(self.waits_for().map_or("", |(hand, _)| hand_word(hand))),
            Field::Chain => {
                Value::Text(exchange.chain.map(|chain| chain.to_string()).unwrap_or_default().into())
            }
            Field::Again => Value::text(exchange.again.map_or("", again_word)),
            Field::BytesIn => whole(exchange.bytes_in),
            Field::BytesOut => whole(exchange.bytes_out),
            Field::Retries => whole(exchange.n_retries.into()),
            Field::Rounds => whole(exchange.n_rounds.into()),
            Field::Progress => whole(exchange.n_progress.into()),
            Field::Late => Value::Bool(exchange.late),
            Field::Findings => {
                Value::List(exchange.findings.iter().map(|finding| Value::text(finding)).collect())
            }
            Field::At => Value::Time(exchange.opened),
            Field::Now => Value::Time(self.now),
            Field::Text => Value::text(self.text()),
            // The gateway fills these; a tap has nobody to ask.
            Field::Effect | Field::User | Field::Groups | Field::Tenant | Field::Decision => {
                field.spec().empty()
            }
        }
    }
}

fn whole(n: u64) -> Value<'static> {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The word of a leg, as expressions and JSON have it.
pub(crate) fn leg_word(leg: Leg) -> &'static str {
    match leg {
        Leg::Client => "client",
        Leg::Server => "server",
    }
}

/// Who is at fault, for people: on the server's leg of a bridge, tapgate is the client.
pub(crate) fn side_word(side: Side, leg: Leg) -> &'static str {
    match (side, leg) {
        (Side::Client, Leg::Server) => "client (here tapgate)",
        (side, _) => side.word(),
    }
}

/// The word of whom an exchange waits for.
pub(crate) fn hand_word(hand: Hand) -> &'static str {
    match hand {
        Hand::Client => "client",
        Hand::Tapgate => "tapgate",
        Hand::Wire => "network",
        Hand::Server => "server",
        Hand::Person => "person",
        Hand::Injected => "injected",
    }
}

/// The word of an era.
pub(crate) fn era_word(era: Era) -> &'static str {
    match era {
        Era::Legacy => "legacy",
        Era::Modern => "modern",
    }
}

/// The word of a transport.
pub(crate) fn transport_word(transport: Transport) -> &'static str {
    match transport {
        Transport::Stdio => "stdio",
        Transport::Http => "http",
        Transport::Sse => "sse",
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tapgate_expr::Filter;

    use super::Call;
    use crate::sample;

    #[test]
    fn an_exchange_of_the_journal_is_what_expressions_see() {
        let world = sample::world();
        let body = br#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search","arguments":{"query":"invoices","limit":5}}}"#;
        let load = || Some(body.to_vec());
        let call = Call::new(
            world.exchange("search"),
            Some(&world.sessions[0]),
            Some(&world.sources[0]),
            sample::NOW,
        )
        .with_request(&load);
        for (text, matches) in [
            ("tool == \"search\" && server == \"files\" && method == \"tools/call\"", true),
            ("args.query == \"invoices\" && args.limit > 3", true),
            ("INVOICE", true),
            ("\"no such text\"", false),
            ("client:claude rev>=2025-03-26 era:legacy transport:stdio", true),
            ("status:ok dur>1ms dur<1s", true),
            ("duration.first + duration.rest == duration", true),
            ("time.server > duration(\"9ms\") && time.person == duration(\"0s\")", true),
            ("time.server + time.wire + time.tapgate + time.client + time.person == duration", true),
            ("blocked == \"\" && chain == \"\" && again == \"\"", true),
            ("since:1h", true),
            ("leg:client -leg:server", true),
            ("user == \"\" && effect == \"\"", true),
            ("http.status == null && error.code == null", true),
        ] {
            assert_eq!(Filter::parse(text).unwrap().matches(&call), matches, "{text}");
        }
    }

    #[test]
    fn a_pending_exchange_lasts_until_now() {
        let world = sample::world();
        let call = world.call("slow_report");
        assert!(Filter::parse("status:pending dur>10s blocked:person").unwrap().matches(&call));
    }

    #[test]
    fn arguments_are_loaded_only_for_those_who_ask_and_once() {
        let world = sample::world();
        let n_loads = Cell::new(0);
        let load = || {
            n_loads.set(n_loads.get() + 1);
            None
        };
        let call = Call::new(world.exchange("search"), None, None, sample::NOW).with_request(&load);
        assert!(Filter::parse("tool:search -status:error").unwrap().matches(&call));
        assert_eq!(n_loads.get(), 0);
        assert!(!Filter::parse("args.path:x").unwrap().matches(&call));
        assert!(!Filter::parse("nothing").unwrap().matches(&call));
        assert_eq!(n_loads.get(), 1);
    }
}
