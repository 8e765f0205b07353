//! The recipe of the default SoundFont: every instrument is synthesised here and written to an SF2 file. No sample
//! comes from anywhere else, so the font is free for any use. Equal runs give equal bytes, on every machine.

pub mod ensemble;
pub mod fft;
pub mod instruments;
pub mod modal;
pub mod patch;
pub mod sf2;
pub mod tone;
pub mod wave;

use sf2::{Font, Program, Sample};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Level of all instruments in dB: as loud as the loudest sample allows, because players drop notes whose velocity
/// and attenuation together reach -60 dB.
const LEVEL: f64 = 3.0;

/// The file that the recipe makes.
pub fn build() -> Vec<u8> {
    font().bytes()
}

/// The font before it is written. The instruments are made on as many threads as the machine has cores.
pub fn font() -> Font {
    let next = AtomicUsize::new(0);
    let programs = instruments::PROGRAMS;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(programs.len());
    let mut patches: Vec<(usize, patch::Patch)> = std::thread::scope(|scope| {
        let work = || {
            let mut made = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(program) = programs.get(index) else { return made };
                made.push((index, program()));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("an instrument's recipe holds")).collect()
    });
    patches.sort_by_key(|(index, _)| *index);
    let mut font = Font { info: info(), ..Font::default() };
    for (number, patch) in patches {
        let mut zones = Vec::new();
        for (index, layer) in patch.layers.iter().enumerate() {
            let (frames, level) = layer.wave.quantised();
            let sample = font.samples.len();
            for region in &layer.regions {
                zones.push(region.zone(sample, level + patch.level + LEVEL, layer.wave.decay));
            }
            font.samples.push(Sample {
                name: format!("{} {}.{index}", patch.name, layer.wave.key),
                frames,
                rate: layer.wave.rate,
                key: layer.wave.key,
                cycle: layer.wave.cycle.clone(),
            });
        }
        font.programs.push(Program { name: patch.name.into(), bank: 0, program: number as u16, zones });
    }
    font
}

fn info() -> Vec<([u8; 4], String)> {
    let text = |id: &[u8; 4], text: &str| (*id, text.to_string());
    vec![
        text(b"INAM", "Auralis"),
        text(b"IENG", "The Auralis founders"),
        text(b"ICOP", "Free for any use, without condition (CC0 1.0)"),
        text(b"ICMT", "Instruments for ambient music, made by synthesis: cargo xtask soundfont"),
        text(b"ISFT", "Auralis"),
    ]
}
