//! Observe: the thread behind a tap that reads what passed, pairs it, masks it and hands it to the journal.
//!
//! Traffic never waits for it. When it falls behind, the queue before it drops and says so; when it fails,
//! recording ends with one line on stderr and traffic goes on.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tapgate_engine::{Action, Fact, Input, Limits, Recorder, Source};
use tapgate_judge::Judge;
use tapgate_store::{Journal, Options};
use tapgate_transport::queue::Turn;
use tapgate_transport::{Clock, Observer, Seen};
use tapgate_wire::mask::{Consent, Level, Masker};
use tapgate_wire::record::{self, Transport};
use tapgate_wire::{Leg, Nanos};

use crate::cli::tap::Args;
use crate::cli::tap::locked::Shared;
use crate::decode::Decode;
use crate::{before, home, random, wall};

/// Most observed bytes that wait for the observer; more are dropped and counted.
pub const QUEUE_BYTES: usize = 8 << 20;

/// How long the observer may read what is left when a tap ends; what is not read by then counts as lost.
const CATCH_UP: Duration = Duration::from_secs(2);

/// So many actions are recorded and forgotten before more is read, so that a long batch takes little memory, and
/// that little stays in the processor's cache. One read of blank lines alone makes 65,536 of them.
const MANY: usize = 1024;

/// How long the journal may take to write what is left when a tap ends; clients kill what lingers.
const FLUSH: Duration = Duration::from_millis(1500);

/// How long the observer sleeps at the most when nothing passes.
const NAP: Duration = Duration::from_secs(1);

/// Nanoseconds after which the judge hears again that time passes.
const TICK: u64 = 1_000_000_000;

/// Who is observed, as the journal will name it.
#[derive(Clone, Debug)]
pub struct Observed {
    name: String,
    server: Server,
    transports: (Transport, Transport),
    /// The leg that is recorded.
    leg: Leg,
    full_hours: Option<u32>,
    /// Secrets that the tap was given and sends.
    headers: HeaderMap,
    /// What the server may offer, if the tap holds back what differs.
    lock: Option<Shared>,
    /// Whether what passes is judged.
    is_judged: bool,
}

#[derive(Clone, Debug)]
enum Server {
    Command(Vec<String>),
    Url(String),
}

impl Observed {
    /// What a tap with these arguments observes.
    pub fn of(args: &Args, transports: (Transport, Transport)) -> Self {
        let server = args.url.clone().map_or_else(|| Server::Command(args.command.clone()), Server::Url);
        let headers = HeaderMap::new();
        Self {
            name: args.source_name(),
            server,
            transports,
            leg: Leg::Client,
            full_hours: args.full,
            headers,
            lock: None,
            is_judged: !args.no_judge,
        }
    }

    /// One leg of a bridge that sends these headers.
    pub fn leg(&self, leg: Leg, headers: &HeaderMap) -> Self {
        Self { leg, headers: headers.clone(), ..self.clone() }
    }

    /// The same, with a lock file: the server's leg is judged by it, the client's without what it holds back.
    pub fn locked(self, lock: Option<Shared>) -> Self {
        Self { lock, ..self }
    }
}

/// A running observer.
#[derive(Debug)]
pub struct Recording {
    thread: Option<JoinHandle<()>>,
    clock: Clock,
    deadline: Deadline,
}

/// Until when the observer may read, once the tap has ended.
type Deadline = Arc<OnceLock<Nanos>>;

impl Recording {
    /// Waits until everything that passed is in the journal, for a bounded time; drop every witness first.
    pub fn finish(recordings: &mut [Self]) {
        let catch_up = u64::try_from(CATCH_UP.as_nanos()).unwrap_or(u64::MAX);
        for recording in &*recordings {
            // Nobody else sets it.
            let _ = recording.deadline.set(Nanos(recording.clock.now().0.saturating_add(catch_up)));
        }
        for thread in recordings.iter_mut().filter_map(|recording| recording.thread.take()) {
            // A panic of the observer was said when it happened.
            let _ = thread.join();
        }
    }
}

/// Starts to observe.
pub fn start(observer: Observer, clock: Clock, observed: Observed) -> Recording {
    let deadline = Deadline::default();
    let until = Arc::clone(&deadline);
    let started =
        Builder::new().name("observe".into()).spawn(move || run(observer, clock, &observed, &until));
    if let Err(error) = &started {
        say(&format!("nothing is recorded: no thread could be started ({error})"));
    }
    Recording { thread: started.ok(), clock, deadline }
}

/// Says something about recording on stderr, which nobody may close to stop traffic.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "tapgate: {text}");
}

fn run(mut observer: Observer, clock: Clock, observed: &Observed, deadline: &OnceLock<Nanos>) {
    // Both legs of a bridge meet the same obstacles; one says so.
    let say_why = |text: &str| {
        if observed.leg == Leg::Client {
            say(text);
        }
    };
    let mut watch = match (home::resolve(), random::bytes()) {
        (Ok(home), Ok(key)) => Some(Watch::new(&home, key, clock, observed)),
        (Err(problem), _) => {
            say_why(&format!("nothing is recorded: {}; {}", problem.message, problem.help));
            None
        }
        // Without randomness digests could be compared across captures.
        (_, Err(error)) => {
            say_why(&format!("nothing is recorded: the system gives no random bytes ({error})"));
            None
        }
    };
    let mut batch = Vec::new();
    while observer.recv_batch(&mut batch, NAP) != Turn::Closed {
        let is_late = || deadline.get().is_some_and(|deadline| clock.now() > *deadline);
        // A recorder that fails must neither stop traffic nor let the queue fill.
        let failed = watch.as_mut().is_some_and(|watch| {
            catch_unwind(AssertUnwindSafe(|| watch.take(&mut batch, clock.now(), is_late))).is_err()
        });
        if failed {
            say("recording ended because of a fault in tapgate; traffic goes on");
            watch = None;
        }
    }
    if let Some(watch) = watch {
        watch.end(clock.now());
    }
}

/// Everything between what was seen and the journal.
struct Watch {
    decode: Decode,
    source: Source,
    judge: Option<Judge>,
    /// The lock file, and which leg this is.
    lock: Option<(Leg, Shared)>,
    /// When the judge was last told that time passes.
    ticked: Nanos,
    recorder: Recorder,
    journal: Journal,
    actions: Vec<Action>,
}

impl Watch {
    fn new(home: &Path, key: [u8; 32], clock: Clock, observed: &Observed) -> Self {
        let now = wall::now();
        let full_until = observed.full_hours.map(|hours| now + i64::from(hours) * 3_600_000_000_000);
        let level =
            full_until.and_then(|until| Consent::until(until, now)).map_or(Level::Masked, Level::Full);
        let mut masker = Masker::new(key, level);
        learn_environment(&mut masker);
        learn_told(&mut masker);
        learn_headers(&mut masker, &observed.headers);
        let source = record::Source {
            name: masker.short(observed.name.as_bytes()).masked,
            server: match &observed.server {
                Server::Command(argv) => masker.argv(argv).masked,
                Server::Url(url) => masker.uri(url).masked,
            },
            transports: observed.transports,
            leg: observed.leg,
            pid: std::process::id(),
            server_pid: None,
            started: clock.wall_at_start(),
            ended: None,
            exit_status: None,
            full_until,
            lost_bytes: 0,
        };
        let mut options = Options::new(wall::now);
        if observed.leg == Leg::Client {
            options.on_trouble = Box::new(|trouble| say(&format!("{trouble}; {}", trouble.help())));
        }
        let journal = Journal::open(home, options);
        let transport = match observed.leg {
            Leg::Client => observed.transports.0,
            Leg::Server => observed.transports.1,
        };
        let mut tracked = Source::new((transport, observed.transports.1), Limits::default());
        if (observed.leg, transport) == (Leg::Client, Transport::Stdio) {
            let said = |masked: &tapgate_wire::Masked| String::from_utf8_lossy(masked.bytes()).into_owned();
            let past = before::past(home, &said(&source.name), &said(&source.server), source.started);
            if let Some(past) = past {
                tracked.recall(past);
            }
        }
        let recorder = Recorder::new(masker, source, clock.wall_at_start());
        Self {
            decode: Decode::new(transport),
            source: tracked,
            judge: observed.is_judged.then(Judge::new),
            lock: observed.lock.clone().map(|lock| (observed.leg, lock)),
            ticked: Nanos(0),
            recorder,
            journal,
            actions: Vec::new(),
        }
    }

    /// Records a batch; of what is read when it `is_late`, only that it passed.
    fn take(&mut self, batch: &mut Vec<Seen>, now: Nanos, is_late: impl Fn() -> bool) {
        if let (Some((leg, lock)), Some(judge)) = (&self.lock, &mut self.judge) {
            match leg {
                Leg::Server => judge.lock(&lock.get()),
                Leg::Client => judge.withhold(&lock.withheld()),
            }
        }
        let Self { decode, source, judge, recorder, journal, actions, .. } = self;
        let mut n_bytes = 0u64;
        for seen in batch.drain(..) {
            match &seen {
                Seen::Bytes { chunk, .. } | Seen::Stderr { chunk, .. } if is_late() => {
                    n_bytes += chunk.bytes.len() as u64;
                    continue;
                }
                _ => {}
            }
            decode.on(seen, &mut |at, input| {
                source.on(at, input, actions);
                if actions.len() >= MANY {
                    record(judge.as_mut(), recorder, journal, actions);
                }
            });
        }
        if n_bytes > 0 {
            source.on(now, Input::Lost { n_bytes }, actions);
        }
        source.on(now, Input::Tick, actions);
        record(judge.as_mut(), recorder, journal, actions);
        if let Some(judge) = judge
            && now.since(self.ticked) >= TICK
        {
            self.ticked = now;
            let mut found = Vec::new();
            judge.tick(now, &mut found);
            keep(found, &mut self.recorder, &self.journal);
        }
    }

    fn end(mut self, now: Nanos) {
        self.source.end(now, &mut self.actions);
        record(self.judge.as_mut(), &mut self.recorder, &self.journal, &mut self.actions);
        self.journal.finish(FLUSH);
    }
}

/// Judges what happened, then masks it, then keeps it.
fn record(
    mut judge: Option<&mut Judge>,
    recorder: &mut Recorder,
    journal: &Journal,
    actions: &mut Vec<Action>,
) {
    let mut judged = Vec::with_capacity(actions.len());
    for Action::Record(mut fact) in actions.drain(..) {
        let place = judged.len();
        if let Some(judge) = &mut judge {
            judge.on(&mut fact, &mut judged);
        }
        judged.insert(place, fact);
    }
    keep(judged, recorder, journal);
}

fn keep(facts: Vec<Fact>, recorder: &mut Recorder, journal: &Journal) {
    let mut records = Vec::with_capacity(facts.len() + 1);
    for fact in facts {
        recorder.record(fact, &mut records);
    }
    if !records.is_empty() {
        journal.write(records);
    }
}

/// Secrets that the server was given in its environment are known before they appear in traffic.
fn learn_environment(masker: &mut Masker) {
    for (name, value) in std::env::vars_os() {
        masker.env(name.as_encoded_bytes(), value.as_encoded_bytes());
    }
}

/// The variable in which a command of ours tells its tap what its client will send in headers: one value a line.
const TOLD: &str = "TAPGATE_SECRETS";

/// Tells a tap that is to be started the secrets of these headers, where other users cannot read them.
pub fn tell(tap: &mut Command, headers: &HeaderMap) {
    let values: Vec<&[u8]> = headers.values().map(HeaderValue::as_bytes).collect();
    tap.env(TOLD, OsStr::from_bytes(&values.join(&b'\n')));
}

/// Secrets that whoever started this tap told it are known before they appear in traffic.
fn learn_told(masker: &mut Masker) {
    let told = std::env::var_os(TOLD).unwrap_or_default();
    told.as_bytes().split(|byte| *byte == b'\n').for_each(|value| learn_value(masker, value));
}

/// Secrets that a bridge sends are known before they appear in traffic.
pub fn learn_headers(masker: &mut Masker, headers: &HeaderMap) {
    headers.values().for_each(|value| learn_value(masker, value.as_bytes()));
}

/// Learns the value of a header, with and without the scheme before it.
fn learn_value(masker: &mut Masker, value: &[u8]) {
    masker.learn(value);
    if let Some(at) = value.iter().position(|byte| *byte == b' ') {
        masker.learn(value.get(at..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use tapgate_store::Reader;
    use tapgate_wire::{Chunk, StreamId};

    use super::*;

    /// A watch over a stdio tap that writes into `home`.
    fn watch(home: &Path) -> Watch {
        let observed = Observed {
            name: "x".to_owned(),
            server: Server::Command(vec!["x".to_owned()]),
            transports: (Transport::Stdio, Transport::Stdio),
            leg: Leg::Client,
            full_hours: None,
            headers: HeaderMap::new(),
            lock: None,
            is_judged: true,
        };
        Watch::new(home, [7; 32], Clock::start(), &observed)
    }

    fn says(text: &str) -> Seen {
        let chunk = Chunk { at: Nanos(1), bytes: text.to_owned().into() };
        Seen::Bytes { stream: StreamId(0), from: Leg::Client, chunk }
    }

    #[test]
    fn a_flood_of_tiny_frames_is_recorded_in_small_steps() {
        let home = tempfile::tempdir().unwrap();
        let mut watch = watch(home.path());
        watch.take(&mut vec![says(&"\n".repeat(100_000))], Nanos(2), || false);
        assert!(watch.actions.capacity() < 4 * MANY, "{} actions waited at once", watch.actions.capacity());
        watch.end(Nanos(3));
    }

    #[test]
    fn what_is_read_too_late_counts_as_lost() {
        let home = tempfile::tempdir().unwrap();
        let mut watch = watch(home.path());
        watch.take(&mut vec![says("{}\n"), says("12345\n")], Nanos(2), || true);
        watch.end(Nanos(3));
        let sources = Reader::open(home.path()).unwrap().sources().unwrap();
        assert_eq!(sources.iter().map(|source| source.lost_bytes).collect::<Vec<_>>(), [9]);
    }
}
