//! The pure changes that a message needs when it crosses from one era or revision to another.

pub mod draft;
pub mod fall;
pub mod payload;
pub mod rise;
pub mod tasks;

pub use self::draft::Draft;
