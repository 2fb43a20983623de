use std::io::Write as _;

use super::*;

const TEXT: &[u8] = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

/// What an independent implementation (zlib and brotli in Node 20) makes of `TEXT`.
const CODED: &[(&str, &str)] = &[
    (
        "gzip",
        "1f8b0800000000000003ab56ca2acecf2b2a4856b25232d23350d251ca4c51b232d4512a4a2d2ecd2951b2aaaead05006cbd59c024000000",
    ),
    (
        "X-GZIP",
        "1f8b0800000000000003ab56ca2acecf2b2a4856b25232d23350d251ca4c51b232d4512a4a2d2ecd2951b2aaaead05006cbd59c024000000",
    ),
    ("deflate", "789cab56ca2acecf2b2a4856b25232d23350d251ca4c51b232d4512a4a2d2ecd2951b2aaaead0500ca4c0b33"),
    ("identity, deflate", "ab56ca2acecf2b2a4856b25232d23350d251ca4c51b232d4512a4a2d2ecd2951b2aaaead0500"),
    ("br", "8b11807b226a736f6e727063223a22322e30222c226964223a312c22726573756c74223a7b7d7d03"),
];

/// Four mebibytes of one letter, as brotli writes them.
const BROTLI_BOMB: &str = "9bffff3ff825c2e2b14020f7fe07";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |n: usize| u8::from_str_radix(&hex[n..n + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// What the coded bytes decode to in pieces of a size, and how it ended.
fn decoded(coding: &str, coded: &[u8], size: usize, limits: Limits) -> (Vec<u8>, Result<(), FaultKind>) {
    let mut out = Vec::new();
    let mut sink = |bytes: Bytes| out.extend_from_slice(&bytes);
    let mut decoder = Decoder::new(coding.as_bytes(), limits).unwrap().unwrap();
    let pushed = coded.chunks(size).try_for_each(|piece| decoder.push(piece, &mut sink));
    let result = pushed.and_then(|()| decoder.finish(&mut sink)).map_err(|fault| fault.kind);
    (out, result)
}

#[test]
fn every_coding_decodes_however_it_is_cut() {
    for (coding, hex) in CODED {
        let coded = bytes(hex);
        for size in 1..=coded.len() {
            assert_eq!(
                decoded(coding, &coded, size, Limits::default()),
                (TEXT.to_vec(), Ok(())),
                "{coding} {size}"
            );
        }
    }
}

#[test]
fn a_flushed_event_is_told_before_the_stream_ends() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"data: {}\n\n").unwrap();
    encoder.flush().unwrap();
    let mut out = Vec::new();
    let mut decoder = Decoder::new(b"gzip", Limits::default()).unwrap().unwrap();
    decoder.push(encoder.get_ref(), &mut |bytes| out.extend_from_slice(&bytes)).unwrap();
    assert_eq!(out, b"data: {}\n\n");
}

#[test]
fn what_is_cut_or_broken_says_so_and_keeps_what_was_read() {
    for (coding, hex) in CODED {
        let coded = bytes(hex);
        let (_, result) = decoded(coding, &coded[..coded.len() - 9], 7, Limits::default());
        assert_eq!(result, Err(FaultKind::CutShort), "{coding}");
    }
    let broken: &[(&str, &[u8])] = &[
        ("gzip", b"not compressed at all"),
        ("deflate", b"\x78\x9c\xff\xff\xff\xff\xff\xff"),
        ("br", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ];
    for (coding, coded) in broken {
        let (out, result) = decoded(coding, coded, 4, Limits::default());
        assert_eq!((out, result), (Vec::new(), Err(FaultKind::BrokenCoding)), "{coding}");
    }
}

#[test]
fn a_small_body_cannot_become_a_large_one() {
    let bomb = bytes(BROTLI_BOMB);
    let (out, result) = decoded("br", &bomb, 100, Limits::default());
    assert_eq!(result, Err(FaultKind::CodingTooLarge));
    assert!(out.len() as u64 <= Limits::FREE, "{}", out.len());
    let wide = Limits { ratio: u64::MAX, ..Limits::default() };
    assert_eq!(decoded("br", &bomb, 100, wide), (vec![b'a'; 4 << 20], Ok(())));

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 8 << 20]).unwrap();
    let gzip = encoder.finish().unwrap();
    assert_eq!(decoded("gzip", &gzip, 100, Limits::default()).1, Err(FaultKind::CodingTooLarge));
    let small = Limits { size: 1000, ratio: u64::MAX };
    assert_eq!(decoded("gzip", &gzip, 100, small), (Vec::new(), Err(FaultKind::CodingTooLarge)));
}

#[test]
fn only_one_known_coding_is_read() {
    for value in ["", "identity", " , identity"] {
        assert!(Decoder::new(value.as_bytes(), Limits::default()).unwrap().is_none(), "{value}");
    }
    for value in ["zstd", "gzip, br", "\u{fffd}"] {
        assert_eq!(Decoder::new(value.as_bytes(), Limits::default()).err(), Some(UNKNOWN), "{value}");
    }
}
