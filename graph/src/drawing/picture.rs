//! A graph in pixels: boxes, and curves between them. What `auralis graph` writes and what the page and the plugin show
//! is this.

use super::{Edge, Flow, layers};

/// A node's box.
pub const BOX: (f32, f32) = (136.0, 52.0);
/// From one node to its neighbour, and from one layer to the next.
pub const STEP: (f32, f32) = (160.0, 94.0);
/// Room around everything: half of what is between two nodes.
pub const MARGIN: (f32, f32) = (12.0, 34.0);
/// How far ways that meet at a box stand apart, at most, and from its corners.
const APART: f32 = 18.0;
const CORNER: f32 = 14.0;
/// How deep a way turns that leads back up.
const TURN: f32 = 34.0;

/// All places, in pixels from the top left.
pub struct Picture {
    /// Its size.
    pub size: (f32, f32),
    /// The top left corners of the boxes.
    pub boxes: Vec<(f32, f32)>,
    /// The ways of the connections.
    pub ways: Vec<Way>,
}

/// The way of a connection.
pub struct Way {
    /// Where it begins.
    pub start: (f32, f32),
    /// What it is drawn with, one after the other.
    pub strokes: Vec<Stroke>,
    /// Where its label stands.
    pub label: (f32, f32),
}

/// A piece of a way, from where the one before ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stroke {
    /// Straight up or down to here.
    Line((f32, f32)),
    /// A cubic Bézier curve: two points that draw it, and its end.
    Curve([(f32, f32); 3]),
}

impl Stroke {
    /// Where it ends.
    pub fn end(&self) -> (f32, f32) {
        match self {
            Self::Line(end) | Self::Curve([_, _, end]) => *end,
        }
    }
}

impl Picture {
    /// Of so many nodes.
    pub fn of(count: usize, edges: &[Edge]) -> Self {
        let pairs: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from.node, edge.to)).collect();
        let placed = layers::place(count, &pairs);
        let x = |across: f32| MARGIN.0 + across * STEP.0;
        let y = |layer: usize| MARGIN.1 + layer as f32 * STEP.1;
        let boxes: Vec<(f32, f32)> =
            placed.nodes.iter().map(|(layer, across)| (x(*across) - BOX.0 / 2.0, y(*layer))).collect();
        let bends: Vec<Vec<f32>> =
            placed.ways.iter().map(|way| way.iter().map(|across| x(*across)).collect()).collect();
        let middle = |node: usize| boxes[node].0 + BOX.0 / 2.0;
        // What a way comes from or leads to next, so that neighbours at a box do not cross.
        let leaves = |edge: usize| match placed.back[edge] {
            true => bends[edge].last().copied().unwrap_or(f32::MAX),
            false => bends[edge].first().copied().unwrap_or_else(|| middle(pairs[edge].1)),
        };
        let arrives = |edge: usize| match placed.back[edge] {
            true => bends[edge].first().copied().unwrap_or(f32::MAX),
            false => bends[edge].last().copied().unwrap_or_else(|| middle(pairs[edge].0)),
        };
        let starts = spread(count, pairs.iter().map(|pair| pair.0), leaves);
        let ends = spread(count, pairs.iter().map(|pair| pair.1), arrives);
        let ways = pairs.iter().zip(edges).enumerate().map(|(edge, ((from, to), Edge { flow, .. }))| {
            let start = (middle(*from) + starts[edge].0, boxes[*from].1 + BOX.1);
            let end = (middle(*to) + ends[edge].0, boxes[*to].1);
            match placed.back[edge] {
                true => back(start, end, &bends[edge]),
                false => {
                    let label = label_at(*flow, ends[edge].1);
                    down(start, end, &bends[edge], placed.nodes[*from].0 + 1, label)
                }
            }
        });
        Self {
            size: (
                (placed.width * STEP.0 + 2.0 * MARGIN.0).ceil(),
                y(placed.count.max(1)) - STEP.1 + BOX.1 + MARGIN.1,
            ),
            ways: ways.collect(),
            boxes,
        }
    }
}

/// How far from the middle of its box each way stands, side by side in the order of `by`, and how many stand left of it.
fn spread(count: usize, at: impl Iterator<Item = usize>, by: impl Fn(usize) -> f32) -> Vec<(f32, usize)> {
    let mut lists = vec![Vec::new(); count];
    let mut places = Vec::new();
    at.enumerate().for_each(|(edge, node)| {
        lists[node].push(edge);
        places.push((0.0, 0));
    });
    for list in &mut lists {
        list.sort_by(|a, b| by(*a).total_cmp(&by(*b)));
        let apart = APART.min((BOX.0 - 2.0 * CORNER) / list.len().saturating_sub(1).max(1) as f32);
        for (index, edge) in list.iter().enumerate() {
            places[*edge] = (apart * (index as f32 - (list.len() as f32 - 1.0) / 2.0), index);
        }
    }
    places
}

/// A way downwards past other layers, the first of which is given.
fn down(start: (f32, f32), end: (f32, f32), bends: &[f32], layer: usize, label: f32) -> Way {
    let mut strokes = Vec::with_capacity(2 * bends.len() + 1);
    let mut at = start;
    for (index, x) in bends.iter().enumerate() {
        let top = MARGIN.1 + (layer + index) as f32 * STEP.1;
        strokes.push(upright(at, (*x, top)));
        at = (*x, top + BOX.1);
        strokes.push(Stroke::Line(at));
    }
    strokes.push(upright(at, end));
    let sideways = label * label * (3.0 - 2.0 * label);
    let label = (at.0 + (end.0 - at.0) * sideways, at.1 + (end.1 - at.1) * label);
    Way { start, strokes, label }
}

/// How far down its last stretch a label stands: an output's name further up, a parameter's further down, and those of
/// neighbours not in one line.
fn label_at(flow: Flow, nth: usize) -> f32 {
    match flow {
        Flow::Audio => 0.5,
        Flow::Notes | Flow::Packets => 0.32,
        Flow::Modulation => [0.56, 0.82][nth % 2],
    }
}

/// A way back up, past the boxes at both of its ends.
fn back(start: (f32, f32), end: (f32, f32), bends: &[f32]) -> Way {
    let lane = start.0.max(end.0) + STEP.0 / 2.0;
    let (first, last) = (bends.last().copied().unwrap_or(lane), bends.first().copied().unwrap_or(lane));
    let (low, high) = (start.1 + TURN, end.1 - TURN);
    let mut strokes = vec![Stroke::Curve([(start.0, low), (first, low), (first, start.1 - 6.0)])];
    let (mut at, mut bottom) = (first, start.1);
    for x in bends.iter().rev().skip(1) {
        let top = bottom - BOX.1;
        strokes.push(Stroke::Line((at, top)));
        bottom -= STEP.1;
        strokes.push(upright((at, top), (*x, bottom)));
        at = *x;
    }
    strokes.push(Stroke::Line((at, end.1 + 6.0)));
    strokes.push(Stroke::Curve([(last, high), (end.0, high), end]));
    Way { start, strokes, label: (first, (start.1 + end.1) / 2.0) }
}

/// A curve that begins and ends upright.
fn upright(from: (f32, f32), to: (f32, f32)) -> Stroke {
    let middle = (from.1 + to.1) / 2.0;
    Stroke::Curve([(from.0, middle), (to.0, middle), to])
}
