//! Writes an SF2 file (SoundFont Technical Specification 2.04, Creative Technology 2006; chapters by number
//! below). Knows chunks and records, nothing of sound.

use std::ops::Range;

/// Generators, by their numbers in 8.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
#[allow(missing_docs)]
pub enum Generator {
    StartOffset = 0,
    StartCoarseOffset = 4,
    VibratoLfoToPitch = 6,
    ModEnvToFilter = 11,
    ModLfoToFilter = 10,
    FilterCutoff = 8,
    FilterQ = 9,
    ModLfoToVolume = 13,
    ReverbSend = 16,
    Pan = 17,
    ModLfoDelay = 21,
    ModLfoFrequency = 22,
    VibratoLfoDelay = 23,
    VibratoLfoFrequency = 24,
    ModEnvAttack = 26,
    ModEnvHold = 27,
    ModEnvDecay = 28,
    ModEnvSustain = 29,
    ModEnvRelease = 30,
    Attack = 34,
    Hold = 35,
    Decay = 36,
    Sustain = 37,
    Release = 38,
    Instrument = 41,
    KeyRange = 43,
    VelocityRange = 44,
    Attenuation = 48,
    FineTune = 52,
    SampleId = 53,
    SampleModes = 54,
}

/// One sample, mono.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Name of at most 19 characters.
    pub name: String,
    /// Its frames.
    pub frames: Vec<i16>,
    /// Frames per second.
    pub rate: u32,
    /// MIDI key at which it sounds as recorded.
    pub key: u8,
    /// The part that repeats; the frames behind it go on as it does.
    pub cycle: Option<Range<usize>>,
}

/// Which sample sounds where, and how.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Index of the sample.
    pub sample: usize,
    /// Generators and their amounts; key and velocity range, sample and loop mode are put in place.
    pub generators: Vec<(Generator, i16)>,
}

/// One program of a bank, with one instrument.
#[derive(Debug, Clone)]
pub struct Program {
    /// Name of at most 19 characters.
    pub name: String,
    /// Bank, from 0.
    pub bank: u16,
    /// Program, from 0.
    pub program: u16,
    /// Its zones.
    pub zones: Vec<Zone>,
}

/// Everything in the file.
#[derive(Debug, Clone, Default)]
pub struct Font {
    /// INFO strings by chunk name.
    pub info: Vec<([u8; 4], String)>,
    /// All samples.
    pub samples: Vec<Sample>,
    /// All programs, by bank and number.
    pub programs: Vec<Program>,
}

/// Silent frames behind each sample (7.10).
const GUARD: usize = 46;

/// The default modulator from velocity to filter cutoff (8.4.2) with amount 0: players disagree on it, so the
/// font switches it off. The three amount sources are those of versions 2.01, of players that read it with the
/// other polarity, and of 2.04.
const NO_VELOCITY_TO_FILTER: [[u16; 5]; 3] =
    [[0x0102, 8, 0, 0x0d02, 0], [0x0102, 8, 0, 0x0c02, 0], [0x0102, 8, 0, 0, 0]];

fn chunk(id: &[u8; 4], body: Vec<u8>) -> Vec<u8> {
    let mut out = id.to_vec();
    out.extend((body.len() as u32).to_le_bytes());
    let odd = body.len() % 2 == 1;
    out.extend(body);
    if odd {
        out.push(0);
    }
    out
}

fn list(id: &[u8; 4], chunks: Vec<Vec<u8>>) -> Vec<u8> {
    let mut body = id.to_vec();
    body.extend(chunks.concat());
    chunk(b"LIST", body)
}

/// A name of 20 bytes, ended by zero.
fn name(text: &str) -> [u8; 20] {
    let mut out = [0; 20];
    let kept = text.len().min(19);
    out[..kept].copy_from_slice(&text.as_bytes()[..kept]);
    out
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

impl Font {
    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut info = vec![chunk(b"ifil", words(&[2, 1])), chunk(b"isng", b"EMU8000\0".to_vec())];
        for (id, text) in &self.info {
            let mut body = text.as_bytes().to_vec();
            body.push(0);
            body.resize(body.len().next_multiple_of(2), 0);
            info.push(chunk(id, body));
        }
        let mut body = b"sfbk".to_vec();
        body.extend(list(b"INFO", info));
        let (smpl, headers) = self.sample_chunks();
        body.extend(list(b"sdta", vec![chunk(b"smpl", smpl)]));
        body.extend(list(b"pdta", self.parameter_chunks(headers)));
        chunk(b"RIFF", body)
    }

    /// The `smpl` and `shdr` chunks' bodies.
    fn sample_chunks(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut smpl, mut headers) = (Vec::new(), Vec::new());
        for sample in &self.samples {
            let start = smpl.len() / 2;
            smpl.extend(sample.frames.iter().flat_map(|frame| frame.to_le_bytes()));
            let end = smpl.len() / 2;
            smpl.extend([0; 2 * GUARD]);
            let cycle = sample.cycle.clone().unwrap_or(0..0);
            headers.extend(name(&sample.name));
            for place in [start, end, start + cycle.start, start + cycle.end] {
                headers.extend((place as u32).to_le_bytes());
            }
            headers.extend(sample.rate.to_le_bytes());
            // No pitch correction, no link, a mono sample (7.10).
            headers.extend([sample.key, 0]);
            headers.extend(words(&[0, 1]));
        }
        headers.extend(name("EOS"));
        headers.extend([0; 26]);
        (smpl, headers)
    }

    /// The nine chunks of `pdta`. Each program has one preset zone and one instrument with a global zone.
    fn parameter_chunks(&self, headers: Vec<u8>) -> Vec<Vec<u8>> {
        let (mut phdr, mut pbag, mut pgen) = (Vec::new(), Vec::new(), Vec::new());
        let (mut inst, mut ibag, mut igen, mut imod) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let bags = |bag: &[u8]| (bag.len() / 4) as u16;
        for (index, program) in self.programs.iter().enumerate() {
            phdr.extend(name(&program.name));
            phdr.extend(words(&[program.program, program.bank, bags(&pbag)]));
            phdr.extend([0; 12]);
            pbag.extend(words(&[bags(&pgen), 0]));
            pgen.extend(words(&[Generator::Instrument as u16, index as u16]));
            inst.extend(name(&program.name));
            inst.extend(words(&[bags(&ibag)]));
            ibag.extend(words(&[bags(&igen), (imod.len() / 10) as u16]));
            imod.extend(NO_VELOCITY_TO_FILTER.iter().flat_map(|record| words(record)));
            for zone in &program.zones {
                ibag.extend(words(&[bags(&igen), (imod.len() / 10) as u16]));
                igen.extend(zone_generators(zone, self.samples[zone.sample].cycle.is_some()));
            }
        }
        phdr.extend(name("EOP"));
        phdr.extend(words(&[0, 0, bags(&pbag)]));
        phdr.extend([0; 12]);
        inst.extend(name("EOI"));
        inst.extend(words(&[bags(&ibag)]));
        pbag.extend(words(&[bags(&pgen), 0]));
        ibag.extend(words(&[bags(&igen), (imod.len() / 10) as u16]));
        pgen.extend([0; 4]);
        igen.extend([0; 4]);
        imod.extend([0; 10]);
        let bodies = [
            (b"phdr", phdr),
            (b"pbag", pbag),
            (b"pmod", vec![0; 10]),
            (b"pgen", pgen),
            (b"inst", inst),
            (b"ibag", ibag),
            (b"imod", imod),
            (b"igen", igen),
            (b"shdr", headers),
        ];
        bodies.into_iter().map(|(id, body)| chunk(id, body)).collect()
    }
}

/// A zone's generators in the order that 8.1.2 demands: key range, velocity range, the rest, the sample.
fn zone_generators(zone: &Zone, looped: bool) -> Vec<u8> {
    let mut generators = zone.generators.clone();
    generators.push((Generator::SampleModes, i16::from(looped)));
    generators.push((Generator::SampleId, zone.sample as i16));
    generators.sort_by_key(|(generator, _)| match generator {
        Generator::KeyRange => 0,
        Generator::VelocityRange => 1,
        Generator::SampleId => 3,
        _ => 2,
    });
    generators.iter().flat_map(|(generator, amount)| words(&[*generator as u16, *amount as u16])).collect()
}
