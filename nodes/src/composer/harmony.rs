//! Chords: what stands on each degree of a key, and how triads are coloured. Plain values, allocation-free.

use auralis_graph::chance::Chance;
use auralis_graph::music::{Key, Mode};

/// Degrees of a key that carry chords.
pub const DEGREES: usize = 7;

/// The degrees as the transition matrix orders and a musician of minor keys writes them.
pub const DEGREE_NAMES: [&str; DEGREES] = ["i", "ii", "III", "iv", "v", "VI", "VII"];

/// The type of a chord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChordKind {
    /// 0 3 7.
    Minor,
    /// 0 4 7.
    Major,
    /// 0 3 6.
    Diminished,
    /// 0 4 8.
    Augmented,
    /// 0 2 7.
    Sus2,
    /// 0 5 7.
    Sus4,
    /// 0 3 7 14.
    MinorAdd9,
    /// 0 4 7 14.
    MajorAdd9,
    /// 0 3 7 10.
    Minor7,
    /// 0 3 7 11.
    MinorMajor7,
    /// 0 4 7 11.
    Major7,
    /// 0 4 7 10.
    Dominant7,
    /// 0 3 6 10.
    HalfDiminished7,
    /// 0 3 6 9.
    Diminished7,
    /// 0 4 8 11.
    AugmentedMajor7,
    /// 0 3 7 10 14.
    Minor9,
    /// 0 4 7 11 14.
    Major9,
    /// 0 4 7 10 14.
    Dominant9,
}

impl ChordKind {
    /// Semitones above the root, ascending.
    pub fn intervals(self) -> &'static [u8] {
        match self {
            ChordKind::Minor => &[0, 3, 7],
            ChordKind::Major => &[0, 4, 7],
            ChordKind::Diminished => &[0, 3, 6],
            ChordKind::Augmented => &[0, 4, 8],
            ChordKind::Sus2 => &[0, 2, 7],
            ChordKind::Sus4 => &[0, 5, 7],
            ChordKind::MinorAdd9 => &[0, 3, 7, 14],
            ChordKind::MajorAdd9 => &[0, 4, 7, 14],
            ChordKind::Minor7 => &[0, 3, 7, 10],
            ChordKind::MinorMajor7 => &[0, 3, 7, 11],
            ChordKind::Major7 => &[0, 4, 7, 11],
            ChordKind::Dominant7 => &[0, 4, 7, 10],
            ChordKind::HalfDiminished7 => &[0, 3, 6, 10],
            ChordKind::Diminished7 => &[0, 3, 6, 9],
            ChordKind::AugmentedMajor7 => &[0, 4, 8, 11],
            ChordKind::Minor9 => &[0, 3, 7, 10, 14],
            ChordKind::Major9 => &[0, 4, 7, 11, 14],
            ChordKind::Dominant9 => &[0, 4, 7, 10, 14],
        }
    }

    /// The usual suffix behind the name of the root: `m7`, `sus2`; empty for a major triad.
    pub fn symbol(self) -> &'static str {
        match self {
            ChordKind::Minor => "m",
            ChordKind::Major => "",
            ChordKind::Diminished => "dim",
            ChordKind::Augmented => "aug",
            ChordKind::Sus2 => "sus2",
            ChordKind::Sus4 => "sus4",
            ChordKind::MinorAdd9 => "m(add9)",
            ChordKind::MajorAdd9 => "add9",
            ChordKind::Minor7 => "m7",
            ChordKind::MinorMajor7 => "m(maj7)",
            ChordKind::Major7 => "maj7",
            ChordKind::Dominant7 => "7",
            ChordKind::HalfDiminished7 => "m7b5",
            ChordKind::Diminished7 => "dim7",
            ChordKind::AugmentedMajor7 => "aug(maj7)",
            ChordKind::Minor9 => "m9",
            ChordKind::Major9 => "maj9",
            ChordKind::Dominant9 => "9",
        }
    }
}

/// A set of pitch classes, one bit each from C.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PitchClasses(pub u16);

impl PitchClasses {
    /// Whether a MIDI key belongs to the set.
    pub fn has(self, key: u8) -> bool {
        self.0 & (1 << (key % 12)) != 0
    }

    /// The set with the pitch class of a key.
    pub(super) fn with(self, key: u8) -> Self {
        Self(self.0 | 1 << (key % 12))
    }

    /// The set a semitone above each member.
    pub(super) fn above(self) -> Self {
        Self((self.0 << 1 | self.0 >> 11) & 0xfff)
    }

    /// The set a semitone around each member, without the members.
    pub(super) fn neighbours(self) -> Self {
        let around = self.0 << 1 | self.0 >> 1 | self.0 >> 11 | self.0 << 11;
        Self(around & 0xfff & !self.0)
    }
}

/// A chord of a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chord {
    /// Ticks after the start of the phrase.
    pub onset: u32,
    /// Ticks that it lasts.
    pub length: u32,
    /// Degree of the key, from 0.
    pub degree: u8,
    /// MIDI key of the root, within an octave above the tonic.
    pub root: u8,
    /// Its type.
    pub kind: ChordKind,
}

impl Chord {
    /// Its tones.
    pub fn tones(&self) -> PitchClasses {
        let keys = self.kind.intervals().iter().map(|above| self.root + above);
        keys.fold(PitchClasses::default(), PitchClasses::with)
    }
}

/// A key as a composer uses it.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    tonic: u8,
    /// The scale on whose degrees the chords stand.
    scale: [u8; DEGREES],
    harmony: Mode,
    diminished: bool,
    /// The tones of melodies.
    pub melody: PitchClasses,
    /// The tones of the scale that carries the chords.
    pub chords: PitchClasses,
}

impl Palette {
    /// The palette of a key; `diminished` chooses the second degree's triad in minor.
    pub fn new(key: Key, diminished: bool) -> Self {
        let harmony = key.mode.harmony();
        let mut scale = [0; DEGREES];
        scale.iter_mut().zip(harmony.scale()).for_each(|(to, from)| *to = *from);
        let tonic = key.root();
        let set =
            |scale: &[u8]| scale.iter().fold(PitchClasses::default(), |set, above| set.with(tonic + above));
        let (melody, chords) = (set(key.mode.scale()), set(&scale));
        Self { tonic, scale, harmony, diminished, melody, chords }
    }

    /// MIDI key of a degree's root, within an octave above the tonic.
    pub fn root(&self, degree: usize) -> u8 {
        self.tonic + self.scale[degree]
    }

    /// Semitones from a degree up to the one `steps` above it in the scale.
    fn above(&self, degree: usize, steps: usize) -> u8 {
        let to = degree + steps;
        self.scale[to % DEGREES] + 12 * (to / DEGREES) as u8 - self.scale[degree]
    }

    /// Whether the contract's table of minor chords holds here; all other scales stack their thirds.
    fn is_minor(&self) -> bool {
        self.harmony == Mode::Aeolian
    }

    fn minor_second_degree(&self, degree: usize) -> bool {
        self.is_minor() && degree == 1 && !self.diminished
    }

    /// The plain triad on a degree.
    pub fn triad(&self, degree: usize) -> ChordKind {
        if self.minor_second_degree(degree) {
            return ChordKind::Minor;
        }
        match (self.above(degree, 2), self.above(degree, 4)) {
            (3, 7) => ChordKind::Minor,
            (4, 8) => ChordKind::Augmented,
            (3, _) => ChordKind::Diminished,
            _ => ChordKind::Major,
        }
    }

    /// The seventh chord on a degree.
    pub fn seventh(&self, degree: usize) -> ChordKind {
        match (self.triad(degree), self.above(degree, 6)) {
            (ChordKind::Minor, 11) => ChordKind::MinorMajor7,
            (ChordKind::Minor, _) => ChordKind::Minor7,
            (ChordKind::Diminished, 9) => ChordKind::Diminished7,
            (ChordKind::Diminished, _) => ChordKind::HalfDiminished7,
            (ChordKind::Augmented, _) => ChordKind::AugmentedMajor7,
            (_, 11) => ChordKind::Major7,
            _ => ChordKind::Dominant7,
        }
    }

    /// A chord on a degree, plain or coloured. `amount` from 0 to 1 is how readily; `next` is the degree that
    /// follows; `borrow` allows chords from outside of a minor key.
    pub fn coloured(
        &self,
        degree: usize,
        next: usize,
        amount: f32,
        borrow: bool,
        mut chance: Chance,
    ) -> ChordKind {
        let triad = self.triad(degree);
        // A diminished triad is softer with its seventh, and takes it twice as readily.
        let readily = if triad == ChordKind::Diminished { 2.0 } else { 1.0 };
        if !chance.happens(amount * readily) {
            return triad;
        }
        let seventh = self.seventh(degree);
        let fifth = !matches!(triad, ChordKind::Diminished | ChordKind::Augmented);
        let ninth = fifth && self.above(degree, 1) == 2 && !self.minor_second_degree(degree);
        let fourth = fifth && self.above(degree, 3) == 5;
        let minor = triad == ChordKind::Minor;
        let (add9, full) = match seventh {
            ChordKind::Minor7 => (ChordKind::MinorAdd9, ChordKind::Minor9),
            ChordKind::Major7 => (ChordKind::MajorAdd9, ChordKind::Major9),
            _ if minor => (ChordKind::MinorAdd9, seventh),
            _ => (ChordKind::MajorAdd9, seventh),
        };
        // A minor seventh on a major triad pulls elsewhere, and so does any tone of a tense triad.
        let calm = matches!(seventh, ChordKind::Minor7 | ChordKind::Major7);
        let when = |legal: bool, weight: f32| if legal { weight } else { 0.0 };
        let outside = borrow && self.is_minor();
        let choices = [
            (add9, when(ninth, 3.0)),
            (ChordKind::Sus2, when(ninth, 2.0)),
            (ChordKind::Sus4, when(fourth, 1.2)),
            (seventh, if calm { 3.0 } else { 0.8 }),
            (full, when(ninth && calm, 2.5 * amount)),
            (ChordKind::MinorMajor7, when(outside && degree == 0, 0.25)),
            (ChordKind::Dominant9, when(outside && degree == 5, 0.3)),
            (ChordKind::Major, when(outside && degree == 4 && next == 0, 1.5)),
        ];
        choices[chance.weighted(&choices.map(|(_, weight)| weight))].0
    }

    /// Tones of melodies that grate against a chord: a semitone beside one of its tones from outside the scale.
    pub fn grating(&self, chord: &Chord) -> PitchClasses {
        let tones = chord.tones();
        let outside = PitchClasses(tones.0 & !self.chords.0);
        PitchClasses(outside.neighbours().0 & !tones.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette(key: &str) -> Palette {
        Palette::new(key.parse().unwrap(), false)
    }

    fn chord(palette: &Palette, degree: usize, kind: ChordKind) -> Chord {
        Chord { onset: 0, length: 1, degree: degree as u8, root: palette.root(degree), kind }
    }

    #[test]
    fn minor_carries_the_chords_of_the_contract() {
        use ChordKind::{Major, Minor};
        let minor = palette("A minor");
        let triads: Vec<ChordKind> = (0..DEGREES).map(|degree| minor.triad(degree)).collect();
        assert_eq!(triads, [Minor, Minor, Major, Minor, Minor, Major, Major]);
        let roots: Vec<u8> = (0..DEGREES).map(|degree| minor.root(degree)).collect();
        assert_eq!(roots, [57, 59, 60, 62, 64, 65, 67]);
        assert_eq!(minor.seventh(0).intervals(), [0, 3, 7, 10]);
        assert_eq!(ChordKind::MinorMajor7.intervals(), [0, 3, 7, 11]);
        assert_eq!(ChordKind::Dominant9.intervals(), [0, 4, 7, 10, 14]);
        let other = Palette::new("A minor".parse().unwrap(), true);
        assert_eq!(other.triad(1), ChordKind::Diminished);
        assert_eq!(palette("A minor pentatonic").triad(1), Minor, "a pentatonic borrows its parent's chords");
    }

    #[test]
    fn other_scales_stack_their_thirds() {
        use ChordKind::{Augmented, Diminished, Major, Minor};
        let triads = |key: &str| (0..DEGREES).map(|d| palette(key).triad(d)).collect::<Vec<_>>();
        assert_eq!(triads("C major"), [Major, Minor, Minor, Major, Major, Minor, Diminished]);
        assert_eq!(triads("C major pentatonic"), triads("C major"));
        assert_eq!(triads("D dorian"), [Minor, Minor, Major, Major, Minor, Diminished, Major]);
        assert_eq!(
            triads("A harmonic minor"),
            [Minor, Diminished, Augmented, Minor, Major, Major, Diminished]
        );
        assert_eq!(
            triads("A melodic minor"),
            [Minor, Minor, Augmented, Major, Major, Diminished, Diminished]
        );
        for mode in Mode::ALL {
            let palette = Palette::new(Key::A_MINOR.with_mode(mode), false);
            for degree in 0..DEGREES {
                let outside = |kind| chord(&palette, degree, kind).tones().0 & !palette.chords.0;
                if mode.harmony() != Mode::Aeolian || degree != 1 {
                    assert_eq!(outside(palette.triad(degree)), 0, "{mode:?} {degree}");
                    assert_eq!(outside(palette.seventh(degree)), 0, "{mode:?} {degree}");
                }
            }
        }
    }

    #[test]
    fn colours_stay_in_the_scale_but_for_what_is_borrowed() {
        for mode in Mode::ALL {
            let palette = Palette::new(Key::A_MINOR.with_mode(mode), false);
            let mut borrowed = 0;
            for n in 0..20_000u64 {
                let (degree, next) = ((n % 7) as usize, (n / 7 % 7) as usize);
                let kind = palette.coloured(degree, next, 1.0, n % 2 == 0, Chance::new(n));
                let outside = chord(&palette, degree, kind).tones().0 & !palette.chords.0;
                if outside != 0 && !palette.minor_second_degree(degree) {
                    borrowed += 1;
                    assert!(
                        n % 2 == 0 && palette.is_minor() && [0, 4, 5].contains(&degree),
                        "{mode:?} {kind:?}"
                    );
                }
            }
            assert_eq!(borrowed > 0, palette.is_minor());
        }
    }

    #[test]
    fn a_chord_from_outside_says_what_grates_against_it() {
        let minor = palette("A minor");
        // V has G sharp: G and A grate.
        let grating = minor.grating(&chord(&minor, 4, ChordKind::Major));
        assert_eq!(grating.0, 1 << 7 | 1 << 9);
        assert_eq!(minor.grating(&chord(&minor, 3, ChordKind::Minor)).0, 0);
    }
}
