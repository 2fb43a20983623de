//! What `check` says on purpose although it is wrong, so that a server can show that it refuses it.
//!
//! Each is something that nobody else says, so whoever answers it as if it were right has not looked.

/// A page that cannot exist: RFC 2606, section 2, keeps `.invalid` for names of nothing.
pub const ORIGIN: &str = "https://tapgate.invalid";

/// A session that no server has begun.
pub const SESSION: &str = "tapgate-no-such-session";

/// A revision that is older than the first.
pub const REVISION: &str = "1900-01-01";

/// A method that no revision has.
pub const METHOD: &str = "tapgate/no-such-method";

/// A notification that no revision has.
pub const NOTIFICATION: &str = "notifications/tapgate/no-such-notification";
