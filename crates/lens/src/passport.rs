//! What a client really does: gathered from recordings, never from what it says about itself.

mod stay;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use tapgate_store::{ExchangeRow, MessageRow, SessionRow};
use tapgate_wire::record::UnixNanos;

/// Values of one habit that are told; further ones are only counted as occasions.
const MAX_VALUES: usize = 24;

/// A session as a passport reads it.
#[derive(Debug)]
pub struct Stay<'a> {
    /// The session.
    pub row: &'a SessionRow,
    /// Its exchanges in order.
    pub exchanges: &'a [ExchangeRow],
    /// Its messages in order.
    pub messages: &'a [MessageRow],
    /// Tools that its server offered in any session, also to others.
    pub offered: &'a BTreeSet<String>,
    /// Now: what is known of clients grows old.
    pub now: UnixNanos,
}

/// What a client of one name and version does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passport {
    /// Sessions that it is made of.
    pub n_sessions: u64,
    /// Calls in them.
    pub n_calls: u64,
    /// What was seen of each habit, in the order of the page.
    habits: BTreeMap<Habit, Seen>,
}

/// What was seen of a habit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Occasions at which it could show.
    pub of: u64,
    /// What was done, and at how many of them.
    pub values: BTreeMap<String, u64>,
}

impl Seen {
    /// A value with its share: nothing where it is always so, `×3` where how often says more.
    fn told(&self, habit: Habit, value: &str, unit: &str) -> String {
        let (n, of) = (self.values.get(value).copied().unwrap_or_default(), self.of);
        match habit {
            Habit::Calls | Habit::Answers | Habit::Patience => format!("{value} ×{n}"),
            _ if habit.unit().is_empty() || n >= of => value.to_owned(),
            _ => format!("{value} in {n} of {of} {unit}").trim_end().to_owned(),
        }
    }

    /// Whether it is so never, sometimes or always.
    fn level(&self, habit: Habit, value: &str) -> u8 {
        match self.values.get(value).copied().unwrap_or_default() {
            0 => 0,
            n if n >= self.of && !matches!(habit, Habit::Calls | Habit::Answers | Habit::Patience) => 2,
            _ => 1,
        }
    }
}

/// That a habit never showed.
fn never(habit: Habit, of: u64) -> String {
    match habit {
        Habit::Retries => format!("repeats nothing, in {of} {}", habit.unit()),
        Habit::Gone => format!("begins no other, in {of} {}", habit.unit()),
        _ => format!("0 of {of} {}", habit.unit()),
    }
}

macro_rules! habits {
    ($($habit:ident = $key:literal, $title:literal, $unit:literal;)*) => {
        /// Something that clients do differently.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Habit {
            $(#[doc = $title] $habit,)*
        }

        impl Habit {
            /// Every habit, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$habit),*];

            /// Its name in JSON.
            pub fn key(self) -> &'static str {
                match self { $(Self::$habit => $key,)* }
            }

            /// Its name for people.
            pub fn title(self) -> &'static str {
                match self { $(Self::$habit => $title,)* }
            }

            /// What its occasions are, in the plural; empty where a share of them says nothing.
            pub fn unit(self) -> &'static str {
                match self { $(Self::$habit => $unit,)* }
            }
        }
    };
}

habits! {
    Era = "era", "era", "sessions";
    Transport = "transport", "transport", "sessions";
    Offered = "offered", "offers revision", "sessions";
    Agreed = "revision", "ends up with", "sessions";
    Capabilities = "capabilities", "declares", "sessions";
    Extensions = "extensions", "extensions", "sessions";
    Headers = "headers", "sends headers", "requests";
    UserAgent = "user_agent", "user agent", "requests";
    Ids = "ids", "request ids are", "requests";
    Meta = "meta", "_meta of requests", "requests";
    Begins = "begins", "asks first", "sessions";
    Lists = "lists", "fetches lists", "sessions";
    Pages = "pages", "of long lists", "lists";
    Relists = "relists", "after a change", "changes";
    Progress = "progress", "progress of calls", "calls";
    Cancels = "cancels", "cancels", "requests";
    Patience = "patience", "gives up after", "cancelled requests";
    Answers = "answers", "answers the server", "questions";
    Retries = "retries", "after a failure", "failures";
    Unauthorized = "unauthorized", "after 401 or 403", "refusals";
    Gone = "gone", "after 404", "lost sessions";
    Throttled = "throttled", "after 429 or 503", "refusals";
    Ends = "ends", "ends by", "sessions";
    Calls = "tools", "calls tools", "calls";
    Idle = "never_calls", "never calls", "";
    Unchosen = "not_chosen", "knows, never calls", "";
    Unread = "not_read", "never read of", "";
    Stale = "not_refetched", "missed the change to", "";
    Refused = "refused", "cannot take", "";
}

/// The habits that say why a tool is never called.
pub const WHY_IDLE: &[(Habit, &str)] = &[
    (Habit::Unchosen, "it was listed to it, and simply not chosen"),
    (Habit::Unread, "it stands on a page of the list that the client never fetched"),
    (Habit::Stale, "it came after the client read the list, and the client did not read that again"),
    (Habit::Refused, "clients of this name are known to leave such a tool out"),
];

impl Passport {
    /// What was done at occasions of a habit.
    pub fn of(&self, habit: Habit) -> impl Iterator<Item = &str> {
        self.seen(habit).into_iter().flat_map(|seen| seen.values.keys()).map(String::as_str)
    }

    /// What was seen of a habit, if it could show at all.
    pub fn seen(&self, habit: Habit) -> Option<&Seen> {
        self.habits.get(&habit).filter(|seen| seen.of > 0)
    }

    /// What was done at occasions of a habit, with shares: `asks for it in 3 of 42 calls`.
    pub fn told(&self, habit: Habit) -> Vec<String> {
        let Some(seen) = self.seen(habit) else { return Vec::new() };
        let is_rare = matches!(habit, Habit::Progress | Habit::Cancels | Habit::Retries | Habit::Gone);
        if seen.values.is_empty() && is_rare {
            return vec![never(habit, seen.of)];
        }
        // The unit once is enough.
        let mut unit = habit.unit();
        let told = seen.values.keys().map(|value| {
            let told = seen.told(habit, value, unit);
            if told != *value {
                unit = "";
            }
            told
        });
        told.collect()
    }

    /// Where this one and another do a habit differently: what each does, with shares. Not where one does sometimes what
    /// the other does sometimes, and not where one of them had no occasion.
    pub fn differs(&self, other: &Self, habit: Habit) -> Option<(Vec<String>, Vec<String>)> {
        let (own, others) = (self.seen(habit)?, other.seen(habit)?);
        let values: BTreeSet<&String> = own.values.keys().chain(others.values.keys()).collect();
        let differ = values.into_iter().filter(|value| own.level(habit, value) != others.level(habit, value));
        let differ: Vec<&String> = differ.collect();
        let told = |seen: &Seen| {
            let shown = |value: &&&String| seen.values.contains_key(**value);
            let told = |value: &&String| seen.told(habit, value, habit.unit());
            let told: Vec<String> = differ.iter().filter(shown).map(told).collect();
            let none = || vec![never(habit, seen.of)];
            if told.is_empty() && !habit.unit().is_empty() { none() } else { told }
        };
        (!differ.is_empty()).then(|| (told(own), told(others)))
    }

    /// Why a tool is never called, or how often it is; `None` when the client's servers never offered it, as far as is known.
    pub fn why(&self, tool: &str) -> Option<String> {
        if let Some(n) = self.seen(Habit::Calls).and_then(|calls| calls.values.get(tool)) {
            return Some(format!("it was called {n} {}", if *n == 1 { "time" } else { "times" }));
        }
        let (_, why) = WHY_IDLE.iter().find(|(habit, _)| self.of(*habit).any(|name| name == tool))?;
        Some((*why).to_owned())
    }

    /// The passport for others, as JSON: without what tells which servers are used, the names of their tools.
    pub fn to_json(&self, client: &str, version: &str) -> Json {
        let is_own = |habit: &Habit| !habit.unit().is_empty() && *habit != Habit::Calls;
        let habits = Habit::ALL.iter().filter(|habit| is_own(habit)).filter_map(|habit| {
            let seen = self.seen(*habit)?;
            let habit_json = json!({ "of": seen.of, "unit": habit.unit(), "values": seen.values });
            Some((habit.key().to_owned(), habit_json))
        });
        json!({
            "v": 1,
            "kind": "passport",
            "client": client,
            "version": version,
            "sessions": self.n_sessions,
            "calls": self.n_calls,
            "habits": habits.collect::<serde_json::Map<_, _>>(),
        })
    }

    /// Reads what [`Passport::to_json`] wrote: name, version and passport; `None` when it is none.
    pub fn from_json(json: &Json) -> Option<((String, String), Self)> {
        json.get("kind").filter(|kind| *kind == "passport")?;
        let text = |name: &str| Some(json.get(name)?.as_str()?.to_owned());
        let count = |name: &str| json.get(name)?.as_u64();
        let mut passport =
            Self { n_sessions: count("sessions")?, n_calls: count("calls")?, habits: BTreeMap::new() };
        for habit in Habit::ALL {
            let Some(seen) = json.get("habits")?.get(habit.key()) else { continue };
            let values = seen.get("values")?.as_object()?.iter().take(MAX_VALUES);
            let values = values.map(|(value, n)| Some((value.clone(), n.as_u64()?)));
            let values = values.collect::<Option<BTreeMap<_, _>>>()?;
            passport.habits.insert(*habit, Seen { of: seen.get("of")?.as_u64()?, values });
        }
        Some(((text("client")?, text("version")?), passport))
    }
}

#[cfg(test)]
mod tests;
