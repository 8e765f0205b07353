//! The notes of a rendering as a standard MIDI file: one track for each source and channel, 960 ticks a quarter.

use auralis_graph::Catalogue;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::journal::{Journal, JournalChange};
use auralis_graph::node::Role;
use auralis_graph::note::NoteKind;
use auralis_graph::plan::{Options, Socket};
use auralis_graph::port::PortKind;
use auralis_graph::preset::{NodeEntry, Outlet, Preset};
use auralis_graph::render::Render;
use auralis_graph::settings::{Setting, Settings};
use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, Track, TrackEvent, TrackEventKind};
use std::collections::{BTreeMap, HashMap};

/// An event and its tick within the file.
type Timed<'a> = (i64, TrackEventKind<'a>);

/// Renders the notes between two moments, in seconds, and writes them as a MIDI file.
///
/// # Errors
/// As [`auralis_graph::build`].
pub fn render(
    preset: &Preset,
    catalogue: &Catalogue,
    options: &Options,
    journal: &Journal,
    from: f64,
    length: f64,
) -> Result<Vec<u8>, Diagnostics> {
    let (tapped, names) = tap(preset, catalogue);
    let options = Options { socket: Socket::Play, ..options.clone() };
    let mut rendering = Render::of_notes(&tapped, catalogue, &options, journal, from)?;
    let start = rendering.built().engine.tick();
    let end = journal.tick_at(from + length, options.settings);
    let mut tracks: BTreeMap<(u16, u8), Vec<Timed<'_>>> = BTreeMap::new();
    let mut sounding: HashMap<(u16, u32), (u8, u8)> = HashMap::new();
    while rendering.built().engine.tick() < end + 1.0 {
        for note in rendering.quantum() {
            let tick = (note.tick - start).round().max(0.0) as i64;
            if note.tick >= end {
                continue;
            }
            let event = note.event;
            let channel = event.channel.min(15);
            let track = tracks.entry((note.source, channel)).or_default();
            let key_of = |key: f32| key.round().clamp(0.0, 127.0) as u8;
            match event.kind {
                NoteKind::On { key, velocity } => {
                    let (key, vel) = (key_of(key), (velocity * 127.0).round().clamp(1.0, 127.0) as u8);
                    sounding.insert((note.source, event.id), (channel, key));
                    track.push((
                        tick,
                        midi(channel, MidiMessage::NoteOn { key: u7::new(key), vel: u7::new(vel) }),
                    ));
                }
                NoteKind::Off { velocity } => {
                    if let Some((channel, key)) = sounding.remove(&(note.source, event.id)) {
                        let vel = u7::new((velocity * 127.0).round().clamp(0.0, 127.0) as u8);
                        track.push((tick, midi(channel, MidiMessage::NoteOff { key: u7::new(key), vel })));
                    }
                }
                _ => {}
            }
        }
    }
    // What still sounds at the end is released there.
    let last = (end - start).round() as i64;
    for ((source, _), (channel, key)) in sounding {
        let off = MidiMessage::NoteOff { key: u7::new(key), vel: u7::new(64) };
        tracks.entry((source, channel)).or_default().push((last, midi(channel, off)));
    }
    Ok(write(&tracks, &names, &tempo_track(preset, journal, options.settings, start, end)))
}

fn midi<'a>(channel: u8, message: MidiMessage) -> TrackEventKind<'a> {
    TrackEventKind::Midi { channel: u4::new(channel), message }
}

/// The preset with an outlet behind every node that makes notes of its own, and the outlets' names in the order
/// in which notes name them.
fn tap(preset: &Preset, catalogue: &Catalogue) -> (Preset, Vec<String>) {
    let mut tapped = preset.clone();
    let Some(kind) = catalogue.iter().find(|kind| kind.role == Role::NotesOut).copied() else {
        return (tapped, Vec::new());
    };
    for index in 0..tapped.nodes.len() {
        if matches!(tapped.nodes[index].kind.role, Role::NotesOut | Role::FileSink) {
            // The preset's own outlets and files are not wanted here.
            tapped.change_node(index, |node| node.kind.role = Role::Part);
        }
    }
    let (mut names, mut outlets) = (Vec::new(), Vec::new());
    for (index, node) in preset.nodes.iter().enumerate() {
        let takes_notes = node.ports.inputs.iter().any(|port| matches!(port.kind, PortKind::Notes { .. }));
        // A composer may hear what is played, and makes its own notes all the same.
        if (takes_notes && node.kind.role != Role::Composer) || node.kind.role == Role::NotesIn {
            continue;
        }
        for (port, spec) in node.ports.outputs.iter().enumerate() {
            if !matches!(spec.kind, PortKind::Notes { .. }) {
                continue;
            }
            let name = format!("{}.{}", node.name, spec.name);
            let outlet = NodeEntry::plain(kind, name.clone(), Outlet { node: index, port }, node.span);
            if let Some(outlet) = outlet {
                outlets.push(outlet);
                names.push(name);
            }
        }
    }
    if !tapped.add_nodes(outlets) {
        names.clear();
    }
    (tapped, names)
}

fn tempo_track<'a>(
    preset: &Preset,
    journal: &Journal,
    settings: Settings,
    start: f64,
    end: f64,
) -> Vec<Timed<'a>> {
    let tempo = |bpm: f64| {
        let micros = (60e6 / bpm).round().clamp(1.0, 16_777_215.0) as u32;
        TrackEventKind::Meta(MetaMessage::Tempo(u24::new(micros)))
    };
    let at_start = journal.start_at(start, preset, settings);
    let first = at_start.changes.last().map_or(settings, |change| change.1);
    let meter = settings.meter;
    let unit = meter.unit.trailing_zeros() as u8;
    let mut events = vec![
        (0, tempo(first.tempo)),
        (0, TrackEventKind::Meta(MetaMessage::TimeSignature(meter.beats, unit, 24, 8))),
    ];
    for entry in journal.entries() {
        let tick = entry.tick as f64;
        if let JournalChange::Setting(Setting::Tempo(bpm)) = entry.change
            && tick > start
            && tick < end
        {
            events.push(((tick - start).round() as i64, tempo(bpm)));
        }
    }
    events
}

fn write(tracks: &BTreeMap<(u16, u8), Vec<Timed<'_>>>, names: &[String], tempo: &[Timed<'_>]) -> Vec<u8> {
    let titles: Vec<String> = tracks.keys().map(|key| title(key, tracks, names)).collect();
    let header = Header::new(Format::Parallel, Timing::Metrical(u15::new(960)));
    let mut file = Smf::new(header);
    file.tracks.push(track("tempo", tempo));
    for (title, events) in titles.iter().zip(tracks.values()) {
        let mut events = events.clone();
        // At one tick, ends before beginnings: a key that is struck again was released.
        events.sort_by_key(|(tick, event)| {
            let on = matches!(event, TrackEventKind::Midi { message: MidiMessage::NoteOn { .. }, .. });
            (*tick, on)
        });
        file.tracks.push(track(title, &events));
    }
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = file.write_std(&mut bytes);
    bytes
}

/// A track's name: the node and output, with the channel where there are several.
fn title(
    (source, channel): &(u16, u8),
    tracks: &BTreeMap<(u16, u8), Vec<Timed<'_>>>,
    names: &[String],
) -> String {
    let name = names.get(usize::from(*source)).map_or("notes", String::as_str);
    let alone = tracks.keys().filter(|(other, _)| other == source).count() == 1;
    if alone { name.to_string() } else { format!("{name} {}", channel + 1) }
}

fn track<'a>(name: &'a str, events: &[Timed<'a>]) -> Track<'a> {
    let mut track = vec![TrackEvent {
        delta: u28::new(0),
        kind: TrackEventKind::Meta(MetaMessage::TrackName(name.as_bytes())),
    }];
    let mut last = 0;
    for (tick, kind) in events {
        let delta = (tick - last).clamp(0, i64::from(u28::max_value().as_int())) as u32;
        track.push(TrackEvent { delta: u28::new(delta), kind: *kind });
        last = *tick;
    }
    track.push(TrackEvent { delta: u28::new(0), kind: TrackEventKind::Meta(MetaMessage::EndOfTrack) });
    track
}
