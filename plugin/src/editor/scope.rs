//! What a node's sound looks like: its wave and its spectrum. Control side.

use super::theme::{self, AURORA, DIM, FAINT, LINE, TEAL};
use crate::desk::Scene;
use auralis_graph::controller::Tap;
use egui::{Align2, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Frames that a spectrum is made of.
const FRAMES: usize = 4096;
/// Frames of the wave that are shown.
const SHOWN: usize = 1024;
/// The lowest and the highest frequency of the spectrum, in Hz, and its lowest and highest level, in dB.
const LOW: f32 = 30.0;
const HIGH: f32 = 18_000.0;
const FLOOR: f32 = -84.0;
const CEILING: f32 = 0.0;
/// How fast the spectrum falls, in dB a second.
const FALL: f32 = 50.0;

/// The sound of one node.
pub struct Scope {
    fft: Arc<dyn Fft<f32>>,
    window: Vec<f32>,
    scratch: Vec<Complex<f32>>,
    bins: Vec<Complex<f32>>,
    wave: Vec<f32>,
    /// For each column of the spectrum its level in dB.
    columns: Vec<f32>,
    node: String,
    /// What is listened to: of which scene, and by what.
    tap: Option<(Arc<Scene>, Option<Tap>)>,
}

impl Default for Scope {
    fn default() -> Self {
        let fft = FftPlanner::new().plan_fft_forward(FRAMES);
        let turn = |frame: usize| (std::f32::consts::TAU * frame as f32 / FRAMES as f32).cos();
        Self {
            scratch: vec![Complex::default(); fft.get_inplace_scratch_len()],
            fft,
            window: (0..FRAMES).map(|frame| 0.5 - 0.5 * turn(frame)).collect(),
            bins: vec![Complex::default(); FRAMES],
            wave: vec![0.0; FRAMES],
            columns: Vec::new(),
            node: String::new(),
            tap: None,
        }
    }
}

impl Scope {
    /// Listens to nothing any more.
    pub fn close(&mut self) {
        self.tap = None;
    }

    /// Listens to a node. `seconds` have passed since this was last called.
    pub fn listen(&mut self, scene: Option<&Arc<Scene>>, node: &str, seconds: f32) {
        let known = match (&self.tap, scene) {
            (Some((tapped, _)), Some(scene)) => Arc::ptr_eq(tapped, scene) && self.node == node,
            (None, None) => true,
            _ => false,
        };
        if !known {
            if self.node != node {
                self.columns.clear();
                self.node = node.into();
            }
            // The one before is closed first: only the last one taken is in force.
            self.tap = None;
            self.tap = scene.map(|scene| (Arc::clone(scene), scene.controller.tap(node)));
        }
        let tap = self.tap.as_ref().and_then(|(_, tap)| tap.as_ref());
        let got = tap.map_or(0, |tap| tap.read(&mut self.wave)).min(FRAMES);
        if let Some(rest) = self.wave.get_mut(got..) {
            rest.fill(0.0);
        }
        let rate = scene.map_or(48_000.0, |scene| scene.sample_rate as f32);
        self.analyse(rate, seconds);
    }

    fn analyse(&mut self, rate: f32, seconds: f32) {
        const COLUMNS: usize = 160;
        for ((bin, x), weight) in self.bins.iter_mut().zip(&self.wave).zip(&self.window) {
            *bin = Complex::new(x * weight, 0.0);
        }
        self.fft.process_with_scratch(&mut self.bins, &mut self.scratch);
        self.columns.resize(COLUMNS, FLOOR);
        // A sine at full scale is 0 dB: half of it is in the negative frequencies, half is lost to the window.
        let full = FRAMES as f32 / 4.0;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let edge = |at: usize| LOW * (HIGH / LOW).powf(at as f32 / COLUMNS as f32) / rate * FRAMES as f32;
            let level = loudest(&self.bins, edge(index), edge(index + 1)) / full;
            let level = 20.0 * level.max(1e-9).log10();
            *column = level.max(*column - FALL * seconds).clamp(FLOOR, CEILING);
        }
    }

    /// Draws the wave.
    pub fn paint_wave(&self, painter: &Painter, rect: Rect) {
        painter.hline(rect.x_range(), rect.center().y, Stroke::new(1.0, LINE));
        let start = rising(&self.wave);
        let shown = self.wave.get(start..start + SHOWN).unwrap_or(&[]);
        // Quiet sounds are shown larger, and silence as silence.
        let most = shown.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        if most < 1e-4 {
            return;
        }
        let scale = rect.height() * 0.46 / most.max(0.1);
        let step = rect.width() / (SHOWN - 1) as f32;
        let points = shown.iter().enumerate().step_by(2);
        let points: Vec<Pos2> =
            points.map(|(at, x)| pos2(rect.left() + at as f32 * step, rect.center().y - x * scale)).collect();
        painter.add(Shape::line(points, Stroke::new(1.3, AURORA)));
    }

    /// Draws the spectrum, from low to high.
    pub fn paint_spectrum(&self, painter: &Painter, rect: Rect) {
        let x = |hertz: f32| rect.left() + rect.width() * (hertz / LOW).ln() / (HIGH / LOW).ln();
        for (hertz, label) in [(100.0, "100"), (1_000.0, "1k"), (10_000.0, "10k")] {
            painter.vline(x(hertz), rect.y_range(), Stroke::new(1.0, LINE));
            let at = pos2(x(hertz) + 3.0, rect.top());
            painter.text(at, Align2::LEFT_TOP, label, theme::font(9.5), FAINT);
        }
        painter.hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, LINE));
        let height = |level: f32| rect.height() * (level - FLOOR) / (CEILING - FLOOR);
        if self.columns.iter().all(|level| *level <= FLOOR) {
            return;
        }
        let step = rect.width() / self.columns.len().max(1) as f32;
        let points = self.columns.iter().enumerate().map(|(index, level)| {
            pos2(rect.left() + (index as f32 + 0.5) * step, rect.bottom() - height(*level))
        });
        let points: Vec<Pos2> = points.collect();
        for point in &points {
            let column =
                Rect::from_min_max(*point - vec2(step / 2.0, 0.0), pos2(point.x + step / 2.0, rect.bottom()));
            let ends = [AURORA.gamma_multiply(0.38), TEAL.gamma_multiply(0.08)];
            painter.add(Shape::gradient_rect(column, egui::Direction::TopDown, ends));
        }
        painter.add(Shape::line(points, Stroke::new(1.2, theme::mix(AURORA, DIM, 0.2))));
    }
}

/// The largest of the bins between two places; where there is none between them, what their neighbours make likely.
fn loudest(bins: &[Complex<f32>], from: f32, to: f32) -> f32 {
    let norm = |bin: usize| bins.get(bin).map_or(0.0, |bin| bin.norm());
    let (first, last) = (from.ceil() as usize, to.floor() as usize);
    if last <= first + 1 {
        let middle = (from + to) / 2.0;
        let (low, way) = (middle.floor() as usize, middle.fract());
        return norm(low) + (norm(low + 1) - norm(low)) * way;
    }
    (first..=last.min(bins.len() / 2)).fold(0.0f32, |most, bin| most.max(norm(bin)))
}

/// Where a wave first goes up through zero, so that what is steady stands still.
fn rising(wave: &[f32]) -> usize {
    let first = wave.len().saturating_sub(2 * SHOWN);
    let places = wave.windows(2).enumerate().skip(first).take(SHOWN);
    places
        .filter(|(_, pair)| matches!(pair, [a, b] if *a <= 0.0 && *b > 0.0))
        .map(|(at, _)| at)
        .next()
        .unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_stands_at_its_frequency_and_level() {
        let mut scope = Scope::default();
        let step = std::f32::consts::TAU * 1_000.0 / 48_000.0;
        scope.wave = (0..FRAMES).map(|frame| 0.5 * (step * frame as f32).sin()).collect();
        scope.analyse(48_000.0, 0.0);
        let (at, level) = scope.columns.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        let hertz = LOW * (HIGH / LOW).powf((at as f32 + 0.5) / scope.columns.len() as f32);
        assert!((900.0..1_100.0).contains(&hertz), "{hertz}");
        assert!((level + 6.0).abs() < 1.5, "{level}");
        assert!(scope.wave[rising(&scope.wave)] <= 0.0);
    }
}
