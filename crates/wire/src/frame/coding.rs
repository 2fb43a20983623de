//! Content codings of bodies that are watched: gzip, deflate, br (RFC 9110, section 8.4.1; RFC 7932).
//!
//! The bytes that pass keep their coding; only the copy that is framed is decoded, in pieces as they
//! come, and no further than its [`Limits`], so that a small body cannot become a large one.

use std::io::{self, Write};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::fault::{Fault, FaultKind};

/// How far a body is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the decoded body.
    pub size: u64,
    /// Decoded bytes for each coded one; the first [`Limits::FREE`] bytes do not count.
    pub ratio: u64,
}

impl Limits {
    /// Decoded bytes that no ratio forbids, because a short text may repeat itself a lot.
    pub const FREE: u64 = 1024 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self { size: 256 * 1024 * 1024, ratio: 200 }
    }
}

/// Decodes one body in pieces.
pub struct Decoder {
    coding: Coding,
    limits: Limits,
    n_in: u64,
    n_out: u64,
    /// What ended the decoding.
    broken: Option<Fault>,
}

enum Coding {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// `deflate` before its second byte, which tells zlib from the raw form that some servers send.
    Deflate(Vec<u8>),
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    Raw(Box<DeflateDecoder<Vec<u8>>>),
    Brotli(Box<Brotli>),
}

struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    out: Vec<u8>,
    is_done: bool,
}

/// Coded bytes that are decoded in one go; deflate makes at most 1,032 times as many of them.
const STRIDE: usize = 1024;

/// Bytes that brotli decodes in one go.
const PIECE: usize = 16 * 1024;

impl Decoder {
    /// The decoder for a value of `Content-Encoding`; `None` when the body is not coded.
    ///
    /// # Errors
    ///
    /// [`FaultKind::UnknownCoding`] for any other coding and for several on top of each other.
    pub fn new(content_encoding: &[u8], limits: Limits) -> Result<Option<Self>, Fault> {
        let mut names = content_encoding
            .split(|byte| *byte == b',')
            .map(|name| name.trim_ascii().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != b"identity");
        let Some(name) = names.next() else {
            return Ok(None);
        };
        let coding = match &*name {
            b"gzip" | b"x-gzip" => Coding::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            b"deflate" => Coding::Deflate(Vec::new()),
            b"br" => Coding::Brotli(Box::new(Brotli::new())),
            _ => return Err(UNKNOWN),
        };
        if names.next().is_some() {
            return Err(UNKNOWN);
        }
        Ok(Some(Self { coding, limits, n_in: 0, n_out: 0, broken: None }))
    }

    /// Decodes the next piece and tells what it decodes to.
    ///
    /// # Errors
    ///
    /// [`FaultKind::BrokenCoding`] or [`FaultKind::CodingTooLarge`] at the offset of the coded byte
    /// around which it happened; every later call repeats it. What was told before stands.
    pub fn push(&mut self, piece: &[u8], sink: &mut impl FnMut(Bytes)) -> Result<(), Fault> {
        for stride in piece.chunks(STRIDE) {
            if let Some(fault) = self.broken {
                return Err(fault);
            }
            self.n_in += stride.len() as u64;
            let allowed = self.limits.size.min(Limits::FREE.max(self.n_in.saturating_mul(self.limits.ratio)));
            let mut told = Told { n_out: &mut self.n_out, allowed, sink };
            if let Err(kind) = self.coding.push(stride, &mut |bytes| told.tell(bytes)) {
                self.broken = Some(Fault { kind, at: self.n_in });
            }
        }
        self.broken.map_or(Ok(()), Err)
    }

    /// Says that the body ends here.
    ///
    /// # Errors
    ///
    /// What [`Decoder::push`] gave, or [`FaultKind::CutShort`] when the coded data is not complete.
    pub fn finish(self, sink: &mut impl FnMut(Bytes)) -> Result<(), Fault> {
        if let Some(fault) = self.broken {
            return Err(fault);
        }
        let (mut n_out, allowed) = (self.n_out, self.limits.size);
        let mut told = Told { n_out: &mut n_out, allowed, sink };
        let fault = |kind| Fault { kind, at: self.n_in };
        self.coding.finish(&mut |bytes| told.tell(bytes)).map_err(fault)
    }
}

const UNKNOWN: Fault = Fault { kind: FaultKind::UnknownCoding, at: 0 };

/// Counts what is told and stops where it is too much.
struct Told<'a, F> {
    n_out: &'a mut u64,
    allowed: u64,
    sink: &'a mut F,
}

impl<F: FnMut(Bytes)> Told<'_, F> {
    fn tell(&mut self, bytes: Bytes) -> Result<(), FaultKind> {
        *self.n_out += bytes.len() as u64;
        if *self.n_out > self.allowed {
            return Err(FaultKind::CodingTooLarge);
        }
        if !bytes.is_empty() {
            (self.sink)(bytes);
        }
        Ok(())
    }
}

type Tell<'a> = &'a mut dyn FnMut(Bytes) -> Result<(), FaultKind>;

impl Coding {
    fn push(&mut self, stride: &[u8], tell: Tell<'_>) -> Result<(), FaultKind> {
        match self {
            Self::Gzip(decoder) => {
                feed(decoder.as_mut(), stride).map_err(|_| FaultKind::BrokenCoding)?;
                tell(std::mem::take(decoder.get_mut()).into())
            }
            Self::Zlib(decoder) => {
                feed(decoder.as_mut(), stride).map_err(|_| FaultKind::BrokenCoding)?;
                tell(std::mem::take(decoder.get_mut()).into())
            }
            Self::Raw(decoder) => {
                feed(decoder.as_mut(), stride).map_err(|_| FaultKind::BrokenCoding)?;
                tell(std::mem::take(decoder.get_mut()).into())
            }
            Self::Brotli(brotli) => brotli.push(stride, tell),
            Self::Deflate(start) => {
                start.extend_from_slice(stride);
                let &[first, second, ..] = start.as_slice() else {
                    return Ok(());
                };
                let start = std::mem::take(start);
                // RFC 1950, section 2.2: method 8, and a header that is a multiple of 31.
                let is_zlib = first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31);
                *self = if is_zlib {
                    Self::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
                } else {
                    Self::Raw(Box::new(DeflateDecoder::new(Vec::new())))
                };
                self.push(&start, tell)
            }
        }
    }

    fn finish(self, tell: Tell<'_>) -> Result<(), FaultKind> {
        let rest = match self {
            Self::Gzip(decoder) => decoder.finish(),
            Self::Zlib(decoder) => decoder.finish(),
            Self::Raw(decoder) => decoder.finish(),
            Self::Deflate(start) if start.is_empty() => Ok(Vec::new()),
            Self::Brotli(brotli) if brotli.is_done => Ok(Vec::new()),
            Self::Deflate(_) | Self::Brotli(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        tell(rest.map_err(|_| FaultKind::CutShort)?.into())
    }
}

/// Writes until all is taken or the decoder wants no more: bytes behind the end are ignored.
fn feed(decoder: &mut impl Write, mut stride: &[u8]) -> io::Result<()> {
    while !stride.is_empty() {
        let n = decoder.write(stride)?;
        if n == 0 {
            break;
        }
        stride = stride.get(n..).unwrap_or_default();
    }
    decoder.flush()
}

impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        // RFC 7932 windows only: the larger ones of an extension are an easy way to ask for memory.
        let state = BrotliState::new_strict(alloc(), alloc(), alloc());
        Self { state, out: vec![0; PIECE], is_done: false }
    }

    fn push(&mut self, stride: &[u8], tell: Tell<'_>) -> Result<(), FaultKind> {
        let (mut n_left, mut at) = (stride.len(), 0);
        while !self.is_done {
            let (mut room, mut n_out, mut total) = (self.out.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut n_left,
                &mut at,
                stride,
                &mut room,
                &mut n_out,
                &mut self.out,
                &mut total,
                &mut self.state,
            );
            tell(Bytes::copy_from_slice(self.out.get(..n_out).unwrap_or_default()))?;
            match result {
                BrotliResult::ResultSuccess => self.is_done = true,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => break,
                BrotliResult::ResultFailure => return Err(FaultKind::BrokenCoding),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
