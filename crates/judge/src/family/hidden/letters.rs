//! Which characters are odd in which text.

use tapgate_wire::Rule;

use super::rules;

/// How often something odd was seen in one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    pub n: usize,
    /// The first one and its place, counted in characters from 1.
    pub first: Option<(usize, char)>,
}

impl Hits {
    fn add(&mut self, at: usize, letter: char) {
        self.n += 1;
        self.first.get_or_insert((at, letter));
    }
}

/// Whether a character has no look of its own, or steers what stands beside it.
pub(super) fn is_unseen(letter: char) -> bool {
    is_control(letter)
        || is_tag(letter)
        || is_bidi(letter)
        || is_mark(letter)
        || is_blank(letter)
        || is_joiner(letter)
        || is_variation(letter)
}

/// Whether a character can be odd in some text.
pub(super) fn is_suspect(letter: char) -> bool {
    !letter.is_ascii() && (is_unseen(letter) || is_lookalike(letter)) || letter == '\u{7f}'
}

/// What is odd in a text, by rule.
///
/// A name is held against more: what may stand in prose (marks of direction, joiners) has no place in it.
pub(super) fn odd(text: &str, is_name: bool) -> [(&'static Rule, Hits); 5] {
    let (mut tags, mut bidi, mut blank, mut control) =
        (Hits::default(), Hits::default(), Hits::default(), Hits::default());
    // A flag of a region is a black flag, tags, and an end.
    let mut in_flag = false;
    let (mut before, mut n_variations) = (' ', 0);
    let mut letters = text.chars().peekable();
    let mut at = 0;
    while let Some(letter) = letters.next() {
        at += 1;
        in_flag = letter == '\u{1f3f4}' || in_flag && is_tag(letter) && before != '\u{e007f}';
        n_variations = if is_variation(letter) { n_variations + 1 } else { 0 };
        let is_between_words = |other: Option<&char>| other.is_none_or(char::is_ascii);
        if is_tag(letter) {
            if !in_flag {
                tags.add(at, letter);
            }
        } else if is_bidi(letter) || is_name && is_mark(letter) {
            bidi.add(at, letter);
        } else if is_control(letter) {
            control.add(at, letter);
        } else if is_blank(letter)
            // One of them chooses the look of a character; more of them carry something.
            || n_variations > 1
            || is_variation(letter) && before.is_ascii_alphabetic()
            // Scripts and pictures are joined; plain letters are not.
            || is_joiner(letter) && (is_name || is_between_words(Some(&before)) && is_between_words(letters.peek()))
        {
            blank.add(at, letter);
        }
        before = letter;
    }
    let mixed = if is_name { mixed(text) } else { Hits::default() };
    [
        (&rules::TAG, tags),
        (&rules::BIDI, bidi),
        (&rules::INVISIBLE, blank),
        (&rules::CONTROL, control),
        (&rules::MIXED, mixed),
    ]
}

fn is_tag(letter: char) -> bool {
    matches!(letter, '\u{e0000}'..='\u{e007f}')
}

/// Embeddings, overrides and isolates.
fn is_bidi(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Marks of direction.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}')
}

fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}')
}

fn is_variation(letter: char) -> bool {
    matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Characters without width, or that are blank though they count as letters.
fn is_blank(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'
            | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
    )
}

/// Control characters but for those that end lines and columns.
fn is_control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

/// Letters of another script that look like Latin ones, in a word that has Latin ones too.
fn mixed(name: &str) -> Hits {
    let mut hits = Hits::default();
    let mut at = 0;
    for word in name.split_inclusive(|letter: char| !letter.is_alphanumeric()) {
        let has_latin = word.chars().any(|letter| letter.is_ascii_alphabetic());
        for letter in word.chars() {
            at += 1;
            if has_latin && is_lookalike(letter) {
                hits.add(at, letter);
            }
        }
    }
    hits
}

/// Letters that are drawn like a letter of ASCII in common typefaces.
fn is_lookalike(letter: char) -> bool {
    const GREEK: &str = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχϲϳ";
    const CYRILLIC: &str = "АВЕЅІЈКМНОРСТУХЬаеѕіјкорсухһԁԛԝѵҮү";
    const OTHER: &str = "օոսցհԼՏՍᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃꓐꓑꓒꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴℓℊⅼⅽⅾⅿⅠⅤⅩⅬⅭⅮⅯ";
    // Most letters are in none of these blocks.
    if !matches!(letter, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{2100}'..='\u{217f}' | '\u{a4d0}'..='\u{a4ff}' | '\u{ff00}'..='\u{ff5e}')
    {
        return false;
    }
    let is_full_width = matches!(letter, '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}');
    is_full_width || [GREEK, CYRILLIC, OTHER].iter().any(|all| all.contains(letter))
}
