//! Puts a tap into a client's configuration file, and takes it out again.
//!
//! *Start reading* at [`plan`]: it decides everything in text, touches no file, and so do the files it uses.
//! [`mod@file`] and [`ledger`] act.
//!
//! What undoes a change is in the entry itself: what a tap's arguments end with is what stood there before. A few
//! things are lost that way, such as whether there was an empty list of arguments or none, or what the type of a URL
//! was. So `wrap` keeps a [`record`] of each entry in `wraps/` in the directory of the journal, for the owner alone,
//! without any secret. With it `unwrap` gives each entry its very bytes back as long as the entry is as `wrap` left it,
//! whatever else changed in the file; without it, or when a person or the client rewrote the entry, `unwrap` puts the
//! entry together from what it says, which means the same and may be spaced differently.

pub mod client;
pub mod diff;
mod edit;
mod entry;
pub mod file;
mod jsonc;
mod layout;
pub mod ledger;
pub mod plan;
pub mod record;
mod remote;
mod toml;
pub mod tree;

pub use edit::apply;
