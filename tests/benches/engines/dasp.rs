//! dasp_graph: boxed nodes in a directed graph that is walked depth first for each block of 64 frames.

use crate::kernels::{self, CHAINS, Filter, GROUPS, Sine};
use dasp_graph::{BoxedNodeSend, Buffer, Input, Node, NodeData, Processor};
use petgraph_0_5::graph::{DiGraph, NodeIndex};

type Graph = DiGraph<NodeData<BoxedNodeSend>, ()>;

/// A graph and the node that is asked for sound.
pub struct Dasp {
    graph: Graph,
    processor: Processor<Graph>,
    last: NodeIndex,
}

impl Dasp {
    fn new() -> Self {
        Self {
            graph: Graph::with_capacity(2048, 2048),
            processor: Processor::with_capacity(2048),
            last: NodeIndex::new(0),
        }
    }

    fn push(&mut self, node: impl Node + Send + 'static, from: &[NodeIndex]) -> NodeIndex {
        self.last = self.graph.add_node(NodeData::new1(BoxedNodeSend::new(node)));
        for source in from {
            self.graph.add_edge(*source, self.last, ());
        }
        self.last
    }

    /// A chain of nodes that do nothing.
    pub fn empty(nodes: usize) -> Self {
        let mut dasp = Self::new();
        let mut last = dasp.push(Empty, &[]);
        for _ in 1..nodes {
            last = dasp.push(Empty, &[last]);
        }
        dasp
    }

    /// The graph that sounds.
    pub fn sounding() -> Self {
        let mut dasp = Self::new();
        let mut groups = Vec::new();
        for group in 0..GROUPS {
            let mut chains = Vec::new();
            for chain in 0..CHAINS {
                let sine = dasp.push(Sine::new(kernels::frequency(group, chain)), &[]);
                let gain = dasp.push(Gain, &[sine]);
                chains.push(dasp.push(Filter::new(kernels::cutoff(chain)), &[gain]));
            }
            let mix = dasp.push(Mix, &chains);
            groups.push(dasp.push(Gain, &[mix]));
        }
        dasp.push(Mix, &groups);
        dasp
    }

    /// One block of 64 frames.
    pub fn block(&mut self) -> f32 {
        self.processor.process(&mut self.graph, self.last);
        self.graph[self.last].buffers[0][Buffer::LEN - 1]
    }
}

struct Empty;

impl Node for Empty {
    fn process(&mut self, _inputs: &[Input], _output: &mut [Buffer]) {}
}

impl Node for Sine {
    fn process(&mut self, _inputs: &[Input], output: &mut [Buffer]) {
        self.run(&mut output[0]);
    }
}

impl Node for Filter {
    fn process(&mut self, inputs: &[Input], output: &mut [Buffer]) {
        self.run(&inputs[0].buffers()[0], &mut output[0]);
    }
}

struct Gain;

impl Node for Gain {
    fn process(&mut self, inputs: &[Input], output: &mut [Buffer]) {
        kernels::gain(&inputs[0].buffers()[0], &mut output[0]);
    }
}

struct Mix;

impl Node for Mix {
    fn process(&mut self, inputs: &[Input], output: &mut [Buffer]) {
        output[0].copy_from_slice(&inputs[0].buffers()[0]);
        for input in &inputs[1..] {
            kernels::add(&input.buffers()[0], &mut output[0]);
        }
    }
}
