//! What people look at: pages over the journal's rows, drawn as text or as JSON.
//!
//! *Promises*: a page is data and every drawing shows the same data; text that a peer or a person supplied reaches
//! a terminal only as [`Plain`], which cannot steer one; a page that shows traffic of a full capture says so;
//! what is not there is explained, never a blank.
//!
//! *Must never know*: how traffic got here, files, clocks, terminals. Rows, the time and the width are arguments.
//!
//! *Start reading* at [`page`], then [`pages`], then [`draw`].

mod call;
mod capture;
pub mod check;
pub mod draw;
pub mod page;
pub mod pages;
pub mod passport;
mod plain;
mod unit;

#[cfg(test)]
mod sample;

pub use call::Call;
pub use plain::{MAX_CHARS, Plain};
