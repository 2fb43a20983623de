//! One expression language over one object: CEL over the *exchange*.
//!
//! *Promises*: what is searched for is what can be enforced, because filters, policies, alerts and routes share
//! this one evaluator; an expression is checked once, when it is read, and a misspelt field or word is an error
//! with the nearest name, never an empty result; evaluation asks only for the fields that the expression names,
//! ends within [`MAX_STEPS`], and never panics.
//!
//! *Must never know*: where the exchange came from (a journal's row or a live call), I/O, clocks, async.
//!
//! The language is the standard's, without what an exchange has no use for: no byte strings, no unsigned numbers,
//! no map or message literals. Patterns of `matches` are literals, so that they are compiled once.
//!
//! *Start reading* at [`Filter`], then [`field`], then `parse`, `check` and `eval`.

mod ast;
mod check;
mod eval;
mod fault;
pub mod field;
mod filter;
mod lex;
mod near;
mod parse;
mod print;
mod short;
mod time;
mod value;

pub use eval::{Failure, MAX_STEPS};
pub use fault::Mistake;
pub use field::{FIELDS, Field, Fields};
pub use filter::{Filter, MAX_TEXT};
pub use near::nearest;
pub use time::duration;
pub use value::Value;
