//! Files that presets name: within the program, and not there at all.

use auralis_graph::command::When;
use auralis_graph::note::NoteEvent;
use auralis_graph::places::Places;
use auralis_graph::plan::Socket;
use auralis_graph::testing::measure::level_db;
use auralis_graph::testing::realtime::{CheckedAllocator, take_violations};
use auralis_graph::testing::{RATE, folder, render_blocks};
use auralis_graph::{Built, Options, Preset, Source, build};
use auralis_nodes::catalogue;
use std::collections::BTreeSet;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

static GLASS: &[u8] = include_bytes!("../assets/glass.wav");
static FONT: &[u8] = include_bytes!("../../soundfonts/auralis.sf2");
static EMBEDDED: &[(&str, &[u8])] = &[("own/glass.wav", GLASS), ("own.sf2", FONT), ("system", FONT)];

const NOISE: &str = "  hiss: { type: noise, gain: -40 dB }
  out: { type: output, in: [play, hiss] }
";

fn text(player: &str) -> String {
    format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  play: {{ type: {player}, in: keys }}\n{NOISE}"
    )
}

fn read(text: &str, places: &Places) -> Result<Preset, String> {
    let source = Source::new("piece.yaml", text);
    Preset::read(&source, &catalogue(), places).map_err(|mistakes| mistakes.to_string())
}

fn built(preset: &Preset, places: &Places) -> Built {
    let rest = Options::render(RATE, preset.settings(), places.clone());
    let options = Options { socket: Socket::Play, ..rest };
    build(preset, &catalogue(), &options).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A second of a note and the noise beside it.
fn heard(built: &mut Built) -> Vec<f32> {
    built.controller.note("keys", NoteEvent::on(0, 0, 1, 60.0, 0.9), When::Now).unwrap();
    let [left, _] = render_blocks(built, RATE as usize, &[333]);
    assert_eq!(take_violations(), 0);
    left
}

fn within(player: &str, places: &Places) -> Vec<f32> {
    let preset = read(&text(player), places).unwrap();
    assert_eq!(preset.warnings.to_string(), "");
    let mut built = built(&preset, places);
    assert!(
        built.missing.is_empty() && built.editor.files().count() == usize::from(places.embedded.is_empty())
    );
    heard(&mut built)
}

#[test]
fn what_is_within_the_program_sounds_as_it_does_from_the_disk() {
    let beside = Places { preset: Some(folder()), ..Places::default() };
    std::fs::create_dir_all(folder().join("own")).unwrap();
    std::fs::write(folder().join("own/glass.wav"), GLASS).unwrap();
    std::fs::write(folder().join("own.sf2"), FONT).unwrap();
    let embedded = Places { embedded: EMBEDDED, ..Places::default() };
    for player in ["sampler, file: own/glass.wav", "soundfont, file: own.sf2, program: 2"] {
        let from_disk = within(player, &beside);
        assert!(level_db(&from_disk) > -40.0, "{player} is not heard");
        assert!(within(player, &embedded) == from_disk, "{player} sounds otherwise");
    }
    // What a preset has from the machine that it was written on can be brought along, too.
    let (own, system) = ("soundfont, file: own.sf2, program: 3", "soundfont, file: system, program: 3");
    assert!(within(system, &embedded) == within(own, &beside));
}

#[test]
fn what_is_within_the_program_can_be_named_by_presets_that_may_name_no_file() {
    let places = Places { embedded: EMBEDDED, confined: Some(Vec::new()), ..Places::default() };
    assert!(read(&text("sampler, file: own/glass.wav"), &places).is_ok());
    let mistakes = read(&text("sampler, file: glass.wav"), &places).unwrap_err();
    assert!(mistakes.contains("there is no file `glass.wav`"), "{mistakes}");
}

#[test]
fn where_a_file_is_missing_or_broken_the_rest_plays_and_it_is_said_which() {
    std::fs::write(folder().join("text.wav"), "this is no sound").unwrap();
    std::fs::write(folder().join("text.sf2"), "this is no font").unwrap();
    let strict = Places { preset: Some(folder()), ..Places::default() };
    let forgiving = Places { forgiving: true, ..strict.clone() };
    let silent = read(&text("sampler, mute: true"), &strict).unwrap();
    let rest = heard(&mut built(&silent, &strict));
    for (player, words) in [
        ("sampler, file: none.wav", "there is no file `none.wav`; looked in"),
        ("sampler, file: text.wav", "text.wav` is neither WAV nor FLAC"),
        ("soundfont, file: none.sf2", "there is no file `none.sf2`; looked in"),
        ("soundfont, file: text.sf2", "text.sf2` is no SoundFont"),
    ] {
        let text = text(player);
        let mistakes = read(&text, &strict).unwrap_err();
        assert!(mistakes.contains(words) && mistakes.contains("error"), "{player}: {mistakes}");
        let preset = read(&text, &forgiving).unwrap();
        let warnings = preset.warnings.to_string();
        assert!(warnings.contains("`play` is silent: ") && warnings.contains(words), "{player}: {warnings}");
        assert!(warnings.contains("piece.yaml:4"), "{player}: {warnings}");
        let mut built = built(&preset, &forgiving);
        assert_eq!(built.missing.len(), 1, "{player}");
        assert!(built.missing[0].starts_with("`play` is silent: "), "{}", built.missing[0]);
        assert!(built.missing[0].contains(words), "{}", built.missing[0]);
        assert!(heard(&mut built) == rest, "{player}: the rest does not play as it does by itself");
        let options = Options::render(RATE, preset.settings(), strict.clone());
        assert!(build(&preset, &catalogue(), &options).is_err(), "{player} is forgiven unasked");
    }
}

#[test]
fn mistakes_of_the_preset_are_not_forgiven() {
    let places = Places { forgiving: true, confined: Some(vec![folder()]), ..Places::default() };
    for (player, words) in [
        ("sampler, file: ../secret.wav", "lies outside of the folders"),
        ("sampler, voices: 100", "there can be 1 to 64 voices"),
        ("soundfont, program: 99", "has no program 99"),
    ] {
        let mistakes = read(&text(player), &places).unwrap_err();
        assert!(mistakes.contains(words), "{player}: {mistakes}");
    }
}

#[test]
fn an_edit_finds_a_file_that_was_missing_and_keeps_one_that_has_gone() {
    let places = Places { preset: Some(folder()), forgiving: true, ..Places::default() };
    let text = text("sampler, file: late.wav, loop: whole");
    let preset = read(&text, &places).unwrap();
    let mut built = built(&preset, &places);
    let edit = |built: &mut Built, preset: &Preset| {
        let settings = built.engine.settings();
        let editor = &mut built.editor;
        let edited = editor.edit(preset, &catalogue(), settings, places.clone(), &BTreeSet::new()).unwrap();
        built.controller = edited.controller.clone();
        edited
    };
    let quiet = level_db(&heard(&mut built));
    assert!(quiet < -40.0 && built.missing.len() == 1, "{quiet}");
    // As long as it is missing nothing is to be prepared.
    let edited = edit(&mut built, &read(&text, &places).unwrap());
    assert!(edited.missing == built.missing && edited.prepared.is_empty(), "{:?}", edited.prepared);
    std::fs::write(folder().join("late.wav"), "this is no sound").unwrap();
    let edited = edit(&mut built, &read(&text, &places).unwrap());
    assert!(edited.missing.len() == 1 && edited.missing != built.missing, "{:?}", edited.missing);
    heard(&mut built);
    std::fs::write(folder().join("late.wav"), GLASS).unwrap();
    let edited = edit(&mut built, &read(&text, &places).unwrap());
    assert!(edited.missing.is_empty() && edited.prepared == ["play"]);
    let loud = level_db(&heard(&mut built));
    assert!(loud > quiet + 10.0, "{loud}");
    // While it plays it is in memory: only what is prepared anew misses it.
    std::fs::remove_file(folder().join("late.wav")).unwrap();
    let edited = edit(&mut built, &read(&text, &places).unwrap());
    assert!(edited.missing.is_empty() && edited.prepared.is_empty());
    assert!(level_db(&heard(&mut built)) > quiet + 10.0);
    let edited = edit(&mut built, &read(&text.replace("whole", "off"), &places).unwrap());
    assert!(edited.missing.len() == 1 && edited.missing[0].contains("late.wav"), "{:?}", edited.missing);
}
