//! Encodings, written for the test alone: what looks for leaks must not share code with what prevents them.

/// Which base64 (RFC 4648, sections 4 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Standard,
    Url,
}

/// Whether `=` fills the last group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    Yes,
    No,
}

/// Base64.
pub(crate) fn base64(bytes: &[u8], alphabet: Alphabet, padding: Padding) -> String {
    let digits = match alphabet {
        Alphabet::Standard => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        Alphabet::Url => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    };
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let n_digits = group.len() + 1;
        out.extend((0..n_digits).map(|n| char::from(digits[(bits >> (18 - 6 * n)) as usize & 63])));
        if padding == Padding::Yes {
            out.extend((n_digits..4).map(|_| '='));
        }
    }
    out
}

/// The digits of base64 that are the same whatever stands around `bytes`, for each of the three alignments.
pub(crate) fn base64_cores(bytes: &[u8], alphabet: Alphabet) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let padded = [&b"xx"[..before], bytes].concat();
        let whole = base64(&padded, alphabet, Padding::No);
        let first = (before * 8).div_ceil(6);
        whole[first..padded.len() * 8 / 6].to_owned()
    })
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Percent-encoding of all that RFC 3986 does not call unreserved.
pub(crate) fn percent(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    bytes.iter().map(|b| if plain(*b) { char::from(*b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Percent-encoding of everything.
pub(crate) fn percent_all(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat()
}

/// JSON's `\uXXXX` for every character.
pub(crate) fn unicode(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
}

/// The CRC-32 of gzip and of tokens.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// A gzip file that stores `bytes`, which are at most 64 KiB, without compressing them (RFC 1951, section 3.2.4).
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    out.extend(crc32(bytes).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}
