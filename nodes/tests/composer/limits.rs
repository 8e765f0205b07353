//! What a composer is asked at the edges: every metre, tempo and configuration, far positions, wrong presets.

use crate::scores::*;
use auralis_graph::music::{Key, Meter, Mode};
use auralis_graph::places::Places;
use auralis_graph::settings::Settings;
use auralis_graph::source::Source;
use auralis_graph::{Preset, testing};
use auralis_nodes::catalogue;
use auralis_nodes::composer::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn whole(phrase: &Phrase) {
    assert!(!phrase.chords.is_empty() && phrase.notes.len() < MAX_NOTES * 3 / 4, "{}", phrase.notes.len());
    assert!(phrase.notes.windows(2).all(|pair| pair[0].start() <= pair[1].start()));
    for note in &phrase.notes {
        assert!(note.length > 0 && note.start() < note.end(), "{note:?}");
        assert!(i64::from(note.end()) <= phrase.ticks, "{note:?}");
        assert!((0.05..=0.95).contains(&note.velocity), "{note:?}");
    }
    for (index, note) in phrase.notes.iter().enumerate() {
        let same = |other: &&Note| (other.part, other.key) == (note.part, note.key);
        let next = phrase.notes[index + 1..].iter().find(same);
        assert!(next.is_none_or(|next| note.end() <= next.start()), "{note:?} {next:?}");
    }
}

fn configs() -> impl Strategy<Value = ComposerConfig> {
    let textures = [Texture::Auto, Texture::Held, Texture::Struck, Texture::Rolled, Texture::Broken];
    let shape = (any::<bool>(), 0..5usize, 2u8..=6, proptest::option::of(1u8..=4), any::<bool>());
    let places = (48u8..=72, 55u8..=90, 30u8..=46, 16u8..=24);
    let amounts = (0.25..=2.0f64, 0.0..=1.0f64, 0.0..=1.0f64, 0.0..=1.0f64);
    let rest = (proptest::option::of(2u32..=64), 0..3usize);
    (shape, places, amounts, rest).prop_map(move |(shape, places, amounts, rest)| ComposerConfig {
        phrase: if shape.0 { PhraseLength::Sixteen } else { PhraseLength::Eight },
        texture: textures[shape.1],
        voices: shape.2,
        chord_bars: shape.3,
        diminished: shape.4,
        chords_at: places.0,
        melody_at: places.1,
        bass_at: places.2,
        melody_range: places.3,
        melody_density: amounts.0,
        colour: amounts.1,
        contrast: amounts.2,
        humanize: amounts.3,
        refrain: rest.0,
        pedal: [Pedal::Auto, Pedal::Never, Pedal::Always][rest.1],
        ..ComposerConfig::default()
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let meter = (1u8..=32, 0u32..6).prop_map(|(beats, unit)| Meter { beats, unit: 1 << unit });
    let key = (0..12i32, 0..Mode::ALL.len())
        .prop_map(|(semitones, mode)| Key::A_MINOR.transposed(semitones).with_mode(Mode::ALL[mode]));
    let intensity = prop_oneof![Just(0.0f32), Just(1.0f32), 0.0..=1.0f32];
    (key, 20.0..=400.0f64, meter, intensity, any::<u64>())
        .prop_map(|(key, tempo, meter, intensity, seed)| Settings { key, tempo, meter, intensity, seed })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_legal_configuration_makes_whole_phrases(config in configs(), settings in any_settings(), far in 0..1i64 << 40) {
        prop_assert!(config.check().is_empty());
        let score = Score::new(&config, settings.meter, "any").unwrap();
        for from in [0, far] {
            each_phrase(&score, &settings, from..from + 6, whole);
        }
    }
}

#[test]
fn the_fullest_phrases_fit() {
    let mut most = 0;
    for meter in ["4/4", "12/8", "31/8", "32/1", "7/8"] {
        for texture in [Texture::Broken, Texture::Struck, Texture::Rolled] {
            let config = ComposerConfig {
                phrase: PhraseLength::Sixteen,
                texture,
                voices: 6,
                melody_density: 2.0,
                chord_bars: Some(1),
                ..ComposerConfig::default()
            };
            let settings = Settings { meter: meter.parse().unwrap(), ..settings(1, 1.0) };
            each_phrase(&score_in(&config, meter), &settings, 0..300, |phrase| {
                whole(phrase);
                most = most.max(phrase.notes.len());
            });
        }
    }
    assert!(most > 200, "the test does not reach far: {most}");
}

#[test]
fn nothing_is_composed_before_the_beginning_and_centuries_do_not_overflow() {
    let score = score(&ComposerConfig::default());
    let mut phrase = Phrase::default();
    for number in [-1, -1000, i64::MIN] {
        score.compose(&settings(1, 0.5), number, &mut phrase);
        assert!(phrase.notes.is_empty() && phrase.chords.is_empty());
    }
    // Ten centuries at 400 beats a minute are 2e11 quarters.
    for number in [6_000_000_000, i64::MAX / 1024, i64::MAX] {
        score.compose(&settings(1, 0.5), number, &mut phrase);
        whole(&phrase);
    }
    let grid = score.grid();
    assert_eq!((grid.phrase_at(-1), grid.phrase_at(0), grid.phrase_at(30_720)), (-1, 0, 1));
    assert_eq!((grid.ticks_to_next(0), grid.ticks_to_next(30_719)), (30_720, 1));
}

#[test]
fn a_phrase_ten_years_in_is_composed_in_well_under_10_ms() {
    let config = ComposerConfig { phrase: PhraseLength::Sixteen, ..ComposerConfig::default() };
    let score = score(&config);
    let mut phrase = Phrase::default();
    // 16 bars at 70 beats a minute last 55 seconds.
    let ten_years = 10 * 365 * 86_400 / 55;
    let mut times: Vec<Duration> = (ten_years..ten_years + 200)
        .map(|number| {
            let start = Instant::now();
            score.compose(&settings(1, 1.0), number, &mut phrase);
            start.elapsed()
        })
        .collect();
    times.sort();
    // The median: other work on the machine is not the composer's.
    assert!(times[100] < Duration::from_millis(2), "{:?}", times[100]);
}

#[test]
fn the_grid_is_published_for_the_server() {
    let built = engine("meter: 7/8\n", "phrase: 16 bars");
    let grids: Vec<(String, PhraseGrid)> =
        built.offers.of::<PhraseGrid>().map(|(name, grid)| (name.to_string(), *grid)).collect();
    assert_eq!(
        grids,
        [("composer".to_string(), PhraseGrid { ticks: 16 * 3360, bars: 16, change: 16 * 3360 })]
    );
}

fn mistakes(keys: &str) -> String {
    let source = Source::new("test.yaml", preset("", keys));
    Preset::read(&source, &catalogue(), &Places::anywhere()).unwrap_err().to_string()
}

#[test]
fn a_phrase_is_8_or_16_bars_however_it_is_written() {
    for (text, bars) in [("8 bars", 8), ("16 bars", 16), ("8", 8), ("16", 16), ("\"16\"", 16), ("16bars", 16)]
    {
        let preset = testing::read(&preset("", &format!("phrase: {text}")), &catalogue());
        let config = &preset.nodes.iter().find(|node| node.name == "composer").unwrap().config;
        assert_eq!(config.json["phrase"], format!("{bars} bars"));
    }
    for text in ["4 bars", "12", "8 beats", "8 s", "long", "8.5", "[8]", "true", "{ a: 1 }", "-8"] {
        let told = mistakes(&format!("phrase: {text}"));
        assert!(told.contains("a phrase is `8 bars` or `16 bars` long"), "{told}");
    }
}

#[test]
fn what_a_composer_cannot_do_is_said_with_what_it_can() {
    for (keys, words) in [
        ("voices: 9", "a chord has voices from 2 to 6"),
        ("refrain: 1", "a refrain returns every so many phrases, from 2 to 64"),
        ("colour: -0.1", "`colour` is -0.1, but it goes from 0 to 1"),
        ("melody_range: 12", "a melody spans semitones from 16 to 24"),
        ("follow: second", "unknown variant `second`, expected one of `phrase`, `bar`, `beat`"),
        ("transitions: [[1, 0, 0, 0, 0, 0, 0]]", "invalid length 1, expected an array of length 7"),
        ("swing: 0.6", "`composer` has no `swing`"),
    ] {
        let told = mistakes(keys);
        assert!(told.contains(words), "{told}");
    }
    let row = "[0.2, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1]";
    let told = mistakes(&format!("transitions: [{}]", [row; 7].join(", ")));
    assert!(told.contains("row `i` sums to 0.9, not to 1"), "{told}");
}
