//! The instrument as hosts have it.

use crate::builder::Builder;
use crate::desk::{Desk, Setup};
use crate::editor::InstrumentEditor;
use crate::identity::{CLAP_ID, NAME, VENDOR, VST3_ID};
use crate::params::InstrumentParams;
use crate::player::{Block, Host, Moment, Player, Stage};
use crate::wishes::Wishes;
use auralis_graph::node::Tail;
use nice_plug::context::process::SendEventError;
use nice_plug::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an engine when a host activates the instrument: a SoundFont can be large.
const PATIENCE: Duration = Duration::from_secs(30);
/// Voices that hosts are told of at most.
const MOST_VOICES: u32 = 1024;

/// One instance of the instrument.
pub struct Auralis {
    params: Arc<InstrumentParams>,
    desk: Arc<Desk>,
    stage: Arc<Stage>,
    player: Option<(Setup, Player)>,
    latency: u32,
    voices: u32,
    /// Last, so that it ends after nothing plays any more.
    _builder: Builder,
}

impl Default for Auralis {
    fn default() -> Self {
        let (desk, stage) = (Arc::new(Desk::new()), Arc::new(Stage::new()));
        let params = Arc::new(InstrumentParams::new(&desk));
        desk.belong_to(&params);
        let builder = Builder::start(&desk, &stage);
        Self { params, desk, stage, player: None, latency: 0, voices: 0, _builder: builder }
    }
}

impl Plugin for Auralis {
    const NAME: &'static str = NAME;
    const VENDOR: &'static str = VENDOR;
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] =
        &[AudioIOLayout { main_output_channels: NonZeroU32::new(2), ..AudioIOLayout::const_default() }];
    const MIDI_INPUT: MidiConfig = MidiConfig::MidiCCs;
    const MIDI_OUTPUT: MidiConfig = MidiConfig::Basic;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;
    type Editor = InstrumentEditor;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<InstrumentEditor> {
        Some(InstrumentEditor::new(&self.desk, &self.params))
    }

    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let offline = config.process_mode == ProcessMode::Offline;
        let setup = Setup { sample_rate: config.sample_rate.round() as u32, offline };
        if !(8_000..=384_000).contains(&setup.sample_rate) {
            tracing::error!("a sample rate of {} Hz is outside of 8,000 to 384,000", setup.sample_rate);
            return false;
        }
        if self.player.as_ref().is_none_or(|(before, _)| *before != setup) {
            // What is under way is for the setup before.
            self.stage.sweep(true);
            let player = Player::new(Arc::clone(&self.desk), Arc::clone(&self.stage), setup);
            self.player = Some((setup, player));
        }
        if !self.desk.set_up(setup, PATIENCE) {
            tracing::warn!("the piece takes long to load: silence until it has");
        }
        if let Some((_, player)) = &mut self.player {
            player.settle();
            self.latency = player.latency();
            self.voices = player.voice_limit(MOST_VOICES);
            self.desk.gauges.set_latency(self.latency);
            context.set_latency_samples(self.latency);
            context.set_current_voice_capacity(self.voices);
        }
        true
    }

    fn reset(&mut self) {
        if let Some((_, player)) = &mut self.player {
            player.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer<'_>,
        _aux: &mut AuxiliaryBuffers<'_>,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let wishes = Wishes::of(&self.params);
        let moment = moment(context.transport());
        self.desk.gauges.set_tempo(moment.tempo.unwrap_or(0.0));
        let ([left, right], Some((_, player))) = (buffer.as_slice(), &mut self.player) else {
            buffer.as_slice().iter_mut().for_each(|channel| channel.fill(0.0));
            return ProcessStatus::Normal;
        };
        player
            .process(Block { left, right, moment, wishes }, &mut Context(context, std::marker::PhantomData));
        let (latency, voices) = (player.latency(), player.voice_limit(MOST_VOICES));
        if latency != self.latency {
            self.latency = latency;
            self.desk.gauges.set_latency(latency);
            context.set_latency_samples(latency);
        }
        if voices != self.voices {
            self.voices = voices;
            context.set_current_voice_capacity(voices);
        }
        match player.patch().map(|patch| patch.tail) {
            Some(Tail::Frames(frames)) => ProcessStatus::Tail(u32::try_from(frames).unwrap_or(u32::MAX)),
            _ => ProcessStatus::KeepAlive,
        }
    }
}

/// What the wrapper's context gives, as the player wants it.
struct Context<'a, P, C>(&'a mut C, std::marker::PhantomData<P>);

impl<P: Plugin<SysExMessage = ()>, C: ProcessContext<P>> Host for Context<'_, P, C> {
    fn next_event(&mut self) -> Option<NoteEvent<()>> {
        self.0.next_event()
    }

    fn send(&mut self, event: NoteEvent<()>) -> bool {
        // A host that takes no notes at all will not take them later either.
        !matches!(self.0.try_send_event(event), Err((_, SendEventError::HostBufferFull)))
    }
}

fn moment(transport: &Transport) -> Moment {
    Moment {
        playing: transport.playing,
        tempo: transport.tempo,
        quarters: transport.pos_beats(),
        looped: transport.loop_range_beats(),
    }
}

impl ClapPlugin for Auralis {
    const CLAP_ID: &'static str = CLAP_ID;
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Living music from a text file");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::Instrument, ClapFeature::Synthesizer, ClapFeature::NoteEffect, ClapFeature::Stereo];
    const CLAP_POLY_MODULATION_CONFIG: Option<PolyModulationConfig> =
        Some(PolyModulationConfig { max_voice_capacity: MOST_VOICES, supports_overlapping_voices: true });

    fn remote_controls(&self, context: &mut impl RemoteControlsContext) {
        let params = &self.params;
        context.add_section("Piece", |section| {
            section.add_page("Piece", |page| {
                page.add_param(&params.intensity);
                page.add_param(&params.key);
                page.add_param(&params.mode);
                page.add_param(&params.tempo);
                page.add_param(&params.seed);
                page.add_param(&params.free);
                page.add_param(&params.through);
            });
        });
        context.add_section("Controls", |section| {
            section.add_page("Controls", |page| {
                params.slots.iter().for_each(|slot| page.add_param(&slot.place));
            });
        });
        context.add_section("Mix", |section| {
            section.add_page("Mix", |page| {
                params.buses.iter().for_each(|bus| page.add_param(&bus.level));
            });
        });
    }
}

impl Vst3Plugin for Auralis {
    const VST3_CLASS_ID: [u8; 16] = VST3_ID;
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Instrument, Vst3SubCategory::Synth, Vst3SubCategory::Stereo];
}
