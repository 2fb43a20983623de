//! The HTTP tap between clients and servers that speak real bytes over real sockets.

mod breaks;
mod bytes;
mod flow;
mod guard;
mod life;
mod secure;
mod stage;
