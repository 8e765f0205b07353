//! A composer that follows the chords that are held on a keyboard.

use crate::scores::*;
use auralis_graph::Built;
use auralis_graph::chance::Chance;
use auralis_graph::command::{Change, Command, When};
use auralis_graph::engine::NoteOut;
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::plan::Socket;
use auralis_graph::testing::{RATE, build_at, render_blocks, seek};
use auralis_nodes::catalogue;
use std::collections::BTreeSet;

/// At 300 beats a minute a tick lasts 10 frames of 48 kHz, a bar 38,400, and a phrase of 8 bars 307,200.
const HEAD: &str = "tempo: 300\nseed: 5\nintensity: 0.7\n";
const BAR: i64 = 38_400;
const PHRASE: i64 = 307_200;

const D_FLAT: [u8; 3] = [61, 65, 68];
const G_SEVEN: [u8; 4] = [55, 59, 62, 65];

fn followed(keys: &str) -> String {
    let keys = if keys.is_empty() { "in: hands".to_string() } else { format!("{keys}, in: hands") };
    preset(HEAD, &keys).replace("nodes:\n", "nodes:\n  hands: { type: midi_in }\n")
}

fn playing(keys: &str) -> Built {
    build_at(&followed(keys), &catalogue(), RATE, Socket::Play)
}

fn at(built: &Built, frame: i64, event: NoteEvent) {
    built.controller.note("hands", event, When::Frame(frame)).unwrap();
}

fn press(built: &Built, frame: i64, keys: &[u8]) {
    for key in keys {
        at(built, frame, NoteEvent::on(0, 0, u32::from(*key), f32::from(*key), 0.8));
    }
}

fn lift(built: &Built, frame: i64, keys: &[u8]) {
    for key in keys {
        at(built, frame, NoteEvent::off(0, 0, u32::from(*key)));
    }
}

fn pedal(built: &Built, frame: i64, value: f32) {
    let kind = NoteKind::Sustain(value);
    at(built, frame, NoteEvent { offset: 0, channel: 0, id: NoteEvent::CHANNEL, kind });
}

fn send(built: &Built, frame: i64, change: Change) {
    built.controller.send(Command { when: When::Frame(frame), change }).unwrap();
}

fn played(built: &mut Built, frames: i64) -> Vec<Heard> {
    joined(&run(built, frames), frames)
}

fn is_in(chord: &[u8], key: u8) -> bool {
    chord.iter().any(|tone| tone % 12 == key % 12)
}

/// What pads and bass sound at a frame.
fn harmony_at(heard: &[Heard], frame: i64) -> Vec<(u8, u8)> {
    sounding_at(heard, frame).into_iter().filter(|(channel, _)| *channel != 1).collect()
}

#[test]
fn hands_that_rest_change_nothing() {
    for keys in ["", "texture: broken, follow: beat", "texture: rolled, phrase: 16 bars", "pedal: always"] {
        let plain: Vec<NoteOut> = run(&mut engine(HEAD, keys), 3 * PHRASE);
        assert!(plain.len() > 100 && run(&mut playing(keys), 3 * PHRASE) == plain, "{keys}");
        // Nor do pedals, bends, and keys that were let go of long ago.
        let mut built = playing(keys);
        pedal(&built, 10, 1.0);
        pedal(&built, 900, 0.0);
        at(
            &built,
            50,
            NoteEvent { offset: 0, channel: 0, id: NoteEvent::CHANNEL, kind: NoteKind::Bend(2.0) },
        );
        at(&built, 70, NoteEvent::off(0, 0, 60));
        at(&built, 77, NoteEvent::release_all(0, 3));
        assert!(run(&mut built, 3 * PHRASE) == plain, "{keys}");
    }
}

#[test]
fn pads_and_bass_are_of_the_held_chord_and_the_melody_goes_with_it() {
    let textures = ["held", "struck", "rolled", "broken"];
    for (texture, chord) in textures.into_iter().flat_map(|t| [(t, &D_FLAT[..]), (t, &G_SEVEN[..])]) {
        let keys = format!("texture: {texture}");
        let plain = joined(&run(&mut engine(HEAD, &keys), 16 * PHRASE), 16 * PHRASE);
        let mut built = playing(&keys);
        press(&built, 0, chord);
        let heard = played(&mut built, 16 * PHRASE);
        for h in heard.iter().filter(|h| h.channel != 1) {
            assert!(is_in(chord, h.key), "{texture} {chord:?}: {h:?}");
        }
        // Rhythm, touch and register are as composed: only keys differ.
        let rhythm = |heard: &[Heard]| {
            let of = |h: &Heard| (h.from, h.to, h.channel, h.id, h.velocity.to_bits());
            heard.iter().map(of).collect::<BTreeSet<_>>()
        };
        assert_eq!(rhythm(&heard), rhythm(&plain), "{texture} {chord:?}");
        let (mut stands, mut lines, mut roots) = (0, 0, 0);
        for h in &heard {
            let own = plain.iter().find(|p| (p.id, p.channel) == (h.id, h.channel)).unwrap();
            let most = [12, 6, 11][usize::from(h.channel)];
            assert!(h.key.abs_diff(own.key) <= most, "{texture}: {h:?} {own:?}");
            lines += usize::from(h.channel == 1);
            stands += usize::from(h.channel == 1 && is_in(chord, h.key));
            roots += usize::from(h.channel == 2 && h.key % 12 == chord[0] % 12);
        }
        let bass = heard.iter().filter(|h| h.channel == 2).count();
        assert!(2 * stands > lines && lines > 20, "{texture}: {stands} of {lines}");
        assert!(2 * roots > bass && bass > 5, "{texture}: {roots} of {bass}");
        // All of the chord is heard.
        let classes: BTreeSet<u8> = heard.iter().filter(|h| h.channel == 0).map(|h| h.key % 12).collect();
        assert_eq!(classes.len(), chord.len(), "{texture}");
    }
}

#[test]
fn one_key_asks_for_the_triad_of_its_scale() {
    let mut built = playing("");
    press(&built, 0, &[62]);
    let heard = played(&mut built, 2 * PHRASE);
    let key = built.engine.initial_settings().key;
    assert_eq!(key.to_string(), "A minor");
    assert!(heard.iter().filter(|h| h.channel != 1).all(|h| is_in(&[62, 65, 69], h.key)));
}

#[test]
fn a_new_chord_moves_what_sounds_at_its_very_frame_and_only_that() {
    let (first, second, third) = (2 * BAR + 7_777, 2 * BAR + 20_001, 3 * BAR + 9_999);
    let mut built = playing("texture: held");
    press(&built, first, &[57, 60, 64, 67]);
    // F major: A and C stay where they are.
    lift(&built, second, &[64, 67]);
    press(&built, second, &[65]);
    // A finger that goes late still counts for a while, so that hands may take their time.
    press(&built, third, &[62]);
    lift(&built, third + 1_000, &[57]);
    let settled = third + 1_000 + (0.08 * f64::from(RATE)) as i64;
    let heard = played(&mut built, PHRASE);
    let plain = joined(&run(&mut engine(HEAD, "texture: held"), PHRASE), PHRASE);
    assert_eq!(sounding_at(&heard, first - 1), sounding_at(&plain, first - 1));
    let mut voices = None;
    for (frame, chord) in [
        (first, &[57, 60, 64, 67][..]),
        (second - 1, &[57, 60, 64, 67]),
        (second, &[57, 60, 65]),
        (third, &[57, 60, 62, 65]),
        (settled - 1, &[57, 60, 62, 65]),
        (settled, &[60, 62, 65]),
    ] {
        let sounding = harmony_at(&heard, frame);
        assert!(sounding.iter().all(|(_, key)| is_in(chord, *key)), "{frame} {sounding:?}");
        assert!(
            *voices.get_or_insert(sounding.len()) == sounding.len() && sounding.len() > 3,
            "{sounding:?}"
        );
    }
    assert!(harmony_at(&heard, settled - 1).iter().any(|(_, key)| is_in(&[57], *key)));
    for frame in [first, second, third, settled] {
        let at = |which: fn(&Heard) -> i64| heard.iter().filter(move |h| which(h) == frame);
        for start in at(|h| h.from) {
            let same = |end: &&Heard| (end.channel, end.key) == (start.channel, start.key);
            assert!(!at(|h| h.to).any(|end| same(&end)), "{start:?} is struck again");
        }
    }
    assert!(heard.iter().any(|h| h.channel != 1 && h.from < second && h.to > second), "nothing sounds on");
    assert!([first, second, settled].iter().all(|frame| heard.iter().any(|h| h.to == *frame)));
}

#[test]
fn once_all_is_let_go_the_composed_harmony_comes_back_with_its_next_chord() {
    let text = "texture: held, chord_bars: 2";
    let plain = joined(&run(&mut engine(HEAD, text), 2 * PHRASE), 2 * PHRASE);
    let mut built = playing(text);
    press(&built, BAR, &D_FLAT);
    lift(&built, 2 * BAR + 5_000, &D_FLAT);
    let heard = played(&mut built, 2 * PHRASE);
    for frame in (2 * BAR..4 * BAR).step_by(997) {
        assert!(harmony_at(&heard, frame).iter().all(|(_, key)| is_in(&D_FLAT, *key)), "{frame}");
    }
    // Hands are late by some ticks: what begins with the chord does so a little behind it.
    for frame in (4 * BAR..2 * PHRASE).step_by(997) {
        assert_eq!(harmony_at(&heard, frame), harmony_at(&plain, frame), "{frame}");
    }
    let after = |heard: &[Heard]| heard.iter().filter(|h| h.from > 4 * BAR).copied().collect::<Vec<_>>();
    assert_eq!(after(&heard), after(&plain));
}

#[test]
fn a_pedal_keeps_the_chord() {
    let mut built = playing("texture: held");
    press(&built, 0, &D_FLAT);
    pedal(&built, 100, 1.0);
    lift(&built, 5_000, &D_FLAT);
    pedal(&built, PHRASE + 20_000, 0.0);
    let heard = played(&mut built, 3 * PHRASE);
    for frame in (0..PHRASE + 20_000).step_by(997) {
        assert!(harmony_at(&heard, frame).iter().all(|(_, key)| is_in(&D_FLAT, *key)), "{frame}");
    }
    let plain = joined(&run(&mut engine(HEAD, "texture: held"), 3 * PHRASE), 3 * PHRASE);
    for frame in (2 * PHRASE..3 * PHRASE).step_by(997) {
        assert_eq!(sounding_at(&heard, frame), sounding_at(&plain, frame), "{frame}");
    }
}

#[test]
fn what_is_held_holds_at_every_place_one_goes_to_and_after_a_pause() {
    let mut built = playing("texture: held");
    press(&built, 100, &D_FLAT);
    send(&built, 50_003, seek(100_000));
    send(&built, 150_001, Change::Stop);
    lift(&built, 160_000, &D_FLAT);
    press(&built, 170_000, &G_SEVEN);
    send(&built, 200_007, Change::Play);
    let heard = played(&mut built, 400_000);
    for (from, to, chord) in [(200, 150_000, &D_FLAT[..]), (200_007, 400_000, &G_SEVEN)] {
        let mut most = 0;
        for frame in (from..to).step_by(333) {
            let sounding = harmony_at(&heard, frame);
            assert!(sounding.iter().all(|(_, key)| is_in(chord, *key)), "{frame} {sounding:?}");
            most = most.max(sounding.len());
        }
        assert!(most > 3, "{most}");
    }
    assert!(sounding_at(&heard, 150_001).is_empty() && sounding_at(&heard, 200_006).is_empty());
}

#[test]
fn the_same_hands_at_the_same_frames_are_the_same_piece_whatever_the_blocks() {
    let text = followed("texture: broken").replace("  out: { type: midi_out", "  blip: { type: synth, in: [composer.chords, composer.melody, composer.bass] }\n  sound: { type: output, in: blip }\n  out: { type: midi_out");
    let sound = |blocks: &[usize]| {
        let mut built = build_at(&text, &catalogue(), RATE, Socket::Play);
        for (turn, chord) in [&D_FLAT[..], &G_SEVEN, &[62]].into_iter().enumerate() {
            press(&built, 10_001 + 30_011 * turn as i64, chord);
            lift(&built, 35_003 + 30_011 * turn as i64, chord);
        }
        render_blocks(&mut built, 200_000, blocks)
    };
    let whole = sound(&[4_096]);
    for blocks in [&[1][..], &[64], &[333, 7, 4_000]] {
        assert!(sound(blocks) == whole, "{blocks:?}");
    }
}

#[test]
fn whatever_hands_do_every_note_ends_once_and_no_key_sounds_twice() {
    for seed in 0..6 {
        let keys = ["texture: held", "texture: broken, follow: beat", "texture: rolled, voices: 6"]
            [seed as usize % 3];
        let mut built = playing(keys);
        let mut chance = Chance::new(seed).named("hands");
        let mut events = Vec::new();
        for round in 0..200i64 {
            let frame = round * 6_400 + i64::from(chance.below(6_000));
            let key = 40 + chance.below(40) as u8;
            match chance.below(16) {
                0..6 => press(&built, frame, &[key, key + 3 + chance.below(3) as u8]),
                6..11 => lift(&built, frame, &(40..86).filter(|_| chance.happens(0.6)).collect::<Vec<_>>()),
                11 => pedal(&built, frame, 1.0),
                12 => pedal(&built, frame, 0.0),
                13 => send(&built, frame, seek(i64::from(chance.below(90_000)))),
                14 => at(&built, frame, NoteEvent::release_all(0, 0)),
                _ => {
                    send(&built, frame, Change::Stop);
                    send(&built, frame + 1 + i64::from(chance.below(300)), Change::Play);
                }
            }
            events.extend(run(&mut built, 6_400));
        }
        send(&built, built.engine.frame() + 10, Change::Stop);
        events.extend(run(&mut built, 640));
        let end = built.engine.frame();
        let heard = joined(&events, end + 1);
        assert!(heard.iter().all(|h| h.to <= end), "seed {seed}: a note hangs");
        assert!(heard.len() > 300, "seed {seed}: {}", heard.len());
    }
}
