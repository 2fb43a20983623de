//! How much a peer may still say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may still come from a peer, shared by everybody who counts them.
#[derive(Clone, Debug)]
pub struct Allowance(Arc<AtomicU64>);

impl Allowance {
    /// An allowance of so many bytes.
    pub fn new(n_bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(n_bytes)))
    }

    /// An allowance that nobody spends.
    pub fn endless() -> Self {
        Self::new(u64::MAX)
    }

    /// Counts bytes that came; says whether that many were still allowed. What was not allowed spends the rest.
    pub fn take(&self, n_bytes: u64) -> bool {
        let spend = |left: u64| Some(left.saturating_sub(n_bytes));
        let left =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).unwrap_or_else(|left| left);
        left >= n_bytes && left > 0
    }

    /// The bytes that may still come.
    pub fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_spends_the_rest() {
        let allowance = Allowance::new(10);
        assert!(allowance.take(10));
        assert_eq!((allowance.take(1), allowance.left()), (false, 0));
        let allowance = Allowance::new(10);
        assert_eq!((allowance.take(11), allowance.left()), (false, 0));
    }
}
