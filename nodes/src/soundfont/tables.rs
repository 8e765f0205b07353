//! The tables of an SF2 file: presets, instruments and samples, checked so that rustysynth can neither panic on
//! them nor allocate without bound, mended where players mend, and written again for it. Control side only.
//!
//! Chapter numbers are those of the SoundFont Technical Specification 2.04.

use super::riff::{Broken, Parts, TABLES, read};
use std::io::{Read, Seek};

/// Generators of a zone in order, as numbers and amounts (8.1.2).
type Zone = Vec<(u16, i16)>;

const INSTRUMENT: u16 = 41;
const KEY_RANGE: u16 = 43;
const VELOCITY_RANGE: u16 = 44;
const SAMPLE: u16 = 53;
const MODE: u16 = 54;
/// Fine and coarse offsets of start, end, loop start and loop end.
const OFFSETS: [[u16; 2]; 4] = [[0, 4], [1, 12], [2, 45], [3, 50]];

/// A preset or an instrument.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// Bank, from 0; 0 for instruments.
    pub bank: u16,
    /// Program, from 0; 0 for instruments.
    pub program: u16,
    /// What its zones start from.
    common: Zone,
    zones: Vec<Zone>,
}

#[derive(Debug, Clone)]
struct Header {
    name: String,
    /// Start, end, loop start, loop end, in frames.
    places: [u32; 4],
    rate: u32,
    key: u8,
    correction: u8,
}

/// The tables of a font.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Presets, in the file's order.
    pub presets: Vec<Entry>,
    instruments: Vec<Entry>,
    samples: Vec<Header>,
}

/// Voices that one note may start.
const MOST_LAYERS: i32 = 128;
/// Pairs of preset and instrument zones of one preset: all are looked through at each note.
const MOST_PAIRS: usize = 1 << 15;
/// The same of the whole font.
const MOST_PAIRS_IN_ALL: usize = 1 << 20;

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes[..end].iter().map(|byte| if (32..127).contains(byte) { *byte as char } else { '?' }).collect()
}

impl Tables {
    /// Reads and checks the tables of a file whose sample data has this many frames.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(file: &mut (impl Read + Seek), parts: &Parts) -> Result<Self, Broken> {
        let mut bytes = Vec::new();
        for table in parts.tables {
            bytes.push(read(file, table)?);
        }
        let [phdr, pbag, pgen, inst, ibag, igen, shdr] = &bytes[..] else { unreachable!("seven tables") };
        let preset_zones = zones(pbag, pgen, "pbag")?;
        let instrument_zones = zones(ibag, igen, "ibag")?;
        let mut tables = Self {
            presets: entries(phdr, 38, 24, &preset_zones, INSTRUMENT, "phdr")?,
            instruments: entries(inst, 22, 20, &instrument_zones, SAMPLE, "inst")?,
            samples: records(shdr, 46).map(header).collect(),
        };
        for (preset, record) in tables.presets.iter_mut().zip(records(phdr, 38)) {
            (preset.program, preset.bank) = (word(record, 20), word(record, 22));
        }
        if tables.presets.is_empty() {
            return Err(Broken::new("has no programs"));
        }
        let frames = parts.samples.length / 2;
        tables.mend_samples(frames);
        tables.mend_instruments(frames)?;
        tables.mend_presets()?;
        Ok(tables)
    }

    /// Loops that make no sense are taken away; rates are kept within what 7.10 allows, widely read.
    fn mend_samples(&mut self, frames: u64) {
        for sample in &mut self.samples {
            let [start, _, from, to] = sample.places;
            if from >= to || u64::from(to) > frames {
                let rest = if u64::from(start) < frames { start } else { 0 };
                (sample.places[2], sample.places[3]) = (rest, rest);
            }
            sample.rate = sample.rate.clamp(100, 400_000);
            sample.key = if sample.key > 127 { 60 } else { sample.key };
        }
    }

    fn mend_instruments(&mut self, frames: u64) -> Result<(), Broken> {
        for instrument in &mut self.instruments {
            mend(&mut instrument.common, SAMPLE, false);
            for zone in &mut instrument.zones {
                mend(zone, SAMPLE, false);
                let effective = |number| amount(zone, number).or_else(|| amount(&instrument.common, number));
                let id = effective(SAMPLE).unwrap_or(0) as u16;
                let Some(sample) = self.samples.get(usize::from(id)) else {
                    let name = &instrument.name;
                    return Err(Broken::new(format!(
                        "asks for sample {id} in `{name}` and has {}",
                        self.samples.len()
                    )));
                };
                let place = |index: usize| {
                    let [fine, coarse] =
                        OFFSETS[index].map(|number| i64::from(effective(number).unwrap_or(0)));
                    i64::from(sample.places[index]) + fine + 32_768 * coarse
                };
                if place(0) < 0 || place(0) >= place(1) || place(1) > frames as i64 {
                    let message = format!("places its sample `{}` outside of its sample data", sample.name);
                    return Err(Broken::new(message));
                }
                if place(2) < 0 || place(2) > place(3) || place(3) > frames as i64 {
                    // No loop: its offsets are set to what leaves the sample's own.
                    let own: Vec<u16> = OFFSETS[2].iter().chain(&OFFSETS[3]).copied().collect();
                    zone.retain(|(number, _)| !own.contains(number) && *number != MODE);
                    let neutral = own.iter().chain(&[MODE]).map(|number| (*number, 0));
                    let sample = zone.pop();
                    zone.extend(neutral);
                    zone.extend(sample);
                }
            }
        }
        Ok(())
    }

    fn mend_presets(&mut self) -> Result<(), Broken> {
        let mut layers = vec![[0i32; 129]; 129];
        let mut all = 0;
        for preset in &mut self.presets {
            let (name, mut pairs) = (&preset.name, 0);
            layers.fill([0; 129]);
            mend(&mut preset.common, INSTRUMENT, true);
            for zone in &mut preset.zones {
                mend(zone, INSTRUMENT, true);
                let id = amount(zone, INSTRUMENT).unwrap_or(0) as u16;
                let Some(instrument) = self.instruments.get(usize::from(id)) else {
                    let held = self.instruments.len();
                    return Err(Broken::new(format!("asks for instrument {id} in `{name}` and has {held}")));
                };
                pairs += instrument.zones.len();
                all += instrument.zones.len();
                if pairs > MOST_PAIRS || all > MOST_PAIRS_IN_ALL {
                    return Err(Broken::new(format!("has more zones than can be played in `{name}`")));
                }
                for inner in &instrument.zones {
                    let range = |number| {
                        let (a, b) = limits(&preset.common, zone, number);
                        let (c, d) = limits(&instrument.common, inner, number);
                        (a.max(c), b.min(d))
                    };
                    let ((k0, k1), (v0, v1)) = (range(KEY_RANGE), range(VELOCITY_RANGE));
                    if k0 <= k1 && v0 <= v1 {
                        layers[k0][v0] += 1;
                        layers[k1 + 1][v0] -= 1;
                        layers[k0][v1 + 1] -= 1;
                        layers[k1 + 1][v1 + 1] += 1;
                    }
                }
            }
            if most_layers(&layers) > MOST_LAYERS {
                return Err(Broken::new(format!(
                    "starts more than {MOST_LAYERS} voices for one note of `{name}`"
                )));
            }
        }
        Ok(())
    }

    /// Multiplies all places and rates: the sample data was oversampled by this factor.
    pub fn oversample(&mut self, factor: u32) {
        for sample in &mut self.samples {
            sample.places = sample.places.map(|place| place * factor);
            sample.rate *= factor;
        }
        for zone in
            self.instruments.iter_mut().flat_map(|entry| entry.zones.iter_mut().chain([&mut entry.common]))
        {
            for [fine, coarse] in OFFSETS {
                let offset = |number| i64::from(amount(zone, number).unwrap_or(0));
                let whole = (offset(fine) + 32_768 * offset(coarse)) * i64::from(factor);
                if whole != 0 {
                    zone.retain(|(number, _)| *number != fine && *number != coarse);
                    zone.insert(0, (fine, (whole % 32_768) as i16));
                    zone.insert(0, (coarse, (whole / 32_768) as i16));
                }
            }
        }
    }

    /// The list `pdta` for rustysynth: without modulators, which it does not play.
    ///
    /// # Errors
    /// If mending made the tables larger than their indices can say.
    pub fn list(&self) -> Result<Vec<u8>, Broken> {
        let mut bodies: [Vec<u8>; 7] = Default::default();
        let mut counts = [0usize; 4];
        for (entries, first, record) in [(&self.presets, 0, 38), (&self.instruments, 3, 22)] {
            let (mut bags, mut generators) = (0usize, 0usize);
            for entry in entries {
                bodies[first].extend(entry_record(entry, bags, record));
                // An entry without any zone would be refused.
                let common = (!entry.common.is_empty() || entry.zones.is_empty()).then_some(&entry.common);
                for zone in common.into_iter().chain(&entry.zones) {
                    bodies[first + 1].extend(bag(generators));
                    let amounts = zone.iter().flat_map(|(number, amount)| [*number, *amount as u16]);
                    bodies[first + 2].extend(amounts.flat_map(u16::to_le_bytes));
                    (bags, generators) = (bags + 1, generators + zone.len());
                }
            }
            let end =
                Entry { name: String::new(), bank: 0, program: 0, common: Vec::new(), zones: Vec::new() };
            bodies[first].extend(entry_record(&end, bags, record));
            bodies[first + 1].extend(bag(generators));
            bodies[first + 2].extend([0; 4]);
            counts[first / 3 * 2] = bags;
            counts[first / 3 * 2 + 1] = generators;
        }
        if counts.iter().any(|count| *count > usize::from(u16::MAX)) {
            return Err(Broken::new("has more zones and generators than 65535"));
        }
        bodies[6] = self.samples.iter().flat_map(header_record).chain([0; 46]).collect();
        let mut list = b"pdta".to_vec();
        for (body, (id, _)) in bodies.iter().zip(TABLES) {
            list.extend(id);
            list.extend((body.len() as u32).to_le_bytes());
            list.extend(body);
        }
        Ok(list)
    }
}

/// Records without the last one, which only ends the table.
fn records(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    bytes.chunks_exact(size).take(bytes.len() / size - 1)
}

/// The zones of a bag table: each has the generators up to where the next begins.
fn zones(bags: &[u8], generators: &[u8], table: &str) -> Result<Vec<Zone>, Broken> {
    let starts: Vec<usize> = bags.chunks_exact(4).map(|bag| usize::from(word(bag, 0))).collect();
    let held = generators.len() / 4;
    let pairs = starts.windows(2).map(|pair| {
        if pair[0] > pair[1] || pair[1] > held {
            return Err(Broken::new(format!("has a damaged table `{table}`")));
        }
        let span = &generators[pair[0] * 4..pair[1] * 4];
        Ok(span.chunks_exact(4).map(|pair| (word(pair, 0), word(pair, 2) as i16)).collect())
    });
    pairs.collect()
}

/// Presets or instruments with their zones. A first zone that names no target is common to the others; further
/// ones are ignored, and so is what follows the target in a zone (7.3, 7.7).
fn entries(
    bytes: &[u8],
    size: usize,
    index: usize,
    all: &[Zone],
    target: u16,
    table: &str,
) -> Result<Vec<Entry>, Broken> {
    let starts: Vec<usize> =
        bytes.chunks_exact(size).map(|record| usize::from(word(record, index))).collect();
    let pairs = records(bytes, size).zip(starts.windows(2)).map(|(record, pair)| {
        let own = all.get(pair[0]..pair[1]);
        let own = own.ok_or_else(|| Broken::new(format!("has a damaged table `{table}`")))?;
        let mut entry =
            Entry { name: name(&record[..20]), bank: 0, program: 0, common: Vec::new(), zones: Vec::new() };
        for (place, zone) in own.iter().enumerate() {
            match zone.iter().position(|(number, _)| *number == target) {
                Some(end) => entry.zones.push(zone[..=end].to_vec()),
                None if place == 0 => entry.common.clone_from(zone),
                None => {}
            }
        }
        Ok(entry)
    });
    pairs.collect()
}

fn header(record: &[u8]) -> Header {
    Header {
        name: name(&record[..20]),
        places: [20, 24, 28, 32].map(|at| long(record, at)),
        rate: long(record, 36),
        key: record[40],
        correction: record[41],
    }
}

/// The last amount of a generator in a zone.
fn amount(zone: &Zone, number: u16) -> Option<i16> {
    zone.iter().rev().find(|generator| generator.0 == number).map(|generator| generator.1)
}

/// First and last key or velocity of a zone.
fn limits(common: &Zone, zone: &Zone, number: u16) -> (usize, usize) {
    let both = amount(zone, number).or_else(|| amount(common, number)).unwrap_or(0x7f00).to_le_bytes();
    (usize::from(both[0]), usize::from(both[1].min(127)))
}

/// The most layers at any key and velocity, from the corners of their rectangles.
fn most_layers(corners: &[[i32; 129]]) -> i32 {
    let (mut above, mut most) = ([0; 129], 0);
    for row in corners {
        let mut sum = 0;
        for (above, corner) in above.iter_mut().zip(row) {
            sum += corner;
            *above += sum;
            most = most.max(*above);
        }
    }
    most
}

/// Keeps one amount of each generator, the last, within what 8.1.3 allows where a synthesiser would otherwise blow
/// up; drops what is unknown, and puts `target` last. In presets amounts are relative.
fn mend(zone: &mut Zone, target: u16, relative: bool) {
    let mut amounts = [None; 59];
    for (number, amount) in zone.iter() {
        let (low, high) = match *number {
            5..=7 | 10 | 11 => (-12_000, 12_000),
            8 if relative => (-12_000, 12_000),
            8 => (1_500, 13_500),
            9 | 13 => (0, 960),
            17 => (-500, 500),
            15 | 16 => (0, 1_000),
            21..=28 | 30 | 33..=36 | 38 => (-16_000, 8_000),
            31 | 32 | 39 | 40 => (-1_200, 1_200),
            29 | 37 | 48 => (-1_440, 1_440),
            51 => (-120, 120),
            52 => (-1_200, 1_200),
            56 => (0, 1_200),
            58 => (-1, 127),
            _ => (i16::MIN, i16::MAX),
        };
        if let Some(kept) = amounts.get_mut(usize::from(*number)) {
            *kept = Some((*amount).clamp(low, high));
        }
    }
    let all = amounts.iter().enumerate().filter_map(|(number, amount)| amount.map(|a| (number as u16, a)));
    *zone = all.collect();
    zone.sort_by_key(|(number, _)| *number == target);
}

fn bag(generators: usize) -> [u8; 4] {
    let [a, b] = (generators as u16).to_le_bytes();
    [a, b, 0, 0]
}

fn padded(name: &str) -> [u8; 20] {
    let mut out = [0; 20];
    let kept = name.len().min(20);
    out[..kept].copy_from_slice(&name.as_bytes()[..kept]);
    out
}

fn entry_record(entry: &Entry, bags: usize, size: usize) -> Vec<u8> {
    let mut record = padded(&entry.name).to_vec();
    if size == 38 {
        record.extend(entry.program.to_le_bytes());
        record.extend(entry.bank.to_le_bytes());
    }
    record.extend((bags as u16).to_le_bytes());
    record.resize(size, 0);
    record
}

fn header_record(sample: &Header) -> Vec<u8> {
    let mut record = padded(&sample.name).to_vec();
    record.extend(sample.places.iter().chain([&sample.rate]).flat_map(|value| value.to_le_bytes()));
    record.extend([sample.key, sample.correction, 0, 0, 1, 0]);
    record
}
