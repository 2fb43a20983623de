//! A waker that can be deaf for a moment.
//!
//! A body that hands out a piece wakes whoever puts pieces in. Here that is the very task that takes them, so it
//! would run once more, for nothing, after each piece: about a tenth of what a short call costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// Wakes the session, except while [`Muffle::deafen`] runs, which counts instead.
pub(super) struct Muffle {
    session: Waker,
    deaf: AtomicBool,
    missed: AtomicBool,
}

impl Muffle {
    pub(super) fn new(session: &Waker) -> Arc<Self> {
        Arc::new(Self {
            session: session.clone(),
            deaf: AtomicBool::new(false),
            missed: AtomicBool::new(false),
        })
    }

    pub(super) fn is_around(&self, session: &Waker) -> bool {
        self.session.will_wake(session)
    }

    /// Runs `step`, hears no wake meanwhile, and says whether there was one. Only the session's own thread can wake it then, because wakes of
    /// sockets and timers are delivered between the turns of a task.
    pub(super) fn deafen<T>(&self, step: impl FnOnce() -> T) -> (T, bool) {
        self.deaf.store(true, Ordering::Relaxed);
        let done = step();
        self.deaf.store(false, Ordering::Relaxed);
        (done, self.missed.swap(false, Ordering::Relaxed))
    }

    /// Wakes the session now.
    pub(super) fn ring(&self) {
        self.session.wake_by_ref();
    }
}

impl Wake for Muffle {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.deaf.load(Ordering::Relaxed) {
            self.missed.store(true, Ordering::Relaxed);
        } else {
            self.session.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_wake_of_the_deaf_moment_is_only_counted() {
        let counted = Arc::new(Counted::default());
        let muffle = Muffle::new(&Waker::from(Arc::clone(&counted)));
        let waker = Waker::from(Arc::clone(&muffle));
        waker.wake_by_ref();
        assert_eq!(muffle.deafen(|| waker.wake_by_ref()), ((), true));
        assert_eq!(muffle.deafen(|| 7), (7, false));
        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        waker.wake();
        muffle.ring();
        assert_eq!(counted.0.load(Ordering::Relaxed), 3);
    }
}
