//! The pages: what each shows, made of rows of the journal.

mod calls;
mod clients;
mod diff;
mod explain;
mod lock;
mod ls;
mod message;
mod rule;
mod session;
mod show;
mod stats;
mod tail;
mod waterfall;

pub use calls::calls;
pub use clients::{ClientName, client, clients, clients_differ, why};
pub use diff::{Compared, Diff, Shift, diff, shift};
pub use explain::{Explained, Keeping, explain};
pub use lock::{DriftRow, LockState, LockView, lock};
pub use ls::{SessionSummary, SourceSummary, ls};
pub use rule::{rule, rules};
pub use session::{SessionView, session, session_waterfall};
pub use show::{ExchangeView, lone, show, wire};
pub(crate) use show::{found, place};
pub use stats::Stats;
pub use tail::{Line, Tail};
pub(crate) use waterfall::again_word;

/// The sentence for a finding's code, for codes that are known: the crates that find also say what it means.
pub type Meaning<'a> = &'a dyn Fn(&str) -> Option<&'static str>;

/// The rule that a finding names, for rules that are known.
pub type Rules<'a> = &'a dyn Fn(&str) -> Option<&'static tapgate_wire::Rule>;
