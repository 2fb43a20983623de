//! The pages: what each shows, made of rows of the journal.

mod calls;
mod explain;
mod ls;
mod message;
mod session;
mod show;
mod stats;
mod tail;

pub use calls::calls;
pub use explain::{Explained, Keeping, explain};
pub use ls::{SessionSummary, SourceSummary, ls};
pub use session::{SessionView, session};
pub use show::{ExchangeView, show, wire};
pub use stats::stats;
pub use tail::{Line, Tail};
