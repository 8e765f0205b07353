//! `auralis render`: what is in the files, bit for bit where it is promised.

use auralis_tests::sound::{Frame, db, wav};
use auralis_tests::{Room, collect, finish, signal};
use std::f64::consts::TAU;

/// Steady noise from two sources.
const RAIN: &str = "auralis: 1
name: Test Rain
tempo: 120
nodes:
  low: { type: noise, colour: brown, gain: -12 dB }
  high: { type: noise, colour: white, gain: -30 dB }
  both: { type: mix, in: [low, high] }
  out: { type: output, in: both }
expose:
  level: { to: both.gain, label: Level }
";

/// Notes.
const TUNE: &str = "auralis: 1
name: Test Tune
seed: 3
key: D dorian
tempo: 120
intensity: 0.9
nodes:
  composer: { type: composer }
  lead: { type: synth, in: composer.melody, voices: 8, osc1_shape: 0, attack: 5 ms, release: 50 ms, spread: 0, gain: -6 dB }
  pad: { type: synth, in: composer.chords, voices: 16, gain: -18 dB }
  space: { type: reverb, in: [lead, pad], mix: 0.2 }
  out: { type: output, in: space }
expose:
  space: { to: space.mix }
";

fn room() -> Room {
    let room = Room::new();
    room.put("rain.yaml", RAIN);
    room.put("tune.yaml", TUNE);
    room
}

/// Renders, and gives the file's bytes.
#[track_caller]
fn render(room: &Room, preset: &str, file: &str, more: &[&str]) -> Vec<u8> {
    room.run(&[&["render", preset, "-o", file], more].concat()).ok();
    room.bytes(file)
}

/// Renders floats: the frames of stereo.
#[track_caller]
fn sound(room: &Room, preset: &str, more: &[&str]) -> Vec<Frame> {
    render(room, preset, "sound.wav", &[more, &["--bits", "32f"]].concat());
    wav(&room.path("sound.wav"))
}

#[test]
fn files_are_what_their_ending_and_flags_say() {
    let room = room();
    for (flags, bits, format) in [
        (&["--bits", "16"][..], 16, hound::SampleFormat::Int),
        (&[], 24, hound::SampleFormat::Int),
        (&["--bits", "32f", "--rate", "96000"], 32, hound::SampleFormat::Float),
        (&["--rate", "8000"], 24, hound::SampleFormat::Int),
    ] {
        let rate = flags.iter().rev().find_map(|flag| flag.parse().ok()).filter(|rate| *rate > 16);
        let bytes = render(&room, "rain.yaml", "a.wav", &[&["--length", "1.5s"], flags].concat());
        let wav = hound::WavReader::new(&bytes[..]).unwrap();
        let (spec, duration) = (wav.spec(), wav.duration());
        assert_eq!((spec.bits_per_sample, spec.sample_format, spec.channels), (bits, format, 2));
        assert_eq!(spec.sample_rate, rate.unwrap_or(44_100));
        assert_eq!(duration, spec.sample_rate * 3 / 2);
        let sound = duration as usize * 2 * usize::from(bits / 8);
        assert!((sound..=sound + 80).contains(&bytes.len()), "{}", bytes.len());
    }
    for (bits, full) in [("16", 32_767.0), ("24", 8_388_607.0)] {
        let wav = render(&room, "rain.yaml", "b.wav", &["--length", "1.5s", "--bits", bits]);
        let flac = render(&room, "rain.yaml", "b.flac", &["--length", "1.5s", "--bits", bits]);
        assert!(flac.len() < wav.len());
        let mut reader = flac_codec::decode::FlacSampleReader::open(room.path("b.flac")).unwrap();
        let mut samples = Vec::new();
        reader.read_to_end(&mut samples).unwrap();
        let same: Vec<i32> =
            hound::WavReader::new(&wav[..]).unwrap().into_samples().map(Result::unwrap).collect();
        assert_eq!(samples, same, "FLAC loses nothing");
        assert!(samples.iter().any(|x| f64::from(x.abs()) > 0.01 * full), "it sounds");
    }
}

#[test]
fn the_summary_is_a_result_and_says_how_it_went() {
    let room = room();
    let said = room.run(&["render", "tune.yaml", "-o", "a.wav", "--length", "2s"]);
    assert!(said.ok().starts_with("a.wav: 2.0 s, "), "{}", said.out);
    for words in [" times real time, ", " LUFS, true peak ", " dBTP"] {
        assert!(said.out.contains(words), "{}", said.out);
    }
    assert_eq!((said.out.lines().count(), said.err.as_str()), (1, ""), "no bar where there is no terminal");
}

#[test]
fn the_seed_decides_and_the_block_does_not() {
    let room = room();
    let with = |more: &[&str]| render(&room, "tune.yaml", "a.wav", &[&["--length", "3s"], more].concat());
    let first = with(&[]);
    assert_eq!(with(&[]), first, "it repeats itself");
    assert_eq!(with(&["--seed", "3"]), first, "the preset's own seed");
    assert_ne!(with(&["--seed", "4"]), first);
    assert_eq!(with(&["--set", "seed=4", "--seed", "3"]), first, "the flag wins");
    for block in ["1", "63", "64", "333", "4096", "65536"] {
        assert_eq!(with(&["--block", block]), first, "--block {block}");
    }
}

#[test]
fn a_later_start_is_the_same_piece() {
    let room = room();
    let long = sound(&room, "tune.yaml", &["--length", "24s"]);
    let at = |seconds: usize| seconds * 44_100;
    // All of what came before is played unheard: the same samples.
    let part = sound(&room, "tune.yaml", &["--from", "10s", "--length", "4s"]);
    assert_eq!(part, long[at(10)..at(14)]);
    let part = sound(&room, "tune.yaml", &["--from", "20s", "--preroll", "1h", "--length", "4s"]);
    assert_eq!(part, long[at(20)..at(24)]);
    // The usual preroll: the same notes, and tails that are as loud as they would be.
    for preroll in ["10s", "2s"] {
        let part = sound(&room, "tune.yaml", &["--from", "20s", "--preroll", preroll, "--length", "4s"]);
        for (second, (a, b)) in part.chunks(at(1)).zip(long[at(20)..].chunks(at(1))).enumerate() {
            assert!((db(a) - db(b)).abs() < 1.5, "--preroll {preroll}, {second} s: {} and {}", db(a), db(b));
        }
    }
    // Without it the notes that should be sounding begin there.
    let part = sound(&room, "tune.yaml", &["--from", "20s", "--preroll", "0s", "--length", "4s"]);
    assert!(db(&part[..at(1)]) > db(&long[at(20)..at(21)]) - 12.0);
}

#[test]
fn ten_years_in_is_found_at_once() {
    let room = room();
    let begun = std::time::Instant::now();
    let part = sound(&room, "tune.yaml", &["--from", "87600h", "--preroll", "1s", "--length", "2s"]);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    assert!(db(&part) > -60.0);
}

#[test]
fn a_journal_changes_what_it_says_and_when() {
    let room = room();
    // 120 beats a minute: 1920 ticks a second.
    room.put(
        "journal",
        "{\"tick\":1920,\"controls\":{\"level\":-40}}\n\n{\"tick\":3840,\"controls\":{\"level\":0}}\n",
    );
    let plain = sound(&room, "rain.yaml", &["--length", "3s"]);
    let moved = sound(&room, "rain.yaml", &["--length", "3s", "--controls", "journal"]);
    assert_eq!(moved[..44_100], plain[..44_100], "nothing before the first change");
    let part = |from: f64, to: f64| (from * 44_100.0) as usize..(to * 44_100.0) as usize;
    let (quiet, loud) = (&moved[part(1.1, 1.95)], &plain[part(1.1, 1.95)]);
    assert!((db(loud) - db(quiet) - 40.0).abs() < 0.5, "{} and {}", db(loud), db(quiet));
    assert!(db(&moved[part(1.0, 1.05)]) < db(&plain[part(1.0, 1.05)]) - 1.0, "it changes at the tick");
    assert_eq!(moved[part(2.5, 3.0)], plain[part(2.5, 3.0)]);
    // A start in between knows what was changed before it.
    let later = sound(&room, "rain.yaml", &["--from", "1.5s", "--length", "0.4s", "--controls", "journal"]);
    assert_eq!(later, moved[part(1.5, 1.9)]);

    // Half the tempo from the second bar: the piece takes longer.
    room.put("slow", "{\"tick\":3840,\"tempo\":60}\n");
    room.run(&[
        "render",
        "tune.yaml",
        "-o",
        "a.wav",
        "--length",
        "8s",
        "--controls",
        "slow",
        "--midi",
        "slow.mid",
    ])
    .ok();
    room.run(&["render", "tune.yaml", "-o", "a.wav", "--length", "5s", "--midi", "fast.mid"]).ok();
    assert_eq!(notes(&room.bytes("slow.mid")), notes(&room.bytes("fast.mid")), "the same 2.5 bars of music");

    for (text, words) in [
        ("{\"tick\":5,\"controls\":{\"lewel\":1}}", "`lewel`"),
        ("{\"tick\":5,\"controls\":{\"level\":1000}}", "`level` must be between"),
        ("{\"tick\":5,\"tempo\":0}", "line 1: `tempo` must be between"),
        ("hello", "line 1"),
    ] {
        room.put("wrong", text);
        room.run(&["render", "rain.yaml", "-o", "w.wav", "--controls", "wrong"]).fails(1, &["wrong", words]);
    }
    room.run(&["render", "rain.yaml", "-o", "w.wav", "--controls", "gone"]).fails(1, &["gone"]);
    assert!(!room.path("w.wav").exists());
}

#[test]
fn stems_sum_to_the_mix() {
    let room = room();
    let mix = sound(&room, "rain.yaml", &["--length", "1s", "--stems", "stems"]);
    let (low, high) = (wav(&room.path("stems/low.wav")), wav(&room.path("stems/high.wav")));
    assert_eq!((low.len(), high.len()), (mix.len(), mix.len()));
    assert!(db(&low) > -60.0 && db(&high) > -60.0, "both sound");
    for ((mix, low), high) in mix.iter().zip(&low).zip(&high) {
        for channel in 0..2 {
            assert!((mix[channel] - low[channel] - high[channel]).abs() < 1e-6);
        }
    }
    assert_eq!(std::fs::read_dir(room.path("stems")).unwrap().count(), 2, "a stem for each source");
    room.put("file", "");
    room.run(&["render", "rain.yaml", "-o", "a.wav", "--length", "1s", "--stems", "file"]).says(1, &["file"]);
}

/// Note, start and end in ticks and key, sorted.
fn notes(smf: &[u8]) -> Vec<(u64, u64, u8)> {
    let smf = midly::Smf::parse(smf).expect("a standard MIDI file");
    assert_eq!(smf.header.timing, midly::Timing::Metrical(960.into()));
    let mut notes = Vec::new();
    for track in &smf.tracks {
        let (mut tick, mut open) = (0, Vec::new());
        for event in track {
            tick += u64::from(event.delta.as_int());
            let midly::TrackEventKind::Midi { message, .. } = event.kind else { continue };
            match message {
                midly::MidiMessage::NoteOn { key, vel } => {
                    assert!(vel.as_int() > 0);
                    open.push((tick, key.as_int()));
                }
                midly::MidiMessage::NoteOff { key, .. } => {
                    let note = open.iter().position(|note| note.1 == key.as_int());
                    let (start, key) = open.remove(note.expect("an end without a beginning"));
                    notes.push((start, tick, key));
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "a note without an end");
    }
    notes.sort_unstable();
    notes
}

/// The level in dB of one frequency in a stretch of sound.
fn level_of(frequency: f64, frames: &[[f32; 2]]) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, frame) in frames.iter().enumerate() {
        let x =
            f64::from(frame[0] + frame[1]) * (TAU * n as f64 / frames.len() as f64).cos().mul_add(-0.5, 0.5);
        let (sin, cos) = (TAU * frequency * n as f64 / 44_100.0).sin_cos();
        (re, im) = (re + x * cos, im + x * sin);
    }
    20.0 * (re.hypot(im) / frames.len() as f64).log10()
}

#[test]
fn the_midi_file_has_the_notes_that_sound() {
    let room = room();
    room.run(&["render", "tune.yaml", "-o", "a.wav", "--bits", "32f", "--length", "16s", "--midi", "a.mid"])
        .ok();
    let sound = wav(&room.path("a.wav"));
    let bytes = room.bytes("a.mid");
    let played = notes(&bytes);
    assert!(played.len() > 20, "{} notes", played.len());
    let dorian = [2, 4, 5, 7, 9, 11, 0];
    assert!(played.iter().all(|note| dorian.contains(&(note.2 % 12))), "D dorian: {played:?}");

    let smf = midly::Smf::parse(&bytes).unwrap();
    let named = |track: &midly::Track<'_>, name: &[u8]| {
        track
            .iter()
            .any(|event| event.kind == midly::TrackEventKind::Meta(midly::MetaMessage::TrackName(name)))
    };
    let melody =
        smf.tracks.iter().find(|track| named(track, b"composer.melody")).expect("a track of the melody");
    let alone = midly::Smf { header: smf.header, tracks: vec![melody.clone()] };
    let mut bytes = Vec::new();
    alone.write_std(&mut bytes).unwrap();
    let long: Vec<_> = notes(&bytes).into_iter().filter(|note| note.1 - note.0 >= 480).collect();
    assert!(long.len() >= 5, "{long:?}");
    for (start, _, key) in long {
        // 1920 ticks a second; the key sounds and the quarter tones beside it do not.
        let first = (start as f64 / 1920.0 * 44_100.0) as usize;
        let part = &sound[first..(first + 10_000).min(sound.len())];
        let hz = |key: f64| 440.0 * 2f64.powf((key - 69.0) / 12.0);
        let own = level_of(hz(f64::from(key)), part);
        for beside in [-0.5, 0.5] {
            let other = level_of(hz(f64::from(key) + beside), part);
            assert!(own > other + 6.0, "key {key} at tick {start}: {own} against {other}");
        }
    }

    // A later start has the same notes, sooner.
    room.run(&["render", "tune.yaml", "-o", "b.wav", "--from", "8s", "--length", "8s", "--midi", "b.mid"])
        .ok();
    let later = notes(&room.bytes("b.mid"));
    let same: Vec<_> =
        played.iter().filter(|note| note.0 > 15_360).map(|n| (n.0 - 15_360, n.1 - 15_360, n.2)).collect();
    let later: Vec<_> = later.into_iter().filter(|note| note.0 > 0).collect();
    assert_eq!(later, same);
}

#[test]
fn set_moves_controls_parameters_and_settings() {
    let room = room();
    let with = |sets: &[&str]| {
        let flags: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
        sound(&room, "rain.yaml", &[&["--length", "1s"], flags.as_slice()].concat())
    };
    let plain = db(&with(&[]));
    assert!((db(&with(&["level=-20"])) - plain + 20.0).abs() < 0.1);
    assert!((db(&with(&["both.gain=-20 dB"])) - plain + 20.0).abs() < 0.1);
    assert!((db(&with(&["low.mute=on", "high.gain=-24"])) - db(&with(&["low.mute=on"])) - 6.0).abs() < 0.1);
    let tune = |set: &str| {
        room.run(&["render", "tune.yaml", "-o", "a.wav", "--length", "8s", "--midi", "a.mid", "--set", set])
            .ok();
        notes(&room.bytes("a.mid"))
    };
    let harmonic = tune("key=C# major");
    let scale = [1, 3, 5, 6, 8, 10, 0];
    assert!(harmonic.iter().all(|note| scale.contains(&(note.2 % 12))), "{harmonic:?}");
    assert!(tune("intensity=0").len() < tune("intensity=1").len());
    for (set, words) in [
        ("lewel=1", "did you mean `level`?"),
        ("intensty=1", "did you mean `intensity`?"),
        ("intensity=2", "between 0 (sparse) and 1 (dense)"),
        ("level=loud", "--set level=loud"),
        ("level=NaN", "--set level=NaN"),
        ("key=H major", "not a key"),
        ("lwo.gain=1", "did you mean `low`?"),
        ("low.gian=1", "gain"),
        ("level", "write NAME=VALUE"),
    ] {
        let said = room.run(&["render", "rain.yaml", "-o", "w.wav", "--set", set]);
        assert!(matches!(said.status, 1 | 2), "{set}: {}", said.err);
        said.fails(said.status, &[words]);
        assert!(!room.path("w.wav").exists());
    }
}

#[test]
fn a_tail_goes_on_until_it_has_faded() {
    let room = room();
    let cut = sound(&room, "tune.yaml", &["--length", "4s"]);
    let whole = sound(&room, "tune.yaml", &["--length", "4s", "--tail"]);
    assert_eq!(whole[..cut.len()], cut);
    assert!(whole.len() > cut.len() + 22_050, "{}", whole.len());
    assert!(db(&whole[whole.len() - 22_050..]) < -80.0);
}

#[test]
fn what_cannot_be_rendered_or_written_says_why_and_leaves_nothing() {
    let room = room();
    room.put("wrong.yaml", RAIN.replace("noise", "noize"));
    room.put("deaf.yaml", "auralis: 1\nnodes:\n  hiss: { type: noise }\n");
    std::fs::create_dir(room.path("folder.wav")).unwrap();
    let render = |preset: &str, file: &str, more: &[&str]| {
        room.run(&[&["render", preset, "-o", file, "--length", "1s"], more].concat())
    };
    render("rain.yaml", "a.mp3", &[]).fails(1, &["ends in neither .wav nor .flac"]);
    render("rain.yaml", "a", &[]).fails(1, &["ends in neither .wav nor .flac"]);
    render("rain.yaml", "a.flac", &["--bits", "32f"]).fails(1, &["FLAC has no 32-bit floats"]);
    render("rain.yaml", "no/such/folder/a.wav", &[]).fails(1, &["cannot write no/such/folder/a.wav"]);
    render("rain.yaml", "folder.wav", &[]).fails(1, &["cannot write folder.wav"]);
    render("gone.yaml", "a.wav", &[]).fails(1, &["gone.yaml"]);
    render("nihgt_drift", "a.wav", &[]).fails(1, &["did you mean `night_drift`?"]);
    render("wrong.yaml", "a.wav", &[]).fails(1, &["wrong.yaml:5:16", "noise"]);
    render("deaf.yaml", "a.wav", &[]).fails(1, &["output"]);
    room.run(&["render", "rain.yaml", "-o", "a.wav", "--length", "100h"]).fails(1, &["4 GB"]);
    room.run(&["render", "rain.yaml", "-o", "a.flac", "--length", "1000000h"]).fails(1, &["FLAC"]);
    room.run(&["render", "rain.yaml", "-o", "a.wav", "--length", "9e99s"]).fails(2, &["--length"]);
    render("rain.yaml", "a.wav", &["--midi", "no/a.mid"]).fails(1, &["cannot write no/a.mid"]);
    assert_eq!(strays(&room), ["folder.wav"]);
}

#[test]
fn nothing_is_a_length_too() {
    let room = room();
    let said = room.run(&["render", "rain.yaml", "-o", "a.wav", "--length", "0s"]);
    assert!(said.ok().contains("0.0 s") && said.out.contains("silent"), "{}", said.out);
    assert_eq!(hound::WavReader::open(room.path("a.wav")).unwrap().duration(), 0);
    let flac = room.run(&["render", "rain.yaml", "-o", "a.flac", "--length", "0s"]);
    flac.fails(1, &["a FLAC file cannot be empty"]);
    assert!(!room.path("a.flac").exists());
}

/// What lies in a room, but for the presets and the user's folder.
fn strays(room: &Room) -> Vec<String> {
    let entries = std::fs::read_dir(room.path("")).expect("the room can be read");
    let names = entries.map(|entry| entry.expect("it is there").file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "auralis" && !name.ends_with(".yaml")).collect()
}

#[cfg(unix)]
#[test]
fn an_interrupted_render_says_so_and_leaves_nothing() {
    let room = room();
    room.put("a.wav", "precious");
    let mut command = room.command();
    let mut child = command.args(["render", "rain.yaml", "-o", "a.wav", "--length", "4h"]).spawn().unwrap();
    while strays(&room).len() < 2 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    // It listens to signals before it begins to write.
    signal(&child, "INT");
    collect(child).fails(1, &["interrupted: a.wav is not written"]);
    assert_eq!((room.bytes("a.wav"), strays(&room)), (b"precious".to_vec(), vec!["a.wav".to_string()]));
}

#[test]
fn renders_of_one_file_do_not_harm_each_other() {
    let room = room();
    let render =
        || room.command().args(["render", "rain.yaml", "-o", "a.wav", "--length", "30s"]).spawn().unwrap();
    for child in [render(), render(), render()] {
        collect(child).ok();
    }
    let together = room.bytes("a.wav");
    assert!(together == self::render(&room, "rain.yaml", "b.wav", &["--length", "30s"]), "they differ");
    assert_eq!(strays(&room).len(), 2, "{:?}", strays(&room));
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_reported_and_what_stood_there_stays() {
    let room = room();
    room.put("a.wav", "precious");
    // 20 blocks of 512 bytes may be written, and the signal that says so is passed over.
    let mut shell = std::process::Command::new("sh");
    let program = room.command();
    shell.args(["-c", "trap '' XFSZ; ulimit -f 20; exec \"$0\" \"$@\""]).arg(program.get_program());
    shell.args(["render", "rain.yaml", "-o", "a.wav", "--length", "2s"]).current_dir(room.path(""));
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    finish(&mut shell).fails(1, &["cannot write a.wav", "File too large"]);
    assert_eq!(room.bytes("a.wav"), b"precious");
    assert_eq!(strays(&room), ["a.wav"]);
}
