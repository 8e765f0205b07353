//! A station without its clock and its sockets: the graph with encoder and ring, its editor, and one listener.

use auralis_graph::chance::Chance;
use auralis_graph::command::{Report, When};
use auralis_graph::music::Key;
use auralis_graph::places::Places;
use auralis_graph::plan::{Editor, Options, Socket};
use auralis_graph::settings::Setting;
use auralis_graph::testing::realtime::take_violations;
use auralis_graph::{Built, Catalogue, Controller, Engine, Preset, build};
use auralis_nodes::catalogue;
use auralis_nodes::ring_buffer::{ChunkRing, Read};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Frames per second of a station.
pub const RATE: u32 = 44_100;
/// Frames that an edit takes at most, and one quantum for it to begin.
const EDIT: usize = RATE as usize / 50 + 128;
/// No sample is larger. Presets stay below 0.9; where one fades into another both sound.
const PEAK: f32 = 1.5;
/// No sample is further from the one before: as far as a click would be.
const STEP: f32 = 0.8;

/// The loudest that was heard, and the largest step.
#[derive(Default)]
pub struct Heard {
    peak: f32,
    step: f32,
    last: [f32; 2],
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "peak {:.2}, largest step {:.2}", self.peak, self.step)
    }
}

pub struct Station {
    catalogue: Catalogue,
    engine: Engine,
    editor: Editor,
    controller: Controller,
    ring: Arc<ChunkRing>,
    cursor: u64,
    chance: Chance,
    pub heard: Heard,
}

impl Station {
    pub fn start(preset: &Preset) -> Self {
        let catalogue = catalogue();
        let options = Options {
            socket: Socket::Server,
            epoch: Some(0),
            ..Options::render(RATE, preset.settings(), Places::default())
        };
        let built = build(preset, &catalogue, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let Built { engine, editor, controller, offers, .. } = built;
        let ring = offers.of::<ChunkRing>().next().expect("a station has a ring").1;
        let (cursor, chance, heard) = (0, Chance::new(1), Heard::default());
        Self { catalogue, engine, editor, controller, ring, cursor, chance, heard }
    }

    /// Plays some frames, and steers now and then.
    pub fn play(&mut self, frames: usize, edit: usize) {
        let (mut left, mut right) = ([0.0; 4_410], [0.0; 4_410]);
        let mut rest = frames;
        while rest > 0 {
            let n = rest.min(left.len());
            self.steer(n);
            self.engine.render(&mut left[..n], &mut right[..n]);
            self.hear(&left[..n], &right[..n], edit);
            self.read(edit);
            rest -= n;
        }
    }

    /// Turns into another graph, and gives back what is no longer used.
    pub fn edit(&mut self, preset: &Preset, edit: usize) {
        let settings = self.engine.settings();
        let edited = self.editor.edit(preset, &self.catalogue, settings, Places::default(), &BTreeSet::new());
        let edited = edited.unwrap_or_else(|error| panic!("edit {edit}: {error}"));
        self.controller = edited.controller;
        let ring = edited.offers.of::<ChunkRing>().next().expect("a station has a ring").1;
        assert!(Arc::ptr_eq(&ring, &self.ring), "edit {edit}: listeners have lost their ring");
        self.play(EDIT, edit);
        assert_eq!(self.editor.sweep(), 0, "edit {edit}: the engine keeps what it has no use for");
        // As a station does every second.
        self.editor.balance();
    }

    /// Every ten seconds or so, a setting or a control.
    fn steer(&mut self, frames: usize) {
        if self.chance.below(RATE * 10) >= frames as u32 {
            return;
        }
        let keys = ["A minor", "D dorian", "C major", "F# minor"];
        let key = keys[self.chance.below(keys.len() as u32) as usize].parse::<Key>().expect("a key");
        let settings = [
            Setting::Tempo(50.0 + f64::from(self.chance.below(60))),
            Setting::Intensity(self.chance.unit()),
            Setting::Key(key),
        ];
        let sent = match self.controller.controls() {
            controls if !controls.is_empty() && self.chance.below(2) == 0 => {
                let control = &controls[self.chance.below(controls.len() as u32) as usize];
                let value = control.range.value(self.chance.unit());
                self.controller.set_control(&control.name, value, When::Now)
            }
            _ => self.controller.set(settings[self.chance.below(3) as usize], When::Now),
        };
        sent.expect("the engine takes changes");
    }

    fn hear(&mut self, left: &[f32], right: &[f32], edit: usize) {
        assert_eq!(take_violations(), 0, "edit {edit}: the audio thread allocated, or called the system");
        while let Some(report) = self.controller.report() {
            if let Report::Failed { node, failure, .. } = report {
                panic!("edit {edit}: `{}` failed: {failure}", self.controller.node_name(node));
            }
        }
        let heard = &mut self.heard;
        for (side, last) in [left, right].into_iter().zip(&mut heard.last) {
            for sample in side {
                assert!(sample.is_finite(), "edit {edit}: a sample is not finite");
                heard.peak = heard.peak.max(sample.abs());
                heard.step = heard.step.max((sample - *last).abs());
                *last = *sample;
            }
        }
        assert!(heard.peak > 0.0, "edit {edit}: nothing is heard");
        assert!(heard.peak <= PEAK, "edit {edit}: a sample reaches {}", heard.peak);
        assert!(heard.step <= STEP, "edit {edit}: a click of {}", heard.step);
    }

    /// Reads what a listener would: no chunk is missing.
    fn read(&mut self, edit: usize) {
        loop {
            let next = self.cursor;
            match self.ring.read(&mut self.cursor) {
                Read::Chunk(chunk) => assert_eq!(chunk.index, next, "edit {edit}: another chunk"),
                Read::Waiting => return,
                Read::Moved(_) => panic!("edit {edit}: chunk {next} is missing"),
            }
        }
    }
}
