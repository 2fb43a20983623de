//! How a server's process ended, and how to end alike.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{self, ExitStatus};

use rustix::process::{Resource, Rlimit, setrlimit};

/// How the server's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status, 0 to 255.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// Says it in one number as shells do: the exit status, or 128 + signal.
    pub fn status(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }

    /// Ends this process in the same way, so that its parent cannot tell it from the server.
    ///
    /// Nothing runs after this, so flush what must be kept before.
    pub fn imitate(self) -> ! {
        if let Self::Signal(signal) = self {
            // The server's core dump is worth having, ours is not.
            let nothing = Rlimit { current: Some(0), maximum: Some(0) };
            let _ = setrlimit(Resource::Core, nothing);
            // Returns when a signal's default is not to end the process; the number must do then.
            drop(signal_hook::low_level::emulate_default_handler(signal));
        }
        process::exit(self.status())
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            // A status that is waited for without asking for stops is one of the two above.
            (None, None) => Self::Code(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_reads_as_shells_read_it() {
        for (raw, exit, status) in [
            (0, Exit::Code(0), 0),
            (42 << 8, Exit::Code(42), 42),
            (255 << 8, Exit::Code(255), 255),
            (9, Exit::Signal(9), 137),
            (15, Exit::Signal(15), 143),
            // A core dump sets another bit.
            (0x80 | 0x0b, Exit::Signal(11), 139),
        ] {
            assert_eq!(Exit::from(ExitStatus::from_raw(raw)), exit);
            assert_eq!(exit.status(), status);
        }
    }
}
