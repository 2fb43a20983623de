//! Small numbers and texts packed into one blob: fewer columns to write, fewer to read.
//!
//! A reader that runs past the end gets zeros and nothings, so a newer layout may append and a
//! damaged blob never stops a reader.

/// Packs values one after the other.
#[derive(Debug, Default)]
pub(crate) struct Pack(Vec<u8>);

impl Pack {
    /// Forgets what was packed and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What was packed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Packs a number in 1 to 10 bytes, 7 bits in each, lowest first.
    pub(crate) fn put(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Packs a number that may be negative: the sign goes to the lowest bit.
    pub(crate) fn put_signed(&mut self, number: i64) {
        self.put(((number << 1) ^ (number >> 63)) as u64);
    }

    /// Packs a number or nothing.
    pub(crate) fn put_option(&mut self, number: Option<i64>) {
        match number {
            None => self.0.push(0),
            Some(number) => {
                self.0.push(1);
                self.put_signed(number);
            }
        }
    }

    /// Packs bytes after their length.
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        self.put(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Packs bytes or nothing.
    pub(crate) fn put_option_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.0.push(0),
            Some(bytes) => {
                self.put(bytes.len() as u64 + 1);
                self.0.extend_from_slice(bytes);
            }
        }
    }
}

/// Takes out again what [`Pack`] packed, in the same order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unpack<'a>(pub(crate) &'a [u8]);

impl<'a> Unpack<'a> {
    /// The next number.
    pub(crate) fn take(&mut self) -> u64 {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let Some((byte, rest)) = self.0.split_first() else {
                return 0;
            };
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    /// The next number that may be negative.
    pub(crate) fn take_signed(&mut self) -> i64 {
        let number = self.take();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    /// The next number or nothing.
    pub(crate) fn take_option(&mut self) -> Option<i64> {
        (self.take() != 0).then(|| self.take_signed())
    }

    /// The next bytes.
    pub(crate) fn take_bytes(&mut self) -> &'a [u8] {
        let length = self.take();
        self.cut(length)
    }

    /// The next bytes or nothing.
    pub(crate) fn take_option_bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.take().checked_sub(1)?;
        Some(self.cut(length))
    }

    /// How many entries a list has; never more than bytes are left, so a damaged number costs no memory.
    pub(crate) fn take_length(&mut self) -> usize {
        let length = self.take();
        usize::try_from(length).unwrap_or(usize::MAX).min(self.0.len())
    }

    fn cut(&mut self, length: u64) -> &'a [u8] {
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_taken_out(
            numbers in prop::collection::vec(any::<(u64, i64, Option<i64>)>(), 0..20),
            texts in prop::collection::vec(any::<(Vec<u8>, Option<Vec<u8>>)>(), 0..5),
        ) {
            let mut pack = Pack::default();
            for (number, signed, option) in &numbers {
                pack.put(*number);
                pack.put_signed(*signed);
                pack.put_option(*option);
            }
            for (bytes, option) in &texts {
                pack.put_bytes(bytes);
                pack.put_option_bytes(option.as_deref());
            }
            let mut unpack = Unpack(pack.bytes());
            for (number, signed, option) in &numbers {
                prop_assert_eq!(unpack.take(), *number);
                prop_assert_eq!(unpack.take_signed(), *signed);
                prop_assert_eq!(unpack.take_option(), *option);
            }
            for (bytes, option) in &texts {
                prop_assert_eq!(unpack.take_bytes(), bytes);
                prop_assert_eq!(unpack.take_option_bytes(), option.as_deref());
            }
            prop_assert!(unpack.0.is_empty());
        }

        #[test]
        fn a_damaged_blob_gives_something_and_costs_no_memory(bytes in any::<Vec<u8>>()) {
            let mut unpack = Unpack(&bytes);
            while !unpack.0.is_empty() {
                let left = unpack.0.len();
                prop_assert!(unpack.take_length() <= left);
                prop_assert!(unpack.take_option_bytes().is_none_or(|taken| taken.len() <= left));
                unpack.take_option();
                unpack.take_signed();
            }
        }
    }
}
