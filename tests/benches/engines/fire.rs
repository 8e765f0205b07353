//! Firewheel: a compiled schedule, run in blocks of up to 128 frames.

use crate::kernels::{self, CHAINS, Filter, GROUPS, Sine};
use audioadapter_buffers::direct::SequentialSlice;
use firewheel_core::channel_config::{ChannelConfig, ChannelCount};
use firewheel_core::node::{
    AudioNode, AudioNodeInfo, AudioNodeProcessor, ConstructProcessorContext, EmptyConfig, NodeError, NodeID,
    ProcBuffers, ProcExtra, ProcInfo, ProcessStatus, StreamStatus,
};
use firewheel_graph::backend::BackendProcessInfo;
use firewheel_graph::processor::FirewheelProcessor;
use firewheel_graph::{ActivateInfo, FirewheelConfig, FirewheelContext};
use std::num::NonZeroU32;
use std::time::Duration;

/// Frames of a block.
pub const BLOCK: usize = 128;

/// A context with its processor.
pub struct Fire {
    // Dropped before its context.
    processor: FirewheelProcessor,
    _context: FirewheelContext,
    output: [f32; BLOCK],
}

impl Fire {
    fn new(fill: impl FnOnce(&mut FirewheelContext) -> NodeID) -> Self {
        let config = FirewheelConfig {
            num_graph_outputs: ChannelCount::MONO,
            initial_node_capacity: 2048,
            initial_edge_capacity: 4096,
            channel_capacity: 256,
            ..FirewheelConfig::default()
        };
        let mut context = FirewheelContext::new(config);
        let last = fill(&mut context);
        let out = context.graph_out_node_id();
        context.connect(last, out, &[(0, 0)], false).expect("the output takes it");
        let info = ActivateInfo {
            sample_rate: NonZeroU32::new(kernels::RATE as u32).expect("it is not 0"),
            max_block_frames: NonZeroU32::new(BLOCK as u32).expect("it is not 0"),
            num_stream_in_channels: 0,
            num_stream_out_channels: 1,
            input_to_output_latency_seconds: 0.0,
        };
        let processor = context.activate(info).expect("it can be activated");
        context.update().expect("it can be compiled");
        let mut fire = Self { processor, _context: context, output: [0.0; BLOCK] };
        // The first block takes the schedule over.
        fire.block();
        fire
    }

    /// A chain of nodes that do nothing.
    pub fn empty(nodes: usize) -> Self {
        Self::new(|context| {
            let mut last = push(context, Plain { inputs: 0, kernel: Empty }, &[]);
            for _ in 1..nodes {
                last = push(context, Plain { inputs: 1, kernel: Empty }, &[last]);
            }
            last
        })
    }

    /// The graph that sounds.
    pub fn sounding() -> Self {
        Self::new(|context| {
            let mut groups = Vec::new();
            for group in 0..GROUPS {
                let mut chains = Vec::new();
                for chain in 0..CHAINS {
                    let sine = Tone(Sine::new(kernels::frequency(group, chain)));
                    let sine = push(context, Plain { inputs: 0, kernel: sine }, &[]);
                    let gain = push(context, Plain { inputs: 1, kernel: Gain }, &[sine]);
                    let filter = Low(Filter::new(kernels::cutoff(chain)));
                    chains.push(push(context, Plain { inputs: 1, kernel: filter }, &[gain]));
                }
                let mix = push(context, Plain { inputs: CHAINS as u32, kernel: Mix }, &chains);
                groups.push(push(context, Plain { inputs: 1, kernel: Gain }, &[mix]));
            }
            push(context, Plain { inputs: GROUPS as u32, kernel: Mix }, &groups)
        })
    }

    /// One block of 128 frames.
    pub fn block(&mut self) -> f32 {
        let nothing: [f32; 0] = [];
        let input = SequentialSlice::new(&nothing, 0, 0).expect("nothing fits");
        let mut output = SequentialSlice::new_mut(&mut self.output, 1, BLOCK).expect("one channel fits");
        let info = BackendProcessInfo {
            frames: BLOCK,
            process_timestamp: None,
            duration_since_stream_start: Duration::ZERO,
            input_stream_status: StreamStatus::empty(),
            output_stream_status: StreamStatus::empty(),
            dropped_frames: 0,
            process_to_playback_delay: None,
        };
        self.processor.process(&input, &mut output, info);
        self.output[BLOCK - 1]
    }
}

/// Adds a node; each source goes to an input of its own.
fn push<K: Kernel>(context: &mut FirewheelContext, node: Plain<K>, from: &[NodeID]) -> NodeID {
    let id = context.add_node(node, None).expect("there is room");
    for (port, source) in from.iter().enumerate() {
        context.connect(*source, id, &[(0, port as u32)], false).expect("the ports are there");
    }
    id
}

/// A kernel that has one output.
trait Kernel: Clone + Send + 'static {
    fn run(&mut self, inputs: &[&[f32]], out: &mut [f32]);
}

/// A kernel as a node, and as its own processor.
#[derive(Clone)]
struct Plain<K> {
    inputs: u32,
    kernel: K,
}

impl<K: Kernel> AudioNode for Plain<K> {
    type Configuration = EmptyConfig;

    fn info(&self, _configuration: &EmptyConfig) -> Result<AudioNodeInfo, NodeError> {
        let num_inputs = ChannelCount::new(self.inputs).expect("it has few");
        let channels = ChannelConfig { num_inputs, num_outputs: ChannelCount::MONO };
        Ok(AudioNodeInfo::new().channel_config(channels))
    }

    fn construct_processor(
        &self,
        _configuration: &EmptyConfig,
        _cx: ConstructProcessorContext<'_>,
    ) -> Result<impl AudioNodeProcessor, NodeError> {
        Ok(self.clone())
    }
}

impl<K: Kernel> AudioNodeProcessor for Plain<K> {
    fn process(
        &mut self,
        _info: &ProcInfo,
        buffers: ProcBuffers<'_, '_>,
        _extra: &mut ProcExtra,
    ) -> ProcessStatus {
        self.kernel.run(buffers.inputs, &mut *buffers.outputs[0]);
        ProcessStatus::OutputsModified
    }
}

#[derive(Clone)]
struct Empty;

impl Kernel for Empty {
    fn run(&mut self, _inputs: &[&[f32]], _out: &mut [f32]) {}
}

#[derive(Clone)]
struct Tone(Sine);

impl Kernel for Tone {
    fn run(&mut self, _inputs: &[&[f32]], out: &mut [f32]) {
        self.0.run(out);
    }
}

#[derive(Clone)]
struct Low(Filter);

impl Kernel for Low {
    fn run(&mut self, inputs: &[&[f32]], out: &mut [f32]) {
        self.0.run(inputs[0], out);
    }
}

#[derive(Clone)]
struct Gain;

impl Kernel for Gain {
    fn run(&mut self, inputs: &[&[f32]], out: &mut [f32]) {
        kernels::gain(inputs[0], out);
    }
}

#[derive(Clone)]
struct Mix;

impl Kernel for Mix {
    fn run(&mut self, inputs: &[&[f32]], out: &mut [f32]) {
        out.copy_from_slice(inputs[0]);
        for input in &inputs[1..] {
            kernels::add(input, out);
        }
    }
}
