//! Sets of bytes that tokens are made of.

/// A set of ASCII bytes, and whether drawing from it needs every member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alphabet([bool; 256]);

impl Alphabet {
    /// Whether `byte` is in the set.
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// The set with this name in `rules.toml`.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, set)| set)
    }

    const fn of(members: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut i = 0;
        while i < members.len() {
            #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
            {
                set[members[i] as usize] = true;
            }
            i += 1;
        }
        Self(set)
    }
}

/// Letters, digits, `-`, `_`, `+` and `/`: what both base64 alphabets and hexadecimal text are written in.
pub(super) static ENCODED: Alphabet =
    Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_+/");

/// Letters and digits.
pub(super) static BASE62: Alphabet =
    Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/// What JWTs are written in.
pub(super) static URL: Alphabet =
    Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_");

/// What follows an authentication scheme (RFC 9110, section 11.2, `token68`).
pub(super) static TOKEN: Alphabet =
    Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_+/=.~");

static NAMED: &[(&str, Alphabet)] = &[
    ("digit", Alphabet::of(b"0123456789")),
    ("hex", Alphabet::of(b"0123456789abcdef")),
    ("anyhex", Alphabet::of(b"0123456789abcdefABCDEF")),
    ("base32", Alphabet::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
    ("lower", Alphabet::of(b"abcdefghijklmnopqrstuvwxyz")),
    ("lowernum", Alphabet::of(b"0123456789abcdefghijklmnopqrstuvwxyz")),
    ("upper", Alphabet::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
    ("uppernum", Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
    ("base62", BASE62),
    ("word", Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")),
    ("dash", Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-")),
    ("url", URL),
    ("dotted", Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.")),
    ("base64", Alphabet::of(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/=")),
    ("token", TOKEN),
];
