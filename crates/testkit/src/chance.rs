//! Chance that can be repeated.

/// A source of numbers that look random and depend on the seed alone (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % (end.max(1) as u64)) as usize
    }

    /// One of many, which stays where it is; the type's default if there is none.
    pub fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    /// Takes one thing out of many, `None` if there is none.
    pub fn take<T>(&mut self, from: &mut Vec<T>) -> Option<T> {
        let place = self.below(from.len());
        (place < from.len()).then(|| from.swap_remove(place))
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_seed_gives_others() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            (0..8).map(|_| chance.number()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn everything_is_taken_once() {
        let mut chance = Chance::new(3);
        let mut from: Vec<u32> = (0..10).collect();
        let mut taken: Vec<u32> = std::iter::from_fn(|| chance.take(&mut from)).collect();
        taken.sort_unstable();
        assert_eq!(taken, (0..10).collect::<Vec<u32>>());
    }
}
