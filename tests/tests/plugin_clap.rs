//! The instrument in a CLAP host: what is heard is what `auralis render` writes, in the host's time.

mod instrument;

use auralis_graph::testing::measure::{cents_off, level_db, peak};
use auralis_tests::Room;
use auralis_tests::clap_host::{Event, Time, hanging};
use instrument::{
    KEYS, PLAYING, STOPPED, TUNE, begun, differ, instance_of, library, rendered, settled, shipped,
};

#[test]
fn a_bounce_is_what_render_writes_to_the_sample() {
    let library = library();
    for (preset, rate) in [("night_drift", 44_100), ("tidal_clock", 48_000)] {
        let (text, tempo) = shipped(preset);
        let time = Time { tempo, ..PLAYING };
        let mut instance = instance_of(&library, &text);
        instance.set_offline(true);
        let mut active = instance.activate(f64::from(rate), 4096);
        let (latency, frames) = (instance.latency() as usize, 12 * rate as usize);
        let bounce = active.render(frames + latency, &[512, 1, 333, 4096, 64], time, &[]);
        instance.deactivate(active);
        let file = rendered(&text, rate, 12, &[]);
        for (bounced, written) in bounce.iter().zip(&file) {
            let differ = differ(&bounced[latency..], written);
            assert_eq!(differ, 0, "{preset} at {rate} Hz: samples that differ of {frames}");
            assert!(level_db(written) > -50.0, "something is heard");
        }
        // A second bounce, of the same instance.
        let mut active = instance.activate(f64::from(rate), 4096);
        let again = active.render(frames + latency, &[1024], time, &[]);
        instance.deactivate(active);
        assert_eq!(differ(&bounce[0], &again[0]) + differ(&bounce[1], &again[1]), 0, "{preset}");
    }
}

#[test]
fn keys_sound_at_their_pitch_and_end_at_every_rate_and_block() {
    let library = library();
    for (rate, block) in [(44_100, 1), (48_000, 512), (88_200, 37), (96_000, 4096), (192_000, 1000)] {
        let mut instance = instance_of(&library, KEYS);
        let mut active = instance.activate(f64::from(rate), 4096);
        let latency = instance.latency() as usize;
        let (press, lift) = (rate as usize / 10 + 1, rate as usize * 7 / 10 + 1);
        let events = [(press as u64, Event::On(0, 69, 0.8)), (lift as u64, Event::Off(0, 69))];
        let [left, _] = active.render(rate as usize * 3 / 2, &[block], STOPPED, &events);
        assert_eq!(peak(&left[..press + latency]), 0.0, "silence before the key");
        let start = left.iter().position(|x| *x != 0.0).unwrap();
        assert!((press + latency..press + latency + 8).contains(&start), "{rate} Hz: {start}");
        let cents = cents_off(&left[rate as usize / 4..rate as usize * 6 / 10], 440.0, f64::from(rate));
        assert!(cents.abs() < 5.0, "{rate} Hz: {cents} cents");
        assert!(level_db(&left[rate as usize * 5 / 4..]) < -100.0, "the key is lifted");
        instance.deactivate(active);
    }
}

#[test]
fn automation_moves_what_the_preset_exposes_at_its_sample() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    let slot = instance.param("Slot 1");
    assert_eq!(instance.text(slot, 0.5), "-6 dB", "in the middle the preset's own value");
    let quiet = instance.read(slot, "-30 dB").unwrap();
    assert_eq!(instance.text(slot, quiet), "-30 dB");
    let mut active = instance.activate(48_000.0, 4096);
    let latency = instance.latency() as usize;
    let press = (0, Event::On(0, 69, 0.8));
    let [steady, _] = active.render(96_000, &[4096], STOPPED, &[press]);
    instance.deactivate(active);
    for (change, fall) in [(Event::Param(slot, quiet), 24.0), (Event::Modulate(slot, quiet - 0.5), 24.0)] {
        let mut instance = instance_of(&library, KEYS);
        let mut active = instance.activate(48_000.0, 4096);
        let [left, _] = active.render(96_000, &[4096], STOPPED, &[press, (48_000, change)]);
        let (before, after) = (level_db(&steady[60_000..]), level_db(&left[60_000..]));
        assert!((before - after - fall).abs() < 0.2, "{change:?}: {before} {after}");
        // The glide begins at the sample of the event, whatever the block.
        let turn = left.iter().zip(&steady).position(|(a, b)| a != b).unwrap();
        assert!((48_000 + latency..48_000 + latency + 60).contains(&turn), "{change:?}: {turn}");
        let step = left[48_000..54_000].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        let smooth = steady[48_000..54_000].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(step <= smooth * 1.05, "{change:?}: no zipper, {step} {smooth}");
        instance.deactivate(active);
    }
}

#[test]
fn what_the_composer_plays_leaves_as_notes_with_the_sound_and_all_of_it_ends() {
    let library = library();
    let mut instance = instance_of(&library, TUNE);
    let mut active = instance.activate(48_000.0, 512);
    let latency = u64::from(instance.latency());
    active.render(480_000, &[512], PLAYING, &[]);
    let sent = active.sent.clone();
    assert!(!hanging(&sent).is_empty(), "the host is in the middle of a chord");
    active.render(48_000, &[512], STOPPED, &[]);
    assert!(hanging(&active.sent).is_empty(), "{:?}", hanging(&active.sent));
    instance.deactivate(active);

    let room = Room::new();
    room.put("tune.yaml", TUNE);
    let length = ["--length", "9s", "--midi", "tune.mid", "--rate", "48000"];
    room.run(&[&["render", "tune.yaml", "-o", "tune.wav"][..], &length[..]].concat()).ok();
    let bytes = room.bytes("tune.mid");
    let file = midly::Smf::parse(&bytes).unwrap();
    let mut written = Vec::new();
    for track in &file.tracks {
        let mut tick = 0u64;
        for event in track {
            tick += u64::from(event.delta.as_int());
            if let midly::TrackEventKind::Midi { channel, message: midly::MidiMessage::NoteOn { key, vel } } =
                event.kind
                && vel > 0
            {
                // 960 ticks a quarter note, two quarter notes a second.
                written.push((tick * 25, u16::from(channel.as_int()), u16::from(key.as_int())));
            }
        }
    }
    written.sort_unstable();
    let heard = begun(&sent, latency, latency + 9 * 48_000);
    assert!(heard.len() > 20, "{} notes", heard.len());
    assert_eq!(heard.len(), written.len());
    for (heard, written) in heard.iter().zip(&written) {
        assert!(
            heard.0.abs_diff(written.0) <= 25 && heard.1 == written.1 && heard.2 == written.2,
            "{heard:?} {written:?}"
        );
    }
}

#[test]
fn a_loop_repeats_what_it_holds_or_is_played_through() {
    let library = library();
    let straight = {
        let mut instance = instance_of(&library, TUNE);
        let mut active = instance.activate(48_000.0, 512);
        active.render(576_000, &[512], PLAYING, &[]);
        let sent = active.sent.clone();
        instance.deactivate(active);
        sent
    };
    // Eight quarter notes are 192,000 frames.
    let looped = Time { looped: Some((0.0, 8.0)), ..PLAYING };
    for through in [false, true] {
        let mut instance = instance_of(&library, TUNE);
        let param = instance.param("Play Through Loops");
        let mut active = instance.activate(48_000.0, 512);
        let latency = u64::from(instance.latency());
        let events = [(0, Event::Param(param, f64::from(u8::from(through))))];
        active.render(576_000, &[512], looped, &events);
        let pass = |nth: u64| begun(&active.sent, latency + nth * 192_000, latency + (nth + 1) * 192_000);
        let aim = |nth: u64| begun(&straight, latency + nth * 192_000, latency + (nth + 1) * 192_000);
        assert!(aim(0) != aim(1) && aim(0).len() > 5);
        for nth in 0..2 {
            let (heard, aim) = (pass(nth), aim(if through { nth } else { 0 }));
            assert_eq!(heard.len(), aim.len(), "{through} {nth}");
            let same = |(a, b): (&(u64, u16, u16), &(u64, u16, u16))| {
                a.0.abs_diff(b.0) <= 1 && (a.1, a.2) == (b.1, b.2)
            };
            assert!(heard.iter().zip(&aim).all(same), "{through} {nth}: {heard:?} {aim:?}");
        }
        instance.deactivate(active);
    }
}

#[test]
fn a_change_of_tempo_in_the_middle_stretches_what_follows() {
    let library = library();
    let mut instance = instance_of(&library, TUNE);
    let mut active = instance.activate(48_000.0, 512);
    let latency = u64::from(instance.latency());
    active.render(96_000, &[480], PLAYING, &[]);
    // Four quarter notes in; the rest at half the pace.
    let slow = Time { tempo: 60.0, from: 4.0, ..PLAYING };
    active.render(384_000, &[480], slow, &[]);
    let mut whole = instance_of(&library, TUNE);
    let mut straight = whole.activate(48_000.0, 512);
    straight.render(288_000, &[480], PLAYING, &[]);
    let aim = begun(&straight.sent, latency + 96_000, latency + 288_000);
    let heard = begun(&active.sent, latency + 96_000, latency + 480_000);
    assert!(aim.len() > 5 && heard.len() == aim.len(), "{heard:?} {aim:?}");
    for (heard, aim) in heard.iter().zip(&aim) {
        assert_eq!((heard.1, heard.2), (aim.1, aim.2));
        assert!(heard.0.abs_diff(2 * aim.0) <= 2, "{heard:?} {aim:?}");
    }
    instance.deactivate(active);
    whole.deactivate(straight);
}

#[test]
fn a_host_that_stands_still_hears_nothing_unless_it_asks_for_it() {
    let library = library();
    for free in [false, true] {
        let mut instance = instance_of(&library, TUNE);
        let param = instance.param("Play While Stopped");
        let mut active = instance.activate(48_000.0, 512);
        let [left, _] =
            active.render(96_000, &[512], STOPPED, &[(0, Event::Param(param, f64::from(u8::from(free))))]);
        assert_eq!(peak(&left) > 0.01, free);
        // It starts at its bar 9, and is followed there.
        let ninth = Time { from: 32.0, ..PLAYING };
        active.sent.clear();
        active.render(192_000, &[512], ninth, &[]);
        let mut other = instance_of(&library, TUNE);
        let mut straight = other.activate(48_000.0, 512);
        straight.render(192_000, &[512], ninth, &[]);
        let keys =
            |sent: &[_]| begun(sent, 0, u64::MAX).iter().map(|note| (note.1, note.2)).collect::<Vec<_>>();
        assert_eq!(keys(&active.sent), keys(&straight.sent));
        instance.deactivate(active);
        other.deactivate(straight);
    }
}

#[test]
fn key_and_mode_are_the_hosts_to_choose() {
    let library = library();
    let mut instance = instance_of(&library, TUNE);
    let (key, mode, seed) = (instance.param("Key"), instance.param("Mode"), instance.param("Seed"));
    assert_eq!(instance.text(key, 0.0), "As written");
    let set = |instance: &mut auralis_tests::clap_host::Instance, id, text: &str| {
        let value = instance.read(id, text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(instance.text(id, value), text);
        (0, Event::Param(id, value))
    };
    let events =
        [set(&mut instance, key, "Eb"), set(&mut instance, mode, "major"), set(&mut instance, seed, "99")];
    let mut active = instance.activate(48_000.0, 512);
    active.render(960_000, &[512], PLAYING, &events);
    let notes = begun(&active.sent, 0, u64::MAX);
    let scale = [3, 5, 7, 8, 10, 0, 2];
    let outside = notes.iter().filter(|note| !scale.contains(&(note.2 % 12))).count();
    assert!(notes.len() > 40 && outside * 10 < notes.len(), "{outside} of {}", notes.len());
    instance.deactivate(active);
}

#[test]
fn a_bypass_is_silence_in_time() {
    let library = library();
    let mut instance = instance_of(&library, TUNE);
    let bypass = instance.param("Bypass");
    let mut active = instance.activate(48_000.0, 512);
    let events = [(96_000, Event::Param(bypass, 1.0)), (192_000, Event::Param(bypass, 0.0))];
    let [left, _] = active.render(288_000, &[512], PLAYING, &events);
    let mut other = instance_of(&library, TUNE);
    let mut straight = other.activate(48_000.0, 512);
    let [whole, _] = straight.render(288_000, &[512], PLAYING, &[]);
    assert_eq!(peak(&left[97_000..191_900]), 0.0);
    assert_eq!(differ(&left[..96_000], &whole[..96_000]), 0);
    assert_eq!(differ(&left[193_000..], &whole[193_000..]), 0, "the music went on");
    let notes = begun(&active.sent, 97_000, 191_900);
    assert!(notes.is_empty(), "{notes:?}");
    instance.deactivate(active);
    other.deactivate(straight);
}

#[test]
fn a_pedal_a_bend_and_single_note_expression_are_heard() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    let mut active = instance.activate(48_000.0, 512);
    let bent = |active: &mut auralis_tests::clap_host::Active,
                before: &[[u8; 3]],
                bend: [u8; 3],
                channel,
                aim: f64| {
        let mut events: Vec<(u64, Event)> = before.iter().map(|bytes| (0, Event::Midi(*bytes))).collect();
        events.extend([
            (0, Event::On(channel, 69, 0.8)),
            (0, Event::Midi(bend)),
            (48_000, Event::Off(channel, 69)),
        ]);
        let [left, _] = active.render(72_000, &[512], STOPPED, &events);
        cents_off(&left[12_000..36_000], aim, 48_000.0)
    };
    // Two semitones up at the full bend; forty-eight on a channel of a single note.
    let full = |channel: u8| [0xe0 | channel, 127, 127];
    assert!(bent(&mut active, &[], full(0), 0, 440.0 * 2f64.powf(2.0 / 12.0)).abs() < 5.0);
    let mpe = [[0xb0, 101, 0], [0xb0, 100, 6], [0xb0, 6, 15]];
    let octave = [0xe1, 0, 64 + 16];
    assert!(bent(&mut active, &mpe, octave, 1, 880.0).abs() < 10.0);
    // The pedal holds what is lifted.
    let pedal = [(0, Event::Midi([0xb2, 64, 127])), (0, Event::On(2, 60, 0.8)), (4_800, Event::Off(2, 60))];
    let [held, _] = active.render(48_000, &[512], STOPPED, &pedal);
    assert!(level_db(&held[36_000..]) > -40.0);
    let [gone, _] = active.render(48_000, &[512], STOPPED, &[(0, Event::Midi([0xb2, 64, 0]))]);
    assert!(level_db(&gone[36_000..]) < -100.0);
    instance.deactivate(active);
}

#[test]
fn the_bundle_names_its_instrument() {
    let named = library().instruments();
    assert_eq!(named, [("org.auralis.instrument".to_string(), "Auralis".to_string())]);
}

#[test]
fn a_host_is_asked_for_a_restart_by_another_latency_and_by_nothing_else() {
    let library = library();
    let quieter = KEYS.replace("gain: -6 dB", "gain: -9 dB");
    let later = KEYS
        .replace("in: voice }", "in: even }")
        .replace("  out:", "  even: { type: limiter, in: voice }\n  out:");
    for (text, restarts) in [(quieter, 0), (later, 1)] {
        let mut instance = instance_of(&library, KEYS);
        let mut active = instance.activate(48_000.0, 512);
        let before = instance.latency();
        active.render(4_800, &[512], STOPPED, &[]);
        // The wrapper tells a first latency only once the instrument is active, and so asks for a restart by itself.
        let first = instance.restarts();
        instance.load_piece("test", &text);
        let settled = std::thread::spawn(move || {
            let press = [(0, Event::On(0, 69, 0.8))];
            active.render(4_800, &[512], STOPPED, &press);
            settled(&mut active);
            active
        });
        let active = settled.join().unwrap();
        assert_eq!(instance.restarts() - first, restarts, "{text}");
        // What a host does then.
        instance.deactivate(active);
        let active = instance.activate(48_000.0, 512);
        assert_eq!(instance.latency() > before, restarts == 1, "{before} and {} frames", instance.latency());
        instance.deactivate(active);
    }
}

#[test]
fn hosts_are_told_of_pages_voices_ports_and_tail() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    assert_eq!(instance.note_ports(), (1, 1));
    let pages = instance.pages();
    let (intensity, first, last) =
        (instance.param("Intensity"), instance.param("Slot 1"), instance.param("Slot 64"));
    let shows = |section: &str, id: u32| pages.iter().any(|page| page.0 == section && page.2.contains(&id));
    assert!(shows("Piece", intensity) && shows("Controls", first) && shows("Controls", last), "{pages:?}");
    assert!(pages.iter().all(|page| page.2.len() <= 8));
    let mut active = instance.activate(48_000.0, 512);
    active.render(512, &[512], STOPPED, &[]);
    assert_eq!(instance.voices(), 32, "as many as the synth has");
    let tail = active.tail().expect("what only answers to keys ends");
    assert!((1_000..10_000_000).contains(&tail), "{tail}");
    instance.deactivate(active);
    let mut endless = instance_of(&library, TUNE);
    let mut active = endless.activate(48_000.0, 512);
    active.render(512, &[512], STOPPED, &[]);
    assert_eq!(active.tail(), None, "a composer goes on");
    endless.deactivate(active);
}
