//! A graph as a picture in a file: dark on light, without anything that a viewer would have to load.

use auralis_graph::Preset;
use auralis_graph::drawing::{BOX, Edge, Picture, Stroke, Way};
use std::fmt::Write;

const STYLE: &str = "text { font: 13px system-ui, sans-serif; fill: #10151f; text-anchor: middle; }
  .kind { font-size: 11px; fill: #5a6373; }
  .label { font-size: 10px; fill: #5a6373; stroke: #fff; stroke-width: 4px; paint-order: stroke; }
  rect { fill: #f5f3ee; stroke: #10151f; }
  path { fill: none; stroke: #2a8a84; stroke-width: 2px; }
  .notes { stroke: #b5792a; stroke-dasharray: 1 5; stroke-linecap: round; stroke-width: 3px; }
  .packets { stroke: #10151f; stroke-dasharray: 10 4; }
  .modulation { stroke: #6a5fb0; stroke-dasharray: 5 4; stroke-width: 1.5px; }";

/// Writes a picture. Names, kinds and labels are words that need no escaping.
pub fn write(preset: &Preset, edges: &[Edge]) -> String {
    let picture = Picture::of(preset.nodes.len(), edges);
    let (width, height) = picture.size;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<style>{STYLE}</style>\n\
         <path d=\"M0 0H{width:.0}V{height:.0}H0z\" style=\"fill: #fff; stroke: none\"/>\n"
    );
    for (edge, way) in edges.iter().zip(&picture.ways) {
        let _ = writeln!(out, "<path class=\"{}\" d=\"{}\"/>", edge.flow.word(), path(way));
    }
    for (edge, way) in edges.iter().zip(&picture.ways).filter(|(edge, _)| !edge.label.is_empty()) {
        let (x, y) = way.label;
        let _ = writeln!(out, "<text class=\"label\" x=\"{x:.0}\" y=\"{y:.0}\">{}</text>", edge.label);
    }
    for (node, (x, y)) in preset.nodes.iter().zip(&picture.boxes) {
        let (width, height) = BOX;
        let middle = x + width / 2.0;
        let _ = writeln!(
            out,
            "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\
             <text x=\"{middle:.0}\" y=\"{:.0}\">{}</text><text class=\"kind\" x=\"{middle:.0}\" y=\"{:.0}\">{}</text>",
            y + 23.0,
            node.name,
            y + 39.0,
            node.kind.name
        );
    }
    out + "</svg>\n"
}

/// A way as a path of SVG.
pub fn path(way: &Way) -> String {
    let mut path = format!("M{:.0} {:.0}", way.start.0, way.start.1);
    for stroke in &way.strokes {
        let _ = match stroke {
            Stroke::Line((_, y)) => write!(path, "V{y:.0}"),
            Stroke::Curve([a, b, end]) => {
                write!(path, "C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}", a.0, a.1, b.0, b.1, end.0, end.1)
            }
        };
    }
    path
}
