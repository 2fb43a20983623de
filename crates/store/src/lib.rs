//! What survives a restart: the journal of masked traffic, in one SQLite file that many processes share.
//!
//! *Promises*: writing never waits and never fails the caller; what could not be kept is counted and the
//! count is kept; a kill at any moment loses the last unflushed batch and nothing else; what is deleted
//! is gone from the files; the files are for their owner alone.
//!
//! *Must never know*: what a session means, who may do what, how a page looks. It takes
//! [`Masked`](tapgate_wire::Masked) bytes and nothing else.
//!
//! *Start reading* at [`Journal`] (one per recording process), then [`Reader`] (one per viewer), then
//! [`prune()`]. The tables are in `schema/v1.sql`.

mod code;
mod home;
mod id;
mod journal;
mod pack;
mod prune;
mod reader;
mod row;
mod schema;
mod trouble;

pub use home::{HomeVars, home_from};
pub use id::{ExchangeId, MessageId, ParseIdError, SessionId, SourceId};
pub use journal::{Finished, Journal, Lost, Options};
pub use prune::{Prune, Pruned, Retention, Scope, prune};
pub use reader::{Health, Query, Reader, Totals, trouble_noted};
pub use row::{ExchangeRow, FindingRow, MessageRow, SessionRow, SourceRow, SurfaceRow};
pub use trouble::Trouble;
