//! The instrument in a VST3 host.

mod instrument;

use auralis_graph::testing::measure::{cents_off, level_db, peak};
use auralis_tests::bundles;
use instrument::{KEYS, TUNE, differ, instance_of, library, rendered};
use vst3_host::midi::MidiChannel;
use vst3_host::prelude::*;
use vst3_host::{ProcessMode, TransportPosition};

const RATE: f64 = 48_000.0;

/// An instance in its host.
struct Guest {
    plugin: Plugin,
    block: usize,
    frame: usize,
    tempo: f64,
    playing: bool,
}

impl Guest {
    /// With a session that has this text.
    fn of(text: &str, block: usize) -> Self {
        let host = Vst3Host::builder().sample_rate(RATE).block_size(block).build();
        let mut plugin = host.unwrap().load_plugin(bundles::vst3()).unwrap();
        // What a session keeps is the same in both formats, but for the length in front.
        plugin.load_state(&instance_of(&library(), text).save()[8..]).unwrap();
        Self { plugin, block, frame: 0, tempo: 120.0, playing: false }
    }

    fn start(&mut self, tempo: Option<f64>) {
        (self.tempo, self.playing) = (tempo.unwrap_or(120.0), tempo.is_some());
        self.plugin.set_tempo(self.tempo).unwrap();
        self.plugin.set_playing(self.playing).unwrap();
        self.plugin.start_processing().unwrap();
    }

    fn param(&self, name: &str) -> u32 {
        self.plugin.find_parameter(name).unwrap().id
    }

    /// Renders so many blocks; `before` is asked what to do before each.
    fn render(&mut self, blocks: usize, mut before: impl FnMut(usize, &mut Plugin)) -> [Vec<f32>; 2] {
        let mut buffers = AudioBuffers::new(0, 2, self.block, RATE);
        let mut sound = [Vec::new(), Vec::new()];
        for nth in 0..blocks {
            let quarter_notes = self.frame as f64 / RATE / 60.0 * self.tempo;
            let position = TransportPosition { samples: self.frame as i64, quarter_notes };
            self.plugin.set_transport_position(position).unwrap();
            before(nth, &mut self.plugin);
            self.plugin.process_audio(&mut buffers).unwrap();
            sound.iter_mut().zip(&buffers.outputs).for_each(|(all, part)| all.extend(part));
            if self.playing {
                self.frame += self.block;
            }
        }
        sound
    }
}

#[test]
fn a_bounce_is_what_render_writes_to_the_sample() {
    let mut guest = Guest::of(TUNE, 512);
    guest.plugin.set_process_mode(ProcessMode::Offline).unwrap();
    guest.start(Some(120.0));
    let latency = guest.plugin.latency_samples() as usize;
    assert!(latency >= 64, "{latency}");
    let bounce = guest.render(960, |_, _| ());
    let file = rendered(TUNE, 48_000, 10, &[]);
    for (bounced, written) in bounce.iter().zip(&file) {
        assert_eq!(differ(&bounced[latency..][..written.len()], written), 0);
        assert!(level_db(written) > -50.0);
    }
}

#[test]
fn keys_sound_at_their_pitch_and_automation_sets_their_level() {
    let mut guest = Guest::of(KEYS, 256);
    let slot = guest.param("Slot 1");
    assert_eq!(guest.plugin.format_parameter(slot, 0.5).unwrap(), "-6 dB");
    guest.start(None);
    let sound = guest.render(400, |nth, plugin| match nth {
        10 => plugin.send_midi_note(69, 100, MidiChannel::Ch1).unwrap(),
        200 => plugin.set_parameter_at(slot, 0.5 - 20.0 / 84.0 / 2.0, 100).unwrap(),
        350 => plugin.send_midi_note_off(69, MidiChannel::Ch1).unwrap(),
        _ => (),
    });
    let at = |block: usize| block * 256;
    assert_eq!(peak(&sound[0][..at(10)]), 0.0);
    assert!(cents_off(&sound[0][at(50)..at(190)], 440.0, RATE).abs() < 5.0);
    let (before, after) = (level_db(&sound[0][at(100)..at(190)]), level_db(&sound[0][at(220)..at(340)]));
    assert!((before - after - 20.0).abs() < 0.3, "{before} {after}");
    assert!(level_db(&sound[0][at(390)..]) < -60.0);
}

#[test]
fn a_session_is_kept_and_odd_ones_change_nothing() {
    let mut guest = Guest::of(TUNE, 512);
    let seed = guest.param("Seed");
    guest.plugin.set_parameter(seed, 1234.0 / 65_535.0).unwrap();
    guest.start(Some(120.0));
    guest.render(40, |_, _| ());
    let kept = guest.plugin.save_state().unwrap();
    let mut again = Guest::of(KEYS, 512);
    again.plugin.load_state(&kept).unwrap();
    assert!((again.plugin.get_parameter(seed).unwrap() * 65_535.0 - 1234.0).abs() < 0.5);
    again.start(Some(120.0));
    let sound = again.render(200, |_, _| ());
    assert!(level_db(&sound[0]) > -50.0);
    for odd in [&[][..], b"nonsense", b"{}", &[0; 1 << 20]] {
        let _ = again.plugin.load_state(odd);
        let sound = again.render(200, |_, _| ());
        assert!(level_db(&sound[0]) > -50.0, "it goes on");
    }
    assert!((again.plugin.get_parameter(seed).unwrap() * 65_535.0 - 1234.0).abs() < 0.5);
}
