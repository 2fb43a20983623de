//! What tests are made of: transcripts, scripted peers, seeded chance.
//!
//! *Promises*: the same text and the same seed give the same test, everywhere.
//!
//! *Must never know*: the crates that it tests, besides `wire`; a test hands it what to run.
//!
//! *Start reading* at [`transcript`].

pub mod chance;
pub mod peer;
pub mod script;
pub mod transcript;

pub use chance::Chance;
pub use script::{Script, Step};
pub use transcript::check;
