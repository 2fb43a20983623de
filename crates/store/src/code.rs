//! Numbers that stand for words in the journal; they are a public format, so a number never changes its word.

use tapgate_wire::Leg;
use tapgate_wire::fault::Severity;
use tapgate_wire::record::{Again, Body, Era, Hand, Offered, Piece, Status, Transport};
use tapgate_wire::rule::Side;

/// A word that the journal keeps as a number.
pub(crate) trait Coded: Sized {
    /// The number that stands for it.
    fn code(self) -> i64;
    /// The word that a number stands for; a number that means nothing reads as the least telling word.
    fn from_code(code: i64) -> Self;
}

macro_rules! codes {
    ($($name:ident { $($word:ident = $code:literal,)* } else $other:ident;)*) => {$(
        impl Coded for $name {
            fn code(self) -> i64 {
                match self {
                    $(Self::$word => $code,)*
                }
            }

            fn from_code(code: i64) -> Self {
                match code {
                    $($code => Self::$word,)*
                    _ => Self::$other,
                }
            }
        }
    )*};
}

codes! {
    Leg { Client = 0, Server = 1, } else Server;
    Transport { Stdio = 0, Http = 1, Sse = 2, } else Stdio;
    Era { Legacy = 0, Modern = 1, } else Legacy;
    Status {
        Pending = 0, Ok = 1, ToolError = 2, Error = 3, Cancelled = 4, Unanswered = 5, Unknown = 6,
    } else Unknown;
    Piece {
        Request = 0, Notification = 1, Result = 2, Error = 3, Batch = 4, Other = 5, Stderr = 6, Http = 7,
        Note = 8,
    } else Other;
    Hand { Client = 0, Tapgate = 1, Wire = 2, Server = 3, Person = 4, Injected = 5, } else Server;
    Again {
        Transport = 0, Application = 1, Resume = 2, Session = 3, Login = 4, Throttle = 5, Restart = 6,
    } else Application;
    Body { Masked = 0, Summary = 1, Full = 2, } else Masked;
    Side { Client = 0, Server = 1, Network = 2, Tapgate = 3, Unknown = 4, } else Unknown;
    Severity { Note = 0, Warning = 1, Error = 2, } else Note;
    Offered { Server = 0, Tools = 1, Prompts = 2, Resources = 3, Templates = 4, } else Server;
}
