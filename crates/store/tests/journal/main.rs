//! The journal as its users see it: written, read, pruned, in trouble, and shared by many processes.

mod processes;
mod pruning;
mod reading;
mod support;
mod trouble;
