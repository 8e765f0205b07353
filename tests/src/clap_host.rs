//! A CLAP host: it loads an instrument, gives it blocks of time and events, and keeps what comes of them.

use clack_extensions::latency::{HostLatency, HostLatencyImpl, PluginLatency};
use clack_extensions::note_ports::PluginNotePorts;
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::remote_controls::{PluginRemoteControls, RemoteControlsPageBuffer};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::PluginState;
use clack_extensions::tail::{PluginTail, TailLength};
use clack_extensions::voice_info::PluginVoiceInfo;
use clack_host::events::event_types::{
    MidiEvent, NoteOffEvent, NoteOnEvent, ParamModEvent, ParamValueEvent, TransportEvent, TransportFlags,
};
use clack_host::events::{EventFlags, EventHeader, Match, Pckn, spaces::CoreEventSpace};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, ClapId, SecondsTime};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What the instrument asked of its host.
#[derive(Debug, Default)]
struct Asked {
    /// How often to be restarted.
    restarts: AtomicU32,
    /// Whether to be called on the main thread.
    call: AtomicBool,
}

struct Shared(Arc<Asked>);

impl SharedHandler<'_> for Shared {
    fn request_restart(&self) {
        self.0.restarts.fetch_add(1, Ordering::Relaxed);
    }

    fn request_process(&self) {}

    fn request_callback(&self) {
        self.0.call.store(true, Ordering::Release);
    }
}

/// Asks for the latency when it is needed.
struct MainThread;

impl MainThreadHandler<'_> for MainThread {}

impl HostLatencyImpl for MainThread {
    fn changed(&self) {}
}

struct Handlers;

impl HostHandlers for Handlers {
    type Shared<'a> = Shared;
    type MainThread<'a> = MainThread;
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<Self>, _: &Shared) {
        builder.register::<HostLatency>();
    }
}

/// An event for the instrument, at a frame of the whole run.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// A key is pressed: channel, key, velocity from 0 to 1.
    On(u16, u16, f64),
    /// A key is lifted: channel, key.
    Off(u16, u16),
    /// Three bytes of MIDI.
    Midi([u8; 3]),
    /// A parameter is set, by its id, to a value as CLAP counts it.
    Param(u32, f64),
    /// A parameter is modulated by an amount.
    Modulate(u32, f64),
}

/// How the host's time goes.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// Whether the transport runs.
    pub playing: bool,
    /// Quarter notes per minute.
    pub tempo: f64,
    /// Where it begins, in quarter notes.
    pub from: f64,
    /// A loop in quarter notes: what begins at its end begins at its start again. Blocks are cut there.
    pub looped: Option<(f64, f64)>,
}

/// A note that the instrument sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sent {
    /// Frame of the run.
    pub frame: u64,
    /// Whether it begins.
    pub on: bool,
    /// Channel, 0 to 15.
    pub channel: u16,
    /// MIDI key.
    pub key: u16,
}

/// A parameter as the host sees it.
#[derive(Debug, Clone)]
pub struct Param {
    /// CLAP's id.
    pub id: u32,
    /// Its name.
    pub name: String,
}

/// A library that is loaded.
pub struct Library(PluginEntry);

impl Library {
    /// Loads a bundle.
    ///
    /// # Panics
    /// It is none.
    pub fn load(path: &Path) -> Self {
        // SAFETY: our own library, which does nothing when it is loaded.
        Self(unsafe { PluginEntry::load(path) }.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// Ids and names of the instruments in it.
    ///
    /// # Panics
    /// It has no factory.
    pub fn instruments(&self) -> Vec<(String, String)> {
        let factory = self.0.get_plugin_factory().expect("a CLAP library has a factory");
        let text = |text: Option<&std::ffi::CStr>| text.unwrap_or_default().to_string_lossy().into_owned();
        factory.plugin_descriptors().map(|found| (text(found.id()), text(found.name()))).collect()
    }

    /// Makes an instance of its first instrument.
    ///
    /// # Panics
    /// It refuses.
    pub fn instance(&self) -> Instance {
        let (id, _) = self.instruments().into_iter().next().expect("an instrument");
        let id = std::ffi::CString::new(id).expect("an id");
        let info = HostInfo::new("Auralis tests", "Auralis", "", "1").expect("plain words");
        let asked = Arc::new(Asked::default());
        let shared = Arc::clone(&asked);
        let plugin = PluginInstance::<Handlers>::new(|_| Shared(shared), |_| MainThread, &self.0, &id, &info);
        Instance { plugin: plugin.expect("the instrument can be made"), asked }
    }
}

/// An instance of the instrument.
pub struct Instance {
    plugin: PluginInstance<Handlers>,
    asked: Arc<Asked>,
}

impl Instance {
    fn extension<
        E: clack_host::extensions::Extension<ExtensionSide = clack_host::extensions::PluginExtensionSide>,
    >(
        &mut self,
    ) -> E {
        self.plugin.plugin_handle().get_extension().expect("the instrument has this extension")
    }

    /// All parameters, in order.
    pub fn params(&mut self) -> Vec<Param> {
        let params: PluginParams = self.extension();
        let handle = self.plugin.plugin_handle();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (0..params.count(&handle))
            .filter_map(|index| {
                let mut buffer = ParamInfoBuffer::new();
                let info = params.get_info(&handle, index, &mut buffer)?;
                Some(Param { id: info.id.get(), name: text(info.name) })
            })
            .collect()
    }

    /// The id of a parameter.
    ///
    /// # Panics
    /// There is none of this name.
    pub fn param(&mut self, name: &str) -> u32 {
        let params = self.params();
        let found = params.iter().find(|param| param.name == name);
        found.unwrap_or_else(|| panic!("no parameter is called {name}")).id
    }

    /// A parameter's value.
    pub fn value(&mut self, id: u32) -> f64 {
        let params: PluginParams = self.extension();
        let id = ClapId::new(id);
        params.get_value(&self.plugin.plugin_handle(), id).expect("the parameter has a value")
    }

    /// Sets a parameter of an instance that is not active.
    pub fn set(&mut self, id: u32, value: f64) {
        let params: PluginParams = self.extension();
        let mut input = EventBuffer::new();
        input.push(&ParamValueEvent::new(0, ClapId::new(id), Pckn::match_all(), value));
        let (mut output, mut handle) =
            (EventBuffer::new(), self.plugin.inactive_plugin_handle().expect("inactive"));
        params.flush(&mut handle, &input.as_input(), &mut output.as_output());
    }

    /// What a value of a parameter is in words.
    pub fn text(&mut self, id: u32, value: f64) -> String {
        let params: PluginParams = self.extension();
        let mut buffer = [0; 256];
        let text = params.value_to_text(&self.plugin.plugin_handle(), ClapId::new(id), value, &mut buffer);
        String::from_utf8_lossy(text.expect("a value has a text")).into_owned()
    }

    /// The value that words mean.
    pub fn read(&mut self, id: u32, text: &str) -> Option<f64> {
        let params: PluginParams = self.extension();
        let text = std::ffi::CString::new(text).expect("plain words");
        params.text_to_value(&self.plugin.plugin_handle(), ClapId::new(id), &text)
    }

    /// Frames of latency.
    pub fn latency(&mut self) -> u32 {
        let latency: PluginLatency = self.extension();
        latency.get(&self.plugin.plugin_handle())
    }

    /// The pages for a controller's knobs: section, page, and the ids of their parameters.
    pub fn pages(&mut self) -> Vec<(String, String, Vec<u32>)> {
        let pages: PluginRemoteControls = self.extension();
        let handle = self.plugin.plugin_handle();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (0..pages.count(&handle))
            .filter_map(|index| {
                let mut buffer = RemoteControlsPageBuffer::new();
                let page = pages.get(&handle, index, &mut buffer)?;
                let ids = page.param_ids.iter().flatten().map(|id| id.get()).collect();
                Some((text(page.section_name), text(page.page_name), ids))
            })
            .collect()
    }

    /// Voices that it says it has.
    pub fn voices(&mut self) -> u32 {
        let voices: PluginVoiceInfo = self.extension();
        voices.get(&self.plugin.plugin_handle()).expect("it tells of its voices").voice_count
    }

    /// Ports for notes, in and out.
    pub fn note_ports(&mut self) -> (u32, u32) {
        let ports: PluginNotePorts = self.extension();
        let handle = self.plugin.plugin_handle();
        (ports.count(&handle, true), ports.count(&handle, false))
    }

    /// Says whether there are deadlines from now on.
    pub fn set_offline(&mut self, offline: bool) {
        let render: PluginRender = self.extension();
        let mode = if offline { RenderMode::Offline } else { RenderMode::Realtime };
        render.set(&self.plugin.plugin_handle(), mode).expect("the mode can be set");
    }

    /// What a session keeps of it.
    pub fn save(&mut self) -> Vec<u8> {
        let state: PluginState = self.extension();
        let mut bytes = Vec::new();
        state.save(&self.plugin.plugin_handle(), &mut bytes).expect("the state can be saved");
        bytes
    }

    /// Gives it what a session kept. Returns whether it was understood.
    pub fn load(&mut self, state: &[u8]) -> bool {
        let extension: PluginState = self.extension();
        extension.load(&self.plugin.plugin_handle(), &mut &state[..]).is_ok()
    }

    /// What [`Instance::save`] gives, with another preset's text in it.
    ///
    /// # Panics
    /// The state is not what it should be.
    pub fn load_piece(&mut self, name: &str, text: &str) {
        let mut state = unpacked(&self.save());
        let piece =
            serde_json::json!({ "format": 1, "piece": { "name": name, "text": text, "folder": null } });
        state["fields"]["piece"] = piece.to_string().into();
        assert!(self.load(&packed(&state)), "the state is understood");
    }

    /// How often it has asked to be restarted. It is called on the main thread first, if it has asked for that.
    pub fn restarts(&mut self) -> u32 {
        if self.asked.call.swap(false, Ordering::Acquire) {
            self.plugin.call_on_main_thread_callback();
        }
        self.asked.restarts.load(Ordering::Relaxed)
    }

    /// Activates it.
    ///
    /// # Panics
    /// It refuses.
    pub fn activate(&mut self, sample_rate: f64, most: u32) -> Active {
        let config = PluginAudioConfiguration { sample_rate, min_frames_count: 1, max_frames_count: most };
        let stopped = self.plugin.activate(|_, _| (), config).expect("the instrument can be activated");
        let started = stopped.start_processing().expect("the instrument can be started");
        Active { started, sample_rate, frame: 0, sent: Vec::new() }
    }

    /// Deactivates it.
    pub fn deactivate(&mut self, active: Active) {
        self.plugin.deactivate(active.started.stop_processing());
    }
}

/// The audio half of an active instance; it may be sent to another thread.
pub struct Active {
    started: StartedPluginAudioProcessor<Handlers>,
    sample_rate: f64,
    frame: u64,
    /// The notes that the instrument sent.
    pub sent: Vec<Sent>,
}

impl Active {
    /// Renders frames of stereo, in blocks of these lengths in turn. Events are given with frames counted from here.
    ///
    /// # Panics
    /// The instrument fails.
    pub fn render(
        &mut self,
        frames: usize,
        blocks: &[usize],
        time: Time,
        events: &[(u64, Event)],
    ) -> [Vec<f32>; 2] {
        let mut sound = [vec![0.0; frames], vec![0.0; frames]];
        let per_frame = time.tempo / 60.0 / self.sample_rate;
        let mut quarters = time.from;
        let mut done = 0;
        for block in blocks.iter().cycle() {
            if done == frames {
                break;
            }
            let mut length = (*block).min(frames - done);
            if let Some((start, end)) = time.looped.filter(|_| time.playing) {
                if quarters >= end - per_frame * 0.5 {
                    quarters = start + (quarters - end).max(0.0);
                }
                length = length.min((((end - quarters) / per_frame).round() as usize).max(1));
            }
            let due = |(frame, event): &(u64, Event)| {
                let at = usize::try_from(*frame).ok()?.checked_sub(done).filter(|at| *at < length)?;
                Some((at as u32, *event))
            };
            let due: Vec<(u32, Event)> = events.iter().filter_map(due).collect();
            let [left, right] = &mut sound;
            let out = [&mut left[done..done + length], &mut right[done..done + length]];
            self.process(out, time, quarters, &due);
            if time.playing {
                quarters += length as f64 * per_frame;
            }
            done += length;
        }
        sound
    }

    fn process(&mut self, mut out: [&mut [f32]; 2], time: Time, quarters: f64, events: &[(u32, Event)]) {
        let length = out[0].len();
        let mut input = EventBuffer::new();
        for (at, event) in events {
            let pckn = |channel: u16, key: u16| Pckn::new(0u16, channel, key, Match::All);
            match *event {
                Event::On(channel, key, velocity) => {
                    input.push(&NoteOnEvent::new(*at, pckn(channel, key), velocity))
                }
                Event::Off(channel, key) => input.push(&NoteOffEvent::new(*at, pckn(channel, key), 0.5)),
                Event::Midi(bytes) => input.push(&MidiEvent::new(*at, 0, bytes)),
                Event::Param(id, value) => {
                    input.push(&ParamValueEvent::new(*at, ClapId::new(id), Pckn::match_all(), value));
                }
                Event::Modulate(id, amount) => {
                    input.push(&ParamModEvent::new(*at, ClapId::new(id), Pckn::match_all(), amount));
                }
            }
        }
        let mut output = EventBuffer::with_capacity(4096);
        let mut ports = AudioPorts::with_capacity(2, 1);
        let channels = out.iter_mut().map(|channel| &mut **channel);
        let mut audio = ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(channels),
        }]);
        let transport = transport(time, quarters);
        let status = self.started.process(
            &InputAudioBuffers::empty(),
            &mut audio,
            &input.as_input(),
            &mut output.as_output(),
            Some(self.frame),
            Some(&transport),
        );
        status.expect("the instrument renders");
        for event in &output {
            let frame = self.frame + u64::from(event.header().time());
            let note = |on, channel: Match<u16>, key: Match<u16>| Sent {
                frame,
                on,
                channel: channel.into_specific().unwrap_or(99),
                key: key.into_specific().unwrap_or(999),
            };
            match event.as_core_event() {
                Some(CoreEventSpace::NoteOn(event)) => {
                    self.sent.push(note(true, event.channel(), event.key()))
                }
                Some(CoreEventSpace::NoteOff(event)) => {
                    self.sent.push(note(false, event.channel(), event.key()))
                }
                _ => {}
            }
        }
        self.frame += length as u64;
    }

    /// Frames that it sounds on; none where it does so without end.
    pub fn tail(&mut self) -> Option<u32> {
        let handle = self.started.plugin_handle();
        let tail: PluginTail = handle.get_extension().expect("it tells of its tail");
        match tail.get(&handle) {
            TailLength::Finite(frames) => Some(frames),
            TailLength::Infinite => None,
        }
    }

    /// Forgets all signal.
    pub fn reset(&mut self) {
        self.started.reset();
    }
}

/// What is in a state: the wrapper writes its length, and JSON.
///
/// # Panics
/// It is not of that form.
pub fn unpacked(state: &[u8]) -> serde_json::Value {
    serde_json::from_slice(&state[8..]).expect("a state is JSON behind its length")
}

/// A state of what is in it.
pub fn packed(inside: &serde_json::Value) -> Vec<u8> {
    let json = inside.to_string();
    [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat()
}

fn transport(time: Time, quarters: f64) -> TransportEvent {
    let mut flags = TransportFlags::HAS_TEMPO
        | TransportFlags::HAS_BEATS_TIMELINE
        | TransportFlags::HAS_SECONDS_TIMELINE
        | TransportFlags::HAS_TIME_SIGNATURE;
    flags.set(TransportFlags::IS_PLAYING, time.playing);
    flags.set(TransportFlags::IS_LOOP_ACTIVE, time.looped.is_some());
    let (start, end) = time.looped.unwrap_or_default();
    let seconds = |quarters: f64| SecondsTime::from_float(quarters * 60.0 / time.tempo);
    TransportEvent {
        header: EventHeader::new_core(0, EventFlags::empty()),
        flags,
        song_pos_beats: BeatTime::from_float(quarters),
        song_pos_seconds: seconds(quarters),
        tempo: time.tempo,
        tempo_inc: 0.0,
        loop_start_beats: BeatTime::from_float(start),
        loop_end_beats: BeatTime::from_float(end),
        loop_start_seconds: seconds(start),
        loop_end_seconds: seconds(end),
        bar_start: BeatTime::from_float((quarters / 4.0).floor() * 4.0),
        bar_number: (quarters / 4.0).floor() as i32,
        time_signature_numerator: 4,
        time_signature_denominator: 4,
    }
}

/// The keys that sound at the end of what was sent, by channel.
pub fn hanging(sent: &[Sent]) -> BTreeMap<(u16, u16), i32> {
    let mut held = BTreeMap::new();
    for note in sent {
        *held.entry((note.channel, note.key)).or_insert(0) += if note.on { 1 } else { -1 };
    }
    held.retain(|_, count| *count > 0);
    held
}
